#!/bin/bash
# pm2 7.0.4: an executable text file without an ending that it knows, such as bin/serve with "#!/bin/sh".
# Expected: it is executed, and its first line says by what.
# Seen: node is given it, whatever its first line says, and it ends with a SyntaxError.
# sm: `smctl import` goes by the first line, and says where pm2 does not.
. "$(dirname "$0")/common"
node_modules pm2@7.0.4
mkdir "$here/app"
printf '%s\n' '#!/bin/sh' 'echo "run by a shell: $0" > seen' 'sleep 100' > "$here/app/serve"
chmod +x "$here/app/serve"
echo '{"apps": [{"name": "x", "script": "./serve", "autorestart": false}]}' > "$here/app/ecosystem.json"
export PM2_HOME=$here/pm2
pm2() { (cd "$here/app" && timeout 60 "$here/node_modules/.bin/pm2" "$@"); }
pm2 start ecosystem.json >/dev/null 2>&1 || true
for _ in $(seq 100); do
  [ -s "$here/app/seen" ] || grep -qs SyntaxError "$here"/pm2/logs/x-error*.log && break
  sleep 0.1
done
seen=$([ -e "$here/app/seen" ] && cat "$here/app/seen" || grep -ho SyntaxError "$here"/pm2/logs/x-error*.log | head -1)
pm2 kill >/dev/null 2>&1 || true
same "serve" "SyntaxError" "$seen"
