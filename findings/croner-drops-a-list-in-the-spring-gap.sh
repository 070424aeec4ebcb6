#!/bin/bash
# croner 11.0.1 (npm): minutes of the hour that the spring change leaves out, in Europe/Berlin.
# Expected: "30 2 * * *" and "*/15 2 * * *" are treated alike on 2026-03-29: both move behind the gap, or both do not run.
# Seen: the single time moves to 03:00 (01:00Z); of the four times in the same hour none runs that day.
# sm: all times of the gap are one run right behind it, however they were written.
. "$(dirname "$0")/common"
node_modules croner@11.0.1
cat > "$here/gap.mjs" <<'JS'
import { Cron } from "croner";
for (const text of ["30 2 * * *", "*/15 2 * * *"])
  console.log(new Cron(text, { timezone: "Europe/Berlin" }).nextRun(new Date("2026-03-28T12:00:00Z")).toISOString());
JS
seen=$(node "$here/gap.mjs")
same "30 2 * * *" "2026-03-29T01:00:00.000Z" "$(sed -n 1p <<< "$seen")"
same "*/15 2 * * *" "2026-03-30T00:00:00.000Z" "$(sed -n 2p <<< "$seen")"
