#!/usr/bin/env python3
"""Measures bulk actions on failed and waiting jobs, on both stores: `scripts/bench failed`.

usage: scripts/bench failed [--records 100000] [--some 5000] [--only sqlite|redis] [--program OTHER/bench_program]...

Of --records failed jobs, --some are of one type. Prints how long it takes to requeue those, to search in vain eight times at
once, to remove all the rest, and a queue in which --records jobs wait; the longest GET /v1/queues meanwhile; and the longest that one command held Redis. With
--program, other builds' figures stand beside ours.
"""
import argparse, concurrent.futures, json, os, shutil, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, UnixConnection, api, eventually, free_port


def payload(number, some):
    return {"class": "Rare" if number % (100_000 // some) == 0 else "Common", "args": [{"number": number, "text": "x" * 100}],
            "id": f"{number:032x}", "queue_time": 1795429306.842}


def bring(state, jobs):
    """Imports them, some thousands at a time."""
    lines = [json.dumps(job) for job in jobs]
    for begin in range(0, len(lines), 2000):
        c = UnixConnection(os.path.join(state, "sm.sock"), 60)
        c.request("POST", "/v1/jobs/import", "\n".join(lines[begin:begin + 2000]))
        reply = c.getresponse()
        text = reply.read()
        c.close()
        if reply.status != 200:
            sys.exit(f"bench: import answers {reply.status}: {text}")


class Redis:
    def __init__(self, folder):
        self.port = free_port()
        self.process = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", folder,
                                         "--save", "", "--appendonly", "yes", "--loglevel", "warning"], stdout=subprocess.DEVNULL)
        self.url = f"redis://127.0.0.1:{self.port}"
        eventually(lambda: self.cli("PING") == "PONG", 20)

    def cli(self, *words, input=None):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True, input=input).stdout.strip()

    def fill(self, _, records, some):
        lines = []
        for number in range(records):
            record = json.dumps({"failed_at": "2026-11-23T10:22:20Z", "payload": payload(number, some), "exception": "std::exception",
                                 "error": "boom", "backtrace": [], "worker": "host:1:*", "queue": "default"}, separators=(",", ":"))
            lines.append(f"*3\r\n$5\r\nRPUSH\r\n$13\r\nresque:failed\r\n${len(record)}\r\n{record}\r\n")
        self.cli("--pipe", input="".join(lines))

    def begin(self):
        self.cli("CONFIG", "SET", "slowlog-log-slower-than", "1000")
        self.cli("SLOWLOG", "RESET")

    def held_ms(self):
        """Of the commands that took over a millisecond, the longest."""
        times, lines = [0], self.cli("--json", "-3", "SLOWLOG", "GET", "1000")
        for entry in json.loads(lines or "[]"):
            times.append(entry[2])
        return max(times) / 1000

    def stop(self):
        self.process.kill()
        self.process.wait()


class Sqlite:
    def __init__(self, folder):
        self.url = f"sqlite:{folder}/queue.db"

    def fill(self, state, records, some):
        bring(state, ({"queue": "default", "state": "dead", "payload": json.dumps(payload(number, some)), "worker": "host:1:*",
                       "exception": "std::exception", "error": "boom", "failed_at_ms": 1795429340000 + number}
                      for number in range(records)))

    def begin(self):
        pass

    def held_ms(self):
        return None

    def stop(self):
        pass


class Watch:
    """Asks for the queues all the time; the longest it had to wait."""

    def __init__(self, state):
        self.state, self.longest, self.ends = state, 0.0, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ends:
            begin = time.monotonic()
            api(self.state, "GET", "/v1/queues", timeout=120)
            self.longest = max(self.longest, time.monotonic() - begin)
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends = True
        self.thread.join()


def measure(program, kind, options):
    folder = tempfile.mkdtemp(prefix="sm-bench-failed-")
    store = kind(folder)
    state = os.path.join(folder, "state")
    manager = subprocess.Popen([program, "--state", state, "--set", "http.listen=", "--set", "http.request_timeout=600s", "--log-level", "warn",
                                "--set", f"queue.url={store.url}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "SM_BENCH_SERVICES": "0"})
    try:
        eventually(lambda: api(state, "GET", "/readyz")[0] == 200, 30)
        store.fill(state, options.records, options.some)
        found = []

        def act(what, ask):
            store.begin()
            with Watch(state) as watch:
                begin = time.monotonic()
                told = ask()
                took = time.monotonic() - begin
            found.append((what, took, watch.longest * 1000, store.held_ms(), told))

        ask = lambda method, path, body=None: api(state, method, path, body, timeout=900)
        act("requeue by type", lambda: ask("POST", "/v1/failed/requeue", {"type": "Rare"})[1].get("requeued"))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            act("8 searches", lambda: [len(f.result()[1]["failed"]) for f in
                                       [pool.submit(ask, "GET", "/v1/failed?text=nowhere") for _ in range(8)]][0])
        act("remove all", lambda: ask("POST", "/v1/failed/remove", {"all": True})[1].get("removed"))
        bring(state, ({"queue": "left", "state": "ready", "payload": json.dumps(payload(number, options.some))}
                      for number in range(options.records)))
        act("remove a queue", lambda: ask("DELETE", "/v1/queues/left")[1].get("removed"))
        return found
    finally:
        manager.terminate()
        manager.wait(30)
        store.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--some", type=int, default=5_000)
    parser.add_argument("--only", choices=["sqlite", "redis"])
    parser.add_argument("--program", action="append", default=[])
    options = parser.parse_args()
    print("| build | store | what | jobs | s | longest GET /v1/queues, ms | Redis held, ms |\n|---|---|---|---|---|---|---|")
    for program in [*options.program, f"{BUILD}/bench_program"]:
        for name, kind in (("redis", Redis), ("sqlite", Sqlite)):
            if options.only in (None, name):
                for what, took, waited, held, told in measure(program, kind, options):
                    print(f"| {'ours' if program.startswith(BUILD) else program} | {name} | {what} | {told} | {took:.2f} | {waited:.0f} | "
                          f"{'' if held is None else f'{held:.1f}'} |", flush=True)


main()
