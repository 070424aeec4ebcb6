#!/bin/bash
# Installs the build into a folder of its own, builds an outside project against it in each way that
# there is, and uses it.
# usage: package_test.sh SOURCE BUILD [whole]
# With "whole" the project that has sm's source within it is built to the end, which takes minutes;
# else only what is its own.
set -euo pipefail
source=$1 build=$2 whole=${3:-}
work=$(mktemp -d)
pid=
cleanup() {
  if [ -n "$pid" ]; then kill -KILL "$pid" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

# greets PROGRAM: runs it, and asks it.
greets() {
  "$1" --state "$1.state" --listen 127.0.0.1:0 2> "$work/words" &
  pid=$!
  for _ in $(seq 1000); do
    [ -s "$1.state/http" ] && curl -sf "http://$(cat "$1.state/http")/readyz" > /dev/null && break
    kill -0 "$pid" || { cat "$work/words"; exit 1; }
    read -rt 0.02 <> <(:) || true
  done
  answer=$(curl -sf "http://$(cat "$1.state/http")/greet/world")
  [ "$answer" = '"hello world"' ] || { echo "$1: unexpected answer: $answer"; exit 1; }
  kill -TERM "$pid"
  wait "$pid"
  pid=
}

configure() {
  cmake -S "$source/tests/package" -B "$1" -G Ninja -DCMAKE_CXX_FLAGS="${SM_PACKAGE_FLAGS:-}" "${@:2}" > /dev/null
}

cmake --install "$build" --prefix "$work/prefix" > /dev/null

echo "== find_package(sm)"
configure "$work/found" -DCMAKE_PREFIX_PATH="$work/prefix"
cmake --build "$work/found" > /dev/null
greets "$work/found/outside"

echo "== pkg-config libsm"
file=$(find "$work/prefix" -name libsm.pc)
export PKG_CONFIG_PATH=${file%/*}
# shellcheck disable=SC2046,SC2086
${CXX:-c++} ${SM_PACKAGE_FLAGS:-} $(pkg-config --cflags libsm) "$source/tests/package/main.cpp" \
  $(pkg-config --libs libsm) -o "$work/by_pkg_config"
greets "$work/by_pkg_config"

echo "== add_subdirectory"
configure "$work/within" -DSM_SOURCE="$source"
if [ "$whole" = whole ]; then
  cmake --build "$work/within" > /dev/null
  greets "$work/within/outside"
else
  cmake --build "$work/within" --target CMakeFiles/outside.dir/main.cpp.o > /dev/null
fi
