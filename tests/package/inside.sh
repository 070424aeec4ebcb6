# Sourced within the tree: what its checks share.
set -euo pipefail

ten_services() {
  for n in $(seq 10); do
    printf '[service.s%s]\ncommand = ["sh", "-c", "while echo s%s at work; do sleep 1; done"]\n' "$n" "$n"
  done
}

# Each service with the pids of its programs and of the processes that run them.
all_pids() { smctl -o jsonl status | sed -E 's/.*"adapter_pid":([0-9]+).*"name":"([^"]*)".*"pid":([0-9]+).*/\2 \1 \3/' | sort; }

# changed BEFORE AFTER: the services that have other pids.
changed() { comm -13 <(echo "$1") <(echo "$2") | cut -d' ' -f1 | tr '\n' ' ' | sed 's/ $//'; }

# same WHAT EXPECTED SEEN
same() {
  if [ "$2" != "$3" ]; then
    echo "FAILED: $1: expected '$2', saw '$3'"
    exit 1
  fi
  echo "ok      $1"
}

# within SECONDS WHAT COMMAND...: looks again and again until the command succeeds.
within() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > /dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      echo "FAILED: $what: not in time: $*"
      exit 1
    fi
    read -rt 0.05 <> <(:) || true
  done
  echo "ok      $what"
}

status_of() {
  local code=0
  "$@" > /dev/null 2>&1 || code=$?
  echo $code
}

all_ready() { [ "$(smctl -o jsonl status | grep -c '"ready":true')" = 10 ]; }
