#!/bin/bash
# systemd 252 (Debian 12): Type=notify, Restart=always; the program, a subreaper, says MAINPID= of a child of its own,
# which is what sd_notify(3) has MAINPID= for, and collects it when it is killed.
# Expected: systemd holds the unit's control group and can open a pidfd; the end of the main process is noticed, at the
# latest when the next thing happens to the unit, and Restart=always starts it anew.
# Seen: the unit stays "active (running)" with the number of a process that is gone, and is never restarted; a stop sends
# signals to that number, whoever has it by then. The journal says once "We'll most likely not notice when it exits".
# sm: the manager executed anew keeps its pid, so that the main process stays systemd's child.
. "$(dirname "$0")/common"
. "$(dirname "$0")/booted"
mkdir "$here/units"
cat > "$here/units/handed.service" <<'UNIT'
[Unit]
DefaultDependencies=no
[Service]
Type=notify
NotifyAccess=all
ExecStart=perl /etc/systemd/system/handed.pl
Restart=always
RestartSec=100ms
UNIT
cat > "$here/units/handed.pl" <<'PERL'
use Socket;
syscall(157, 36, 1, 0, 0, 0);  # prctl(PR_SET_CHILD_SUBREAPER)
my $pid = fork();
if ($pid == 0) { sleep 1000; exit 0; }
socket(my $s, AF_UNIX, SOCK_DGRAM, 0);
connect($s, sockaddr_un($ENV{NOTIFY_SOCKET}));
send($s, "READY=1\nMAINPID=$pid", 0);
waitpid($pid, 0);
sleep 1000;
PERL
seen=$(boot 'systemctl start handed
main=$(systemctl show -P MainPID handed)
kill -KILL $main
sleep 5
[ -d /proc/$main ] || echo "the main process is gone"
[ "$(systemctl show -P MainPID handed)" = "$main" ] && echo "and still the main process"
echo "$(systemctl is-active handed), restarted $(systemctl show -P NRestarts handed) times"')
same "after the kill" "the main process is gone, and still the main process, active, restarted 0 times" \
  "$(paste -sd, <<< "$seen" | sed 's/,\([^ ]\)/, \1/g')"
