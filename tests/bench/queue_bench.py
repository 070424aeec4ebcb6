#!/usr/bin/env python3
"""Measures the queue beside its floors and the peers' figures, in one run: `scripts/bench queue`.

usage: scripts/bench queue [--jobs 300000] [--rounds 3] [--soak N] [--only sqlite|redis] [--against BUILD]

--soak performs N no-op jobs on each store and looks at memory, keys and file size meanwhile.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, api, eventually, free_port
from side_by_side import Comparison, tests_of

PEERS = """Peers on the reference machine (no persistence; jobs/s): php-resque 1.2 enqueue 6,430, performed 220; resque 2.7
without fork 8,860, 1,561; Sidekiq 6.4 6,300 (bulk 108,000), 6,050 (2 processes of 10: 17,080); BullMQ 5.81 5,600 (bulk
30,000), 4,390 (50 at a time: 23,400); beanstalkd 52,000, 26,700. Idle latency p50/p95, ms: Sidekiq 0.85/1.4, BullMQ
1.7/3.8, php-resque BLOCKING 1.7/2.3, beanstalkd -."""


class Store:
    def __init__(self, name, options, folder, build=BUILD):
        self.build = build
        self.name, self.folder, self.process, self.sync = name, folder, None, "full"
        if name.startswith("sqlite"):
            self.url = f"sqlite:{folder}/queue.db"
            self.floor = ["sqlite", f"{folder}/floor.db"]
            return
        self.port = free_port()
        self.process = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", folder,
                                         "--save", "", "--loglevel", "warning", *options], stdout=subprocess.DEVNULL)
        self.url = f"redis://127.0.0.1:{self.port}"
        self.floor = ["redis", str(self.port)]
        eventually(lambda: self.cli("PING") == "PONG", 20)

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True).stdout.strip()

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def size(self):
        """Bytes of the store, and its keys or rows."""
        if self.process:
            info = dict(line.split(":", 1) for line in self.cli("INFO", "memory").splitlines() if ":" in line)
            return int(info["used_memory"]), int(self.cli("DBSIZE"))
        return sum(os.path.getsize(os.path.join(self.folder, f)) for f in os.listdir(self.folder) if f.startswith("queue.db")
                   and os.path.isfile(os.path.join(self.folder, f))), 0


class Consumers:
    """A manager with so many consumer processes."""

    def __init__(self, store, processes, concurrency=1):
        self.state = tempfile.mkdtemp(prefix="sm-bench-", dir=store.folder)
        self.manager = subprocess.Popen(
            [f"{store.build}/bench_program", "--state", self.state, "--set", "http.listen=", "--log-level", "warn", "--set",
             f"queue.url={store.url}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "SM_BENCH_SERVICES": "0", "SM_BENCH_CONSUMERS": json.dumps([processes, concurrency])})
        eventually(lambda: api(self.state, "GET", "/readyz")[0] == 200, 30)

    def queues(self):
        return api(self.state, "GET", "/v1/queues", timeout=30)[1]

    def pause(self, verb):
        api(self.state, "POST", f"/v1/queues/*/{verb}", timeout=30)

    def memory(self):
        services = api(self.state, "GET", "/v1/services/consumer.default")[1]
        pids = [i["pid"] for i in services.get("instance_list", [services])]
        total = 0
        for pid in pids:
            with open(f"/proc/{pid}/status") as f:
                total += int(next(line for line in f if line.startswith("VmRSS")).split()[1])
        return total / 1024 / len(pids)

    def stop(self):
        self.manager.terminate()
        self.manager.wait(30)


def load(store, *arguments):
    out = subprocess.run([f"{store.build}/queue_load", store.url, *map(str, arguments)], capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(f"bench: {out.stderr}")
    return float(out.stdout or 0)


def performed(store, processes, jobs):
    """Jobs per second of so many processes, from a queue that is full."""
    consumers = Consumers(store, processes)
    try:
        consumers.pause("pause")
        load(store, "fill", jobs)
        before = consumers.queues()["processed"]
        consumers.pause("resume")
        eventually(lambda: consumers.queues()["processed"] > before, 30, 0.001)
        # From some time on, so that the start does not count; until most are done, so that the end does not.
        first, begin = consumers.queues()["processed"], time.monotonic()
        eventually(lambda: consumers.queues()["processed"] >= before + jobs * 0.9, 300, 0.02)
        rate = (consumers.queues()["processed"] - first) / (time.monotonic() - begin)
        eventually(lambda: consumers.queues()["processed"] >= before + jobs, 300, 0.02)
        return rate
    finally:
        consumers.stop()


def latency(store, count=500):
    consumers = Consumers(store, 1)
    file = os.path.join(store.folder, "latency")
    try:
        load(store, "latency", 50, os.devnull)
        load(store, "latency", count, file)
        eventually(lambda: len(open(file).readlines()) >= count, 30)
        values = sorted(int(line) / 1e6 for line in open(file))
        return values[len(values) // 2], values[int(len(values) * 0.95)]
    finally:
        consumers.stop()
        if os.path.exists(file):
            os.remove(file)


STORES = [("redis none", ["--appendonly", "no"]), ("redis everysec", ["--appendonly", "yes"]),
          ("redis always", ["--appendonly", "yes", "--appendfsync", "always"]), ("sqlite FULL", [])]


def figures(store, jobs):
    """Enqueued one by one and batched, performed by 1 and 4 processes, idle latency p50 and p95."""
    single = load(store, "single", 2)
    drained(store)  # takes away what that put in
    one = performed(store, 1, jobs)
    four = performed(store, 4, jobs)
    batched = load(store, "fill", jobs)
    return (single, batched, one, four, *latency(drained(store)))


def jobs_for(options, name):
    return options.jobs if "always" not in name and "FULL" not in name else options.jobs // 3


def measure(options):
    budgets = {("redis everysec", "single"): 15_000, ("redis everysec", "batched"): 300_000, ("redis everysec", "1"): 60_000,
               ("redis everysec", "4"): 100_000, ("sqlite FULL", "4"): 20_000}
    print(PEERS, "\n")
    print("| store | enqueue one by one, /s (floor) | batched, /s (floor by 100) | performed/s, 1 process (floor) | 4 processes "
          "| idle latency p50 / p95, ms |\n|---|---|---|---|---|---|")
    for name, arguments in STORES:
        if options.only and not name.startswith(options.only):
            continue
        rows = []
        for _ in range(options.rounds):
            folder = tempfile.mkdtemp(prefix="sm-bench-queue-")
            store = Store(name, arguments, folder)
            try:
                floor = [float(x) for x in subprocess.run([f"{BUILD}/queue_floor", *store.floor], capture_output=True,
                                                          text=True, check=True).stdout.split()]
                single, batched, one, four, *waited = figures(store, jobs_for(options, name))
                rows.append((single, floor[0], batched, floor[1], one, floor[2], four, *waited))
            finally:
                store.stop()
                shutil.rmtree(folder, ignore_errors=True)
        m = [statistics.median(column) for column in zip(*rows)]
        mark = lambda key, value: f"{value:,.0f}" + ("" if budgets.get((name, key), 0) <= value else f" MISSED {budgets[(name, key)]:,}")
        print(f"| {name} | {mark('single', m[0])} ({m[1]:,.0f}) | {mark('batched', m[2])} ({m[3]:,.0f}) | {mark('1', m[4])} ({m[5]:,.0f}) "
              f"| {mark('4', m[6])} | {m[7]:.2f} / {m[8]:.2f} |", flush=True)


def drained(store):
    consumers = Consumers(store, 4)
    eventually(lambda: all(q["ready"] + q["running"] == 0 for q in consumers.queues()["queues"]), 120)
    consumers.stop()
    return store


def compare(options):
    """This build and another one in turn, each on a store of its own."""
    comparison = Comparison(options.against, options.rounds, options.rows)
    for name, arguments in STORES:
        if options.only and not name.startswith(options.only):
            continue

        def one_turn(build):
            folder = tempfile.mkdtemp(prefix="sm-bench-queue-")
            store = Store(name, arguments, folder, build)
            try:
                return figures(store, jobs_for(options, name))
            finally:
                store.stop()
                shutil.rmtree(folder, ignore_errors=True)
        comparison.rows([(f"{name}: enqueue one by one, /s", True), (f"{name}: batched, /s", True),
                         (f"{name}: performed by 1 process, /s", True), (f"{name}: by 4 processes, /s", True),
                         (f"{name}: idle latency p50, ms", False), (f"{name}: p95, ms", False)], one_turn)
    comparison.end()


def soak(options):
    for name, arguments in (("redis everysec", ["--appendonly", "yes"]), ("sqlite FULL", [])):
        if options.only and not name.startswith(options.only):
            continue
        folder = tempfile.mkdtemp(prefix="sm-bench-queue-")
        store = Store(name, arguments, folder)
        consumers = Consumers(store, 2)
        begin = time.monotonic()
        try:
            chunk = 500_000
            for done in range(0, options.soak, chunk):
                load(store, "fill", min(chunk, options.soak - done))
                eventually(lambda: all(q["ready"] + q["running"] == 0 for q in consumers.queues()["queues"]), 600, 0.1)
                size, keys = store.size()
                print(f"{name}: {done + chunk:>10,} jobs after {time.monotonic() - begin:6.0f} s: store {size / 1e6:8.1f} MB, "
                      f"{keys} keys, a consumer {consumers.memory():.1f} MB", flush=True)
        finally:
            consumers.stop()
            store.stop()
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak", type=int, default=0)
    parser.add_argument("--only", choices=["sqlite", "redis"])
    parser.add_argument("--against", metavar="BUILD", type=tests_of)
    parser.add_argument("--rows", default="", help="with --against: stores with such a row alone")
    options = parser.parse_args()
    if options.against:
        compare(options)
    elif options.soak:
        soak(options)
    else:
        measure(options)


if __name__ == "__main__":
    main()
