#!/bin/bash
# Within a Debian 12 that systemd has booted: the package's unit, the system's or a user's own, on a
# file of ten services.
# usage: with_systemd.sh system|user NEXT.deb; as root, the user is tester.
. "${0%/*}/inside.sh"
whose=$1 next=$2

file=/etc/sm/conf.d/ten.toml
own=()
control=(systemctl)
if [ "$whose" = user ]; then
  file=/home/tester/.config/sm/smd.toml
  own=(setpriv --reuid tester --regid tester --init-groups env HOME=/home/tester XDG_RUNTIME_DIR=/run/user/1000)
  control=("${own[@]}" systemctl --user)
fi
control() { "${control[@]}" "$@"; }
smctl() { "${own[@]}" /usr/bin/smctl "$@"; }
main_pid() { control show -P MainPID smd; }
another_manager() { [ "$(main_pid)" != "$1" ] && [ "$(main_pid)" != 0 ] && all_ready; }
is_inactive() { [ "$(control is-active smd)" = inactive ]; }
# The programs' processes that there are, and those that run them.
left() { cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\0' '\n' | grep -E '[a]t work|^[s]m s[0-9]' || true; }

if [ "$whose" = system ]; then
  ten_services > $file
  systemd-analyze verify --man=no --recursive-errors=no /lib/systemd/system/smd.service
  control restart smd
else
  mkdir -p "${file%/*}"
  chown -R tester: /home/tester/.config
  { printf '[http]\nlisten = ""\n'; ten_services; } > "$file"
  "${own[@]}" systemd-analyze --user verify --man=no --recursive-errors=no /usr/lib/systemd/user/smd.service
  control enable --now smd
fi
same "verify" 0 $?
within 30 "all ten are ready" all_ready
smctl status
# What a look at 100 services costs, beside systemd's own: information, and no claim.
if [ "$whose" = system ]; then
  median_us() {
    for _ in $(seq 41); do
      local begin=${EPOCHREALTIME/./}
      "$@" > /dev/null
      echo $((${EPOCHREALTIME/./} - begin))
    done | sort -n | sed -n 21p
  }
  more() { for n in $(seq 90); do printf '%s{"name": "more%s", "command": ["sleep", "100000"]}' "$1" "$n"; set -- ,; done; }
  hundred_ready() { [ "$(smctl -o jsonl status | grep -c '"ready":true')" = 100 ]; }
  echo "[$(more "")]" | smctl add -q --no-wait -
  within 30 "a hundred are ready" hundred_ready
  echo "median wall time, us: smctl status $(median_us smctl status), systemctl list-units $(median_us systemctl list-units --no-pager)"
  smctl remove -q -y 'more*'
fi
before=$(all_pids)
kept() { same "$1 keeps all pids" "" "$(changed "$before" "$(all_pids)")"; }

main=$(main_pid)
kill -KILL "$main"
within 30 "the unit starts the next manager" another_manager "$main"
kept "kill -9 of smd, and its restart by the unit,"

main=$(main_pid)
control restart smd
within 30 "restart makes another manager" another_manager "$main"
kept "systemctl restart"

main=$(main_pid)
dpkg -i "$next"
if [ "$whose" = user ]; then
  kept "an upgrade of the package alone"
  control restart smd
fi
within 30 "the upgraded package has another manager" another_manager "$main"
same "of the new version" 0 "$(status_of cmp /proc/"$(main_pid)"/exe /usr/bin/smd)"
kept "the upgrade"

main=$(main_pid)
smctl daemon reexec
within 30 "reexec serves again" all_ready
same "reexec keeps the manager's pid" "$main" "$(main_pid)"
kept "reexec"

control reload smd
kept "a reload of the same file"
good=$(mktemp)
cp "$file" "$good"
echo 'x = [' >> "$file"
same "a reload of a file with mistakes fails" 1 "$(status_of control reload smd)"
kept "it"
cat "$good" > "$file"

for signal in ABRT STOP; do
  main=$(main_pid)
  kill -$signal "$main"
  within 90 "after SIG$signal the unit starts the next manager" another_manager "$main"
  kept "SIG$signal"
done

control stop smd
same "stop ends the unit" inactive "$(control is-active smd || true)"
same "stop stops all" "" "$(left)"
control start smd
within 30 "start serves" all_ready
smctl --yes daemon stop
within 30 "daemon stop stays stopped" is_inactive
same "it stops all" "" "$(left)"
control start smd
within 30 "start serves" all_ready
