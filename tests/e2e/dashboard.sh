#!/bin/bash
# tests/e2e/dashboard.sh PROGRAM SMD [SCREENSHOTS]: the dashboard in a real Chromium. Needs chromium, node 18, npm and its
# registry; without them it ends with 77, which stands for "skipped". SCREENSHOTS is a folder that gets those of docs/.
set -euo pipefail
program=$(realpath "${1:?usage: dashboard.sh PROGRAM SMD [SCREENSHOTS]}") smd=$(realpath "${2:?}")
suite=$(dirname "$(realpath "$0")")
skip() { echo "skipped: $1"; exit 77; }
chromium=$(command -v chromium) || skip "there is no chromium"
command -v node >/dev/null && command -v npm >/dev/null || skip "there is no node"

[ -z "${3:-}" ] || export SCREENSHOTS=$(realpath "$3")
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund playwright-core@1.65.1 axe-core@4.14.1 >npm.log 2>&1 ||
  skip "npm gets no packages: $(tail -1 npm.log)"
cp "$suite"/*.mjs .
PROGRAM=$program SMD=$smd CHROMIUM=$chromium HOME=$here node --test dashboard.test.mjs
