#!/bin/bash
# systemd 252 (Debian 12): a unit with RestartKillSignal=SIGUSR2 (a common wish to drain connections), whose program does
# nothing about the signal, and OnFailure=; `systemctl restart` while all is well.
# Expected: the process ends by the signal that systemd was told to end it with, which is no failure; OnFailure= is left
# alone, as at a restart with SIGTERM.
# Seen: "Failed with result 'signal'", and the units of OnFailure= are started, at each restart that succeeds: only HUP,
# INT, TERM and PIPE are clean ends, whoever sent the signal. SuccessExitStatus= must name the signal again.
# sm: the manager ends with 0 on the unit's RestartKillSignal.
. "$(dirname "$0")/common"
. "$(dirname "$0")/booted"
mkdir "$here/units"
for signal in SIGTERM SIGUSR2; do
  cat > "$here/units/$signal.service" <<UNIT
[Unit]
DefaultDependencies=no
OnFailure=alarm-$signal.service
[Service]
ExecStart=sleep 1000
RestartKillSignal=$signal
UNIT
  cat > "$here/units/alarm-$signal.service" <<UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=touch /run/alarm-$signal
UNIT
done
seen=$(boot 'for signal in SIGTERM SIGUSR2; do
  systemctl start $signal
  systemctl restart $signal || echo "restart failed"
  sleep 1
  echo "$signal: $(systemctl is-active $signal), $(ls /run/alarm-$signal 2> /dev/null || echo no alarm)"
done')
same "restart by SIGTERM" "SIGTERM: active, no alarm" "$(sed -n 1p <<< "$seen")"
same "restart by SIGUSR2" "SIGUSR2: active, /run/alarm-SIGUSR2" "$(sed -n 2p <<< "$seen")"
