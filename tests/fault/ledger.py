#!/usr/bin/env python3
"""Shows that no acknowledged job is lost, whoever is killed.

usage: tests/fault/ledger.py STORE SECONDS [SEED]      STORE is sqlite or redis

Producers record what was acknowledged; jobs append their begin and end to a file opened with O_APPEND. Consumers,
the manager and (with AOF always) redis-server are killed with -9 at random all the while, and hostile jobs,
requests, greetings and datagrams come in between. At the end every acknowledged job has ended, no more jobs have
begun twice than were in hand at the kills, every hostile job is among the dead with its bytes, and the manager has
not ended once by itself. Needs the release build, or the one whose folder SM_BUILD names.
"""
import collections, ctypes, json, os, random, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, api, end_when_told, eventually, free_port
from hostility import QUEUE, Hostility, dead_in_redis, dead_in_sqlite

PROGRAM = os.path.join(os.environ.get("SM_BUILD", BUILD), "test_program")
PR_SET_CHILD_SUBREAPER = 36
CONSUMERS = {"instances": 3, "concurrency": 2}


class Redis:
    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not eventually(lambda: self.call("PING") in (b"+PONG",), 20):
            sys.exit("ledger: redis-server does not answer")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def call(self, *words):
        """The first line of the answer to one command, or its text."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
            words = [w if isinstance(w, bytes) else w.encode() for w in words]
            s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            data = s.makefile("rb")
            line = data.readline().rstrip()
            if line.startswith(b"$") and line != b"$-1":
                return data.read(int(line[1:]))
            if line.startswith(b"*"):
                return [data.read(int(data.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
            return line


class Ledger:
    def __init__(self, store, seconds, seed):
        self.store, self.seconds, self.random = store, seconds, random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix="sm-ledger-")
        self.state = os.path.join(self.folder, "state")
        self.book = os.path.join(self.folder, "book")
        self.redis = Redis(self.folder) if store == "redis" else None
        self.acknowledged, self.number, self.lock = [], 0, threading.Lock()
        self.kills, self.in_hand = collections.Counter(), 0
        self.done = threading.Event()
        self.failures = []
        self.hostility = Hostility(self.state, random.Random(seed), self.push_hostile if self.redis else None)
        self.start_manager()

    def start_manager(self):
        argv = [PROGRAM, "--state", self.state, "--set", "http.listen=", "--log-level", "warn", "--set", "manager.orphan_grace=60s"]
        if self.redis:
            argv += ["--set", f"queue.url=redis://127.0.0.1:{self.redis.port}"]
        self.manager = subprocess.Popen(argv, env={**os.environ, "TEST_CONSUMER": json.dumps(CONSUMERS)},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def api(self, method, path, body=None):
        return api(self.state, method, path, body, timeout=20)

    # -- producers

    def next_number(self):
        with self.lock:
            self.number += 1
            return self.number

    def job(self, number):
        return {"file": self.book, "number": number, "mood": "", "ms": self.random.randrange(0, 4)}

    def produce_by_http(self):
        while not self.done.is_set():
            numbers = [self.next_number() for _ in range(self.random.randrange(1, 20))]
            try:
                status, _ = self.api("POST", "/v1/jobs", {"type": "Work", "arguments": [self.job(n) for n in numbers]})
                if status == 201:
                    self.acknowledged.extend(numbers)
            except Exception:  # the manager is gone: then nothing was acknowledged
                time.sleep(0.02)
            time.sleep(self.random.random() * 0.08)  # less than the consumers can do, killed as they are

    def produce_as_ruby(self):
        while not self.done.is_set():
            number = self.next_number()
            try:
                text = json.dumps({"class": "Work", "args": [self.job(number)]}, separators=(",", ":"))
                self.redis.call("SADD", "resque:queues", "ruby")
                if self.redis.call("RPUSH", "resque:queue:ruby", text).startswith(b":"):
                    self.acknowledged.append(number)
            except OSError:
                time.sleep(0.02)
            time.sleep(self.random.random() * 0.02)

    def push_hostile(self, payload):
        self.redis.call("SADD", "resque:queues", QUEUE)
        return self.redis.call("RPUSH", f"resque:queue:{QUEUE}", payload).startswith(b":")

    # -- kills

    def look_after_the_manager(self):
        status = self.manager.poll()
        if status is not None:
            self.expect(False, f"the manager ended by itself with {status}")
            self.start_manager()

    def consumers(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    title = f.read()
            except OSError:
                continue
            if title.startswith(b"sm consumer.default") and self.is_ours(pid):
                found.append(int(pid))
        return found

    def is_ours(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/fd/1").startswith(self.folder)
        except OSError:
            return False

    def hand_of(self, pid):
        """How many jobs a stopped consumer has in hand, as the store knows it."""
        if self.redis:
            count = 0
            for queue in ("default", "ruby"):
                records = self.redis.call("HVALS", f"resque:sm:inflight:{queue}")
                count += sum(f":{pid}:".encode() in r.split(b"\n", 1)[0] for r in records)
            return count
        db = sqlite3.connect(f"file:{self.state}/queue.db?mode=ro", uri=True, timeout=5)
        with db:
            return db.execute("SELECT COUNT(*) FROM job WHERE state = 1 AND worker LIKE ?", (f"%:{pid}:%",)).fetchone()[0]

    def kill_a_consumer(self):
        alive = self.consumers()
        if not alive:
            return
        pid = self.random.choice(alive)
        try:
            os.kill(pid, signal.SIGSTOP)
            self.in_hand += self.hand_of(pid)
            os.kill(pid, signal.SIGKILL)
            self.kills["consumer"] += 1
        except ProcessLookupError:
            pass

    def kill_the_manager(self):
        self.look_after_the_manager()
        self.manager.kill()
        self.manager.wait()
        self.kills["manager"] += 1
        time.sleep(self.random.random() * 0.3)
        self.start_manager()

    def kill_redis(self):
        self.redis.kill()
        self.kills["redis-server"] += 1
        time.sleep(self.random.random() * 0.2)
        self.redis.start()

    # -- the end

    def expect(self, holds, what):
        print(("  holds:  " if holds else "  BROKEN: ") + what, flush=True)
        if not holds:
            self.failures.append(what)

    def run(self):
        if not eventually(lambda: self.api("GET", "/readyz")[0] == 200, 30):
            sys.exit("ledger: the program does not start")
        producers = [threading.Thread(target=self.produce_by_http) for _ in range(3)]
        if self.redis:
            producers.append(threading.Thread(target=self.produce_as_ruby))
        for p in producers:
            p.start()
        self.hostility.start()
        actions = [self.kill_a_consumer] * 12 + [self.kill_the_manager] * 2 + ([self.kill_redis] * 2 if self.redis else [])
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            time.sleep(0.05 + self.random.random() * 0.25)
            self.look_after_the_manager()
            try:
                self.random.choice(actions)()
            except OSError:
                pass
        self.done.set()
        for p in producers:
            p.join()
        self.hostility.stop()
        drained = lambda: all(q["ready"] == q["running"] == q["delayed"] == 0 for q in self.api("GET", "/v1/queues")[1]["queues"])
        self.expect(eventually(drained, 120, 0.2), "all queues become empty")
        # Who was in hand at three kills is dead, by the rule for poison jobs, and kept: it is performed now. The hostile ones
        # die once more.
        unlucky = self.api("POST", "/v1/failed/requeue", {"all": True})[1]["requeued"]
        print(f"  {unlucky} are dead, and requeued", flush=True)
        self.expect(eventually(drained, 60, 0.2), "and empty again")
        self.check()
        self.hostility.check(self.expect, self.hostile_dead())
        self.look_after_the_manager()
        self.manager.terminate()
        self.expect(self.manager.wait(40) == 0, "the manager stops with 0")

    def check(self):
        begun, ended = collections.Counter(), collections.Counter()
        with open(self.book) as f:
            for line in f:
                words = line.split()
                (begun if words[0] == "begin" else ended)[int(words[1])] += 1
        lost = [n for n in self.acknowledged if not ended[n]]
        dead = self.api("GET", "/v1/queues")[1]["dead"]
        twice = sum(n - 1 for n in begun.values())
        self.expect(not lost, f"0 of {len(self.acknowledged)} acknowledged jobs are lost" + (f": {lost[:10]}, {dead} dead" if lost else ""))
        self.expect(twice <= self.in_hand, f"{twice} began again, {self.in_hand} were in hand at the kills")
        print(f"  {self.store}: kills " + ", ".join(f"{k}: {n}" for k, n in sorted(self.kills.items())), flush=True)

    def hostile_dead(self):
        if not self.redis:
            with sqlite3.connect(f"file:{self.state}/queue.db?mode=ro", uri=True, timeout=5) as db:
                return dead_in_sqlite(db)
        records, step = [], 20
        while page := self.redis.call("LRANGE", "resque:failed", str(len(records)), str(len(records) + step - 1)):
            records += page
        return dead_in_redis(records)

    def clean_up(self):
        self.hostility.over.set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if self.is_ours(pid):
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except OSError:
                    pass
        if self.manager.poll() is None:
            self.manager.kill()
        if self.redis:
            self.redis.kill()
        if self.failures:
            print(f"ledger: the files are kept in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ("sqlite", "redis") or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    seed = int(sys.argv[3]) if len(sys.argv) == 4 else random.randrange(10**6)
    print(f"ledger: {sys.argv[1]}, {sys.argv[2]} s, seed {seed}", flush=True)
    end_when_told()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ledger = Ledger(sys.argv[1], int(sys.argv[2]), seed)
    try:
        ledger.run()
    finally:
        ledger.clean_up()
    if ledger.failures:
        sys.exit("ledger: " + "; ".join(ledger.failures))
    print("ledger: all holds")


main()
