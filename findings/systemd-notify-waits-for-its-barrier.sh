#!/bin/bash
# systemd-notify of systemd 252 (Debian 12), to a receiver that takes READY=1 and keeps the descriptors it is passed.
# Expected: one datagram, exit status 0 as soon as it is sent.
# Seen: a second one, BARRIER=1, with a descriptor; until the receiver closes that, five seconds at most, it waits, and
# then exits with 1, although READY=1 was received. A start script with `set -e` ends there.
# sm: descriptors of notifications are closed at once.
. "$(dirname "$0")/common"
debs systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2
cat > "$here/receive.py" <<'PY'
import os, socket, subprocess, sys, time

path = sys.argv[1] + "/notify"
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(path)
os.chmod(path, 0o777)
receiver.settimeout(10)
for close in (True, False):
    start = time.monotonic()
    sender = subprocess.Popen(sys.argv[2:], env=dict(os.environ, NOTIFY_SOCKET=path), stderr=subprocess.DEVNULL)
    said = []
    for _ in range(2):
        text, passed, _, _ = socket.recv_fds(receiver, 1000, 8)
        said.append(text.decode().strip())
        if close:
            for descriptor in passed:
                os.close(descriptor)
    status = sender.wait(20)
    print(f"{' '.join(said)}, exit {status} {'at once' if time.monotonic() - start < 4 else 'after 5 s'}")
PY
shared=$(dirname "$(find "$here/root" -name 'libsystemd-shared-*.so' | head -1)")
seen=$(LD_LIBRARY_PATH="$shared:$LD_LIBRARY_PATH" python3 "$here/receive.py" "$here" "$here/root/bin/systemd-notify" --ready)
same "closed" "READY=1 BARRIER=1, exit 0 at once" "$(sed -n 1p <<< "$seen")"
same "kept" "READY=1 BARRIER=1, exit 1 after 5 s" "$(sed -n 2p <<< "$seen")"
