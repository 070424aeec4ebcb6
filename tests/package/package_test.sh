#!/bin/bash
# Installs the build into a folder of its own, builds an outside project against it and uses it.
# usage: package_test.sh SOURCE BUILD
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
pid=
cleanup() {
  if [ -n "$pid" ]; then kill -KILL "$pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

cmake --install "$build" --prefix "$work/prefix" > /dev/null
cmake -S "$source/tests/package" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_FLAGS="${SM_PACKAGE_FLAGS:-}" > /dev/null
cmake --build "$work/build" > /dev/null

"$work/build/outside" --state "$work/state" --listen 127.0.0.1:0 2> "$work/words" &
pid=$!
for _ in $(seq 1000); do
  [ -s "$work/state/http" ] && curl -sf "http://$(cat "$work/state/http")/readyz" > /dev/null && break
  kill -0 "$pid" || { cat "$work/words"; exit 1; }
  read -rt 0.02 <> <(:) || true
done
answer=$(curl -sf "http://$(cat "$work/state/http")/greet/world")
[ "$answer" = '"hello world"' ] || { echo "unexpected answer: $answer"; exit 1; }
kill -TERM "$pid"
wait "$pid"
pid=
