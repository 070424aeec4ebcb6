#!/bin/bash
# eventsource 4.0.0 (npm), a client of server-sent events by WHATWG's standard: a stream ends, and the next try is
# answered 503, or by a proxy with 502, because the server starts anew.
# Expected: it tries again after `retry`, as when the connection is lost or refused.
# Seen: any status but 200 ends it for good (readyState 2), as the standard has it. So a page that comes back by itself
# when it is served directly stays dark behind a proxy, whose clients never see a refused connection.
# sm: docs/http.md says that a page behind a proxy has to make a new EventSource when one is closed.
. "$(dirname "$0")/common"
node_modules eventsource@4.0.0
cat > "$here/look.mjs" <<'JS'
import { createServer } from "http";
import { EventSource } from "eventsource";
for (const how of ["lost", 503, 502]) {
  let asked = 0;
  const server = createServer((_, answer) => {
    if (++asked === 2 && how === "lost") return answer.destroy();
    answer.writeHead(asked === 2 ? how : 200, { "Content-Type": "text/event-stream" });
    answer.end(asked === 2 ? "" : "retry: 20\n\ndata: x\n\n");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const source = new EventSource(`http://127.0.0.1:${server.address().port}/`);
  const seen = await new Promise((told) => {
    source.onmessage = () => asked > 2 && told("comes back");
    source.onerror = () => source.readyState === 2 && told("closed");
  });
  console.log(`${how}: ${seen}`);
  source.close();
  server.close();
}
JS
seen=$(cd "$here" && timeout 20 node look.mjs)
same "the second try" "lost: comes back 503: closed 502: closed" "$(paste -sd' ' <<< "$seen")"
