#!/bin/bash
# tests/interop/openapi.sh PROGRAM: what tools of others say of a program's /v1/openapi.json. redocly's recommended
# rules and swagger-parser must accept it; real answers must fit its schemas (ajv); and a TypeScript client that
# openapi-typescript makes of it must compile and drive the API. Needs node 18, npm and its registry; without them it
# ends with 77, which stands for "skipped".
set -euo pipefail
program=$(realpath "${1:?usage: openapi.sh PROGRAM}")
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

mkdir -m 700 state
"$program" --state state --listen 127.0.0.1:0 >manager.log 2>&1 &
manager=$!
for _ in $(seq 200); do
  [ -s state/http ] && [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$(cat state/http)/readyz")" = 200 ] && break
  sleep 0.05
done
curl -sf --unix-socket state/sm.sock http://localhost/v1/openapi.json >openapi.json

echo "== redocly"
REDOCLY_TELEMETRY=off npx redocly lint --extends recommended openapi.json 2>&1 | tee redocly.log
! grep -qE '(Error|Warning) was generated|^\[[0-9]+\] ' redocly.log || { echo "redocly finds something"; exit 1; }
echo "== swagger-parser"
node -e 'require("@apidevtools/swagger-parser").validate("openapi.json").then(d => console.log("valid:", d.info.title), e => { console.error(e.message); process.exit(1); })'
cp "$suite/openapi_client.mts" "$suite/openapi_answers.mjs" .
echo "== answers"
node openapi_answers.mjs "http://$(cat state/http)" "$(cat state/token)"
echo "== client"
npx openapi-typescript openapi.json -o api.d.ts >/dev/null
npx tsc --noEmit false --outDir out --module nodenext --moduleResolution nodenext --target es2022 --strict \
  --skipLibCheck --types node openapi_client.mts
node out/openapi_client.mjs "http://$(cat state/http)" "$(cat state/token)"
