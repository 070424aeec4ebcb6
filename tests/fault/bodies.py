#!/usr/bin/env python3
"""Measures what a crowd of large bodies costs the manager.

usage: tests/fault/bodies.py [CONNECTIONS [MEMORY]]      3000 by default, 4000 at most; MEMORY in MB, unlimited by default

Each connection posts 1 MiB: first all of them to a path that is not there, then all to a route that takes bodies. Prints
the manager's peak resident memory (VmHWM) and the answers; fails beyond 150 MB, or when a connection got no answer. With
MEMORY the manager may have no more than that (RLIMIT_AS).
Needs the release build, or the one whose folder SM_BUILD names. Ends by itself after 120 s.
"""
import collections, os, re, resource, selectors, shutil, signal, socket, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, api, end_when_told, eventually, free_port

PROGRAM = os.path.join(os.environ.get("SM_BUILD", BUILD), "test_program")
BODY = 1 << 20
PEAK_MAX_MB = 150
BLOCK = b" " * 65536


class Poster:
    """One connection: sends until its answer comes or the other end wants no more."""
    def __init__(self, port, path):
        self.head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n".encode()
        self.left, self.answer = BODY, b""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))

    def step(self, readable, writable):
        """True when it is over."""
        try:
            if readable:
                block = self.socket.recv(65536)
                self.answer += block
                if not block or self.complete():
                    return True
            if writable and self.head:
                self.head = self.head[self.socket.send(self.head):]
            elif writable and self.left:
                self.left -= self.socket.send(BLOCK[:self.left])
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self.left = 0
            return not readable or bool(self.answer)
        return False

    def complete(self):
        """The connection may stay open after the answer."""
        head, found, body = self.answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        return bool(found and length and len(body) >= int(length[1]))

    def status(self):
        return self.answer.split(b" ", 2)[1].decode() if self.answer.count(b" ") >= 2 else "none"


def crowd(port, path, count, deadline):
    watch, answers = selectors.DefaultSelector(), collections.Counter()
    posters = [Poster(port, path) for _ in range(count)]
    for p in posters:
        watch.register(p.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, p)
    open_ones = count
    while open_ones and time.monotonic() < deadline:
        for key, events in watch.select(1):
            p = key.data
            over = p.step(events & selectors.EVENT_READ, events & selectors.EVENT_WRITE)
            if over:
                watch.unregister(p.socket)
                p.socket.close()
                open_ones -= 1
            elif not p.head and not p.left and key.events & selectors.EVENT_WRITE:
                watch.modify(p.socket, selectors.EVENT_READ, p)
    for p in posters:
        answers[p.status()] += 1
        p.socket.close()
    return answers


def peak_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))


def main():
    end_when_told()
    signal.alarm(120)
    count = min(int(sys.argv[1]) if len(sys.argv) > 1 else 3000, 4000)
    memory = int(sys.argv[2]) << 20 if len(sys.argv) > 2 else resource.RLIM_INFINITY
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    failed = False
    for path, wanted in (("/none", {"404"}), ("/point", {"400", "503"})):
        folder = tempfile.mkdtemp(prefix="sm-bodies-")
        state, port = os.path.join(folder, "state"), free_port()
        manager = subprocess.Popen([PROGRAM, "--state", state, "--listen", f"127.0.0.1:{port}"],
                                   stderr=subprocess.DEVNULL,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)))
        try:
            if not eventually(lambda: api(state, "GET", "/readyz")[0] == 200, 30):
                sys.exit("bodies: the manager does not serve")
            before, begin = peak_mb(manager.pid), time.monotonic()
            answers = crowd(port, path, count, begin + 45)
            seconds, peak = time.monotonic() - begin, peak_mb(manager.pid)
            alive = api(state, "GET", "/healthz")[0] == 200
            ok = peak < PEAK_MAX_MB and alive and set(answers) <= wanted
            failed = failed or not ok
            print(f"{count} x 1 MiB to {path}: {dict(answers)}, {seconds:.1f} s, "
                  f"peak {peak:.1f} MB (before: {before:.1f}){'' if ok else ' FAILED'}", flush=True)
        finally:
            manager.terminate()
            try:
                manager.wait(20)
            except subprocess.TimeoutExpired:
                manager.kill()
                manager.wait()
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
