#!/bin/bash
# ruby-sd-notify 0.1.1 (Debian 12): NOTIFY_SOCKET that begins with "@", an abstract socket as sd_notify(3) defines it.
# Expected: the message arrives, as with sd_notify and Python's sdnotify.
# Seen: "@name" is taken for a file; ENOENT leaves SdNotify.ready as an exception, and a program that does not rescue
# it ends at its start.
# sm: the notify socket is a path.
. "$(dirname "$0")/common"
debs ruby-sd-notify=0.1.1-2 ruby=1:3.1 ruby3.1=3.1.7+really3.1.2-0+deb12u1 libruby3.1=3.1.7+really3.1.2-0+deb12u1 \
  libyaml-0-2=0.2.5-1
cat > "$here/notify.py" <<'PY'
import os, socket, subprocess, sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = f"ruby-finding-{os.getpid()}"
receiver.bind("\0" + name)
receiver.settimeout(2)
done = subprocess.run(sys.argv[1:], env=dict(os.environ, NOTIFY_SOCKET="@" + name), capture_output=True, text=True)
try:
    said = receiver.recv(100).decode().strip()
except TimeoutError:
    said = "nothing"
print(f"exit {done.returncode}, received {said}, ENOENT {'Errno::ENOENT' in done.stderr}")
PY
gem=$(find "$here/root" -type d -path '*sd_notify*/lib' | head -1)
stdlib="$here/root/usr/lib/ruby/3.1.0:$here/root/usr/lib/x86_64-linux-gnu/ruby/3.1.0"
seen=$(RUBYLIB="$stdlib" python3 "$here/notify.py" "$here/root/usr/bin/ruby3.1" --disable-gems -I "$gem" -r sd_notify -e 'SdNotify.ready')
same "SdNotify.ready" "exit 1, received nothing, ENOENT True" "$seen"
