#!/usr/bin/env python3
"""Measures what it costs to look at many services: `scripts/bench listing`.

usage: scripts/bench listing [--services 1000] [--asked 51] [--program OTHER/bench_program]...

For each page the time until it is there, what of a processor the manager's loop needs for it, and how long somebody else
waits for his answer at worst while it is asked for (beside that with nobody else). With --program, other builds' figures
stand beside ours, taken in turn.
"""
import argparse, os, statistics, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, UnixConnection, eventually

PAGES = ["/healthz", "/v1/services", "/v1/services?fields=ready,restarts", "/v1/services?limit=100", "/metrics", "/ui/services"]


def get(connection, path):
    begun = time.perf_counter()
    connection.request("GET", path)
    reply = connection.getresponse()
    body = reply.read()
    return reply.status, len(body), (time.perf_counter() - begun) * 1000


class Manager:
    def __init__(self, program, services):
        self.folder = tempfile.mkdtemp(prefix="sm-bench-")
        self.socket = os.path.join(self.folder, "sm.sock")
        self.process = subprocess.Popen([program, "--state", self.folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "SM_HTTP__LISTEN": "", "SM_BENCH_SERVICES": str(services)})
        eventually(lambda: os.path.exists(self.socket), 20)
        eventually(lambda: get(self.connect(), "/readyz")[0] == 200, 120)

    def connect(self):
        return UnixConnection(self.socket, 60)

    def loop_ms(self):
        """What the main thread has used of a processor."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e6

    def end(self):
        self.process.terminate()
        self.process.wait(60)
        subprocess.run(["rm", "-rf", self.folder], check=True)


def look(manager, path, times):
    """Median time, loop's time a request, bytes; and what others wait at worst."""
    own = manager.connect()
    get(own, path)
    took, size, before = [], 0, manager.loop_ms()
    for _ in range(times):
        status, size, ms = get(own, path)
        if status != 200:
            sys.exit(f"bench: {path} answers {status}")
        took.append(ms)
    loop = (manager.loop_ms() - before) / times
    waits, over = [], threading.Event()

    def another():
        other = manager.connect()
        while not over.is_set():
            waits.append(get(other, "/healthz")[2])

    thread = threading.Thread(target=another)
    thread.start()
    for _ in range(times):
        get(own, path)
        time.sleep(0.02)
    over.set()
    thread.join()
    # Each request may have held one of the others up.
    return statistics.median(took), loop, size, statistics.median(sorted(waits)[-times:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--asked", type=int, default=51)
    parser.add_argument("--program", action="append", default=[])
    options = parser.parse_args()
    print("| page | bytes | there after, ms | of it in the loop, ms | others wait, ms |\n|---|---|---|---|---|")
    managers = [Manager(program, options.services) for program in [os.path.join(BUILD, "bench_program"), *options.program]]
    time.sleep(5)  # what a start leaves to do
    for path in PAGES:
        for manager in managers:
            took, loop, size, wait = look(manager, path, options.asked)
            print(f"| `{path}` | {size:,} | {took:.2f} | {loop:.2f} | {wait:.2f} |", flush=True)
    for manager in managers:
        manager.end()


main()
