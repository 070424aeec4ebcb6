#!/bin/bash
# php-fpm 8.2 (Debian 12): SIGUSR2, "graceful reload of all workers" in its manual page, while a request is served.
# Expected: the request is answered, then its worker is replaced; RELOADING=1 and READY=1 to the service manager.
# Seen: the connection is cut at once: process_control_timeout, how long workers have for what they do, is 0 unless it is
# set. When it is, and one request is being served, nobody else is until all of that time is over, however soon the
# request ends. RELOADING=1 is never said; only a second READY=1.
# sm: a READY=1 of a program that is ready is taken as it is; docs/recipes.md sets a short process_control_timeout.
. "$(dirname "$0")/common"
debs php8.2-fpm=8.2.36-1~deb12u1 php8.2-common=8.2.36-1~deb12u1 libargon2-1=0~20171227-0.3+deb12u1 libapparmor1=3.0.8-3 \
  libsystemd0=252.39-1~deb12u2 libxml2=2.9.14+dfsg-1.3~deb12u6 libicu72=72.1-3+deb12u1 libsodium23=1.0.18-1+deb12u1 libacl1=2.3.1-3
echo '<?php usleep(1500000); echo "done";' > "$here/slow.php"
echo '<?php echo "quick";' > "$here/quick.php"
chmod 755 "$here"
cat > "$here/ask.py" <<'PY'
import os, signal, socket, subprocess, sys, time

here, program, control = sys.argv[1:4]
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
with open(here + "/fpm.conf", "w") as f:
    f.write(f"[global]\ndaemonize = no\nerror_log = {here}/log\nsystemd_interval = 0\n{control}\n[www]\n"
            f"listen = 127.0.0.1:{port}\npm = static\npm.max_children = 2\nuser = nobody\n")
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(here + "/notify")
receiver.settimeout(10)
fpm = subprocess.Popen([program, "-R", "-n", "-F", "-y", here + "/fpm.conf"], stderr=subprocess.DEVNULL,
                       env=dict(os.environ, NOTIFY_SOCKET=here + "/notify"))
words = []

def told():
    words.extend(line for line in receiver.recv(4096).decode().split("\n") if line in ("READY=1", "RELOADING=1"))

def record(kind, content):
    return bytes([1, kind, 0, 1]) + len(content).to_bytes(2, "big") + b"\0\0" + content

def pair(name, value):
    return bytes([len(name), len(value)]) + name + value

def ask(script):
    c = socket.create_connection(("127.0.0.1", port), timeout=20)
    c.sendall(record(1, b"\0\1\0\0\0\0\0\0") + record(4, pair(b"SCRIPT_FILENAME", (here + script).encode())
              + pair(b"REQUEST_METHOD", b"GET")) + record(4, b"") + record(5, b""))
    return c

def answer(c):
    seen = b""
    try:
        while more := c.recv(4096):
            seen += more
    except ConnectionResetError:
        pass
    return seen

try:
    told()
    slow = ask("/slow.php")
    time.sleep(0.5)
    fpm.send_signal(signal.SIGUSR2)
    time.sleep(0.5)
    next_one = ask("/quick.php")
    first = "answered" if b"done" in answer(slow) else "cut"
    begin = time.monotonic()
    answered = b"quick" in answer(next_one)
    second = "unanswered" if not answered else "late" if time.monotonic() - begin > 2 else "soon"
    told()
    print(first, second, ",".join(words))
finally:
    os.unlink(here + "/notify")
    fpm.terminate()  # a master that is killed leaves its workers
    fpm.wait()
PY
program=$(find "$here/root" -name php-fpm8.2 -path '*sbin*')
ask() { /usr/bin/python3 "$here/ask.py" "$here" "$program" "$1"; }
same "by default: the request, the next one" "cut soon READY=1,READY=1" "$(ask "")"
same "process_control_timeout = 6s: likewise" "answered late READY=1,READY=1" "$(ask "process_control_timeout = 6s")"
