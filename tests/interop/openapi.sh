#!/bin/bash
# tests/interop/openapi.sh PROGRAM SMD: what tools of others say of the /v1/openapi.json of a program, and of smd's.
# redocly's recommended rules and swagger-parser must accept both; the program's answers must fit the schemas (ajv); and
# a TypeScript client that openapi-typescript makes of smd's must compile and drive all of its API. Needs node 18, npm
# and its registry; without them it ends with 77, which stands for "skipped".
set -euo pipefail
program=$(realpath "${1:?usage: openapi.sh PROGRAM SMD}") smd=$(realpath "${2:?usage: openapi.sh PROGRAM SMD}")
suite=$(dirname "$(realpath "$0")")
skip() { echo "skipped: $1"; exit 77; }
command -v node >/dev/null && command -v npm >/dev/null || skip "there is no node"

here=$(mktemp -d)
manager=
finish() {
  if [ -n "$manager" ]; then kill "$manager" 2>/dev/null && wait "$manager" || true; fi
  rm -rf "$here"
}
trap finish EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @redocly/cli@1.34.5 @apidevtools/swagger-parser@12.0.0 ajv@8.17.1 \
  openapi-typescript@7.9.1 openapi-fetch@0.14.0 typescript@5.9.2 @types/node@18.19.130 >npm.log 2>&1 ||
  skip "npm gets no packages: $(tail -1 npm.log)"

cp "$suite/openapi_client.mts" "$suite/openapi_answers.mjs" .

# start STATE COMMAND...: until it is ready; its document is openapi.json then.
start() {
  local state=$1
  shift
  mkdir -m 700 "$state"
  "$@" --state "$state" --listen 127.0.0.1:0 >"$state.log" 2>&1 &
  manager=$!
  for _ in $(seq 200); do
    [ -s "$state/http" ] && [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$(cat "$state/http")/readyz")" = 200 ] && break
    sleep 0.05
  done
  curl -sf --unix-socket "$state/sm.sock" http://localhost/v1/openapi.json >openapi.json
}

look_at_document() {
  echo "== redocly"
  REDOCLY_TELEMETRY=off npx redocly lint --extends recommended openapi.json 2>&1 | tee redocly.log
  ! grep -qE '(Error|Warning) was generated|^\[[0-9]+\] ' redocly.log || { echo "redocly finds something"; exit 1; }
  echo "== swagger-parser"
  node -e 'require("@apidevtools/swagger-parser").validate("openapi.json").then(d => console.log("valid:", d.info.title), e => { console.error(e.message); process.exit(1); })'
}

start program "$program"
look_at_document
echo "== answers"
node openapi_answers.mjs "http://$(cat program/http)" "$(cat program/token)"
kill "$manager" && wait "$manager" || true

printf '[http]\nprograms = true\n[queue]\n[service.base]\ncommand = ["sleep", "1000"]\n' >smd.toml
start smd "$smd" --config smd.toml
look_at_document
echo "== client"
npx openapi-typescript openapi.json -o api.d.ts >/dev/null
npx tsc --noEmit false --outDir out --module nodenext --moduleResolution nodenext --target es2022 --strict \
  --skipLibCheck --types node openapi_client.mts
node out/openapi_client.mjs "http://$(cat smd/http)" "$(cat smd/token)" smd.toml
