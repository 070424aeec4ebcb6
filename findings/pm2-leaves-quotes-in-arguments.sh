#!/bin/bash
# pm2 7.0.4: "args" of an ecosystem as one text with quotes.
# Expected: quotes hold words together and are taken off, as in a shell; a backslash protects a blank.
# Seen: --title="good day" reaches the program with its quotes, "good day" without; a backslash protects nothing.
# sm: `smctl import` splits the text in the same way.
. "$(dirname "$0")/common"
node_modules pm2@7.0.4
mkdir "$here/app"
echo 'require("fs").writeFileSync("seen", process.argv.slice(2).join("|")); setInterval(() => {}, 1000)' > "$here/app/a.js"
cat > "$here/app/ecosystem.json" <<'JSON'
{"apps": [{"name": "x", "script": "a.js", "args": "--title=\"good day\" \"good day\" a\\ b", "autorestart": false}]}
JSON
export PM2_HOME=$here/pm2
pm2() { (cd "$here/app" && timeout 60 "$here/node_modules/.bin/pm2" "$@"); }
pm2 start ecosystem.json >/dev/null 2>&1 || true
for _ in $(seq 100); do [ -s "$here/app/seen" ] && break; sleep 0.1; done
seen=$(cat "$here/app/seen" 2>/dev/null || true)
pm2 kill >/dev/null 2>&1 || true
same 'args' '--title="good day"|good day|a\|b' "$seen"
