#!/usr/bin/env python3
"""Runs the schedulers and workers of Resque's world beside sm's, and counts how often each delayed job ran.

usage: tests/interop/schedulers.py [JOBS]      10000 by default

For resque-scheduler with the namespace "resque", with another one, and with a lock prefix, and for node-resque with two
namespaces: their producer delays the jobs over some seconds, their scheduler is ended and started anew all the while
(Ruby's by SIGKILL too, which leaves its lock behind), their worker and sm's consumer take what is due. Each job writes
its number; fails when one ran twice or not at all.

Needs redis-server, the release build, or the one whose folder SM_BUILD names, and: ruby, with the gems below to be
required as it is called, or to be installed; node and npm. What there is not is skipped with the reason.
"""
import collections, os, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, api, end_when_told, eventually, free_port

PROGRAM = os.path.join(os.environ.get("SM_BUILD", BUILD), "test_program")
GEMS = ["resque:3.0.0", "resque-scheduler:5.0.0"]
PACKAGES = ["node-resque@9.7.1", "ioredis@5.8.2"]
SPREAD_S = 30  # over which the jobs are due, the first ones at once
LOCK_S = 4     # how long a killed scheduler of Ruby keeps its lock; 180 unless told

RUBY = """
require "resque"
require "resque-scheduler"
role, port, namespace, file, jobs, spread = ARGV
$stdout.sync = true
Resque.redis = Redis.new(host: "127.0.0.1", port: port.to_i)
Resque.redis.namespace = namespace
class Note
  def self.queue; :default; end
  def self.perform(work)
    File.open(work["file"], "a") { |f| f.syswrite("#{work["number"]}\\n") }
  end
end
case role
when "producer"
  due = Time.now.to_i + 2
  jobs.to_i.times do |i|
    Resque.enqueue_at_with_queue(:default, due + i % spread.to_i, Note, { file: file, number: i, mood: "" })
  end
when "scheduler"
  Resque::Scheduler.configure { |c| c.poll_sleep_amount = 0.1; c.lock_timeout = LOCK_S; c.quiet = true }
  Resque::Scheduler.run
when "worker"
  worker = Resque::Worker.new("default")
  worker.work(0.05)
end
""".replace("LOCK_S", str(LOCK_S))

NODE = """
import { Queue, Scheduler, Worker } from "node-resque";
import { appendFileSync } from "fs";
const [role, port, namespace, file, jobs, spread] = process.argv.slice(2);
const connection = { pkg: "ioredis", host: "127.0.0.1", port: Number(port), database: 0, namespace };
const types = { Note: { perform: async (work) => { appendFileSync(work.file, `${work.number}\\n`); } } };
if (role === "producer") {
  const queue = new Queue({ connection }, types);
  await queue.connect();
  const due = Math.floor(Date.now() / 1000) * 1000 + 2000;
  for (let i = 0; i < Number(jobs); i += 50)
    await Promise.all([...Array(50).keys()].map((j) => i + j).filter((n) => n < Number(jobs)).map((n) =>
      // Never the same bytes at the same time, which it refuses as a double.
      queue.enqueueAt(due + (n % Number(spread)) * 1000, "default", "Note", [{ file, number: n, mood: "" }])));
  await queue.end();
} else {
  const it = role === "scheduler" ? new Scheduler({ connection, timeout: 100 }, types)
    : new Worker({ connection, queues: ["default"], timeout: 50 }, types);
  it.on("error", (e) => console.error(String(e)));
  await it.connect();
  it.start();
  process.on("SIGTERM", async () => { await it.end(); process.exit(0); });
}
"""


class Skipped(Exception):
    pass


def ruby(folder):
    """How to call Ruby so that the gems are there."""
    if not shutil.which("ruby"):
        raise Skipped("no ruby (package ruby)")
    with open(os.path.join(folder, "peer.rb"), "w") as f:
        f.write(RUBY)
    environment = dict(os.environ)
    there = ["ruby", "-e", 'require "resque"; require "resque-scheduler"; puts [Resque::VERSION, '
             'Resque::Scheduler::VERSION].join(" ")']
    if subprocess.run(there, capture_output=True, text=True).stdout.strip() != " ".join(gem.split(":")[1] for gem in GEMS):
        gems = os.path.join(folder, "gems")
        if subprocess.run(["gem", "install", "--no-document", "--install-dir", gems, *GEMS],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            raise Skipped("no gems " + ", ".join(GEMS))
        environment["GEM_PATH"] = environment["GEM_HOME"] = gems
    return ["ruby", os.path.join(folder, "peer.rb")], environment


def node(folder):
    if not shutil.which("npm"):
        raise Skipped("no node and npm")
    with open(os.path.join(folder, "peer.mjs"), "w") as f:
        f.write(NODE)
    if subprocess.run("npm init -y && npm install --no-audit --no-fund " + " ".join(PACKAGES), shell=True, cwd=folder,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        raise Skipped("no packages " + ", ".join(PACKAGES))
    return ["node", os.path.join(folder, "peer.mjs")], dict(os.environ)


def end(process, how=signal.SIGTERM):
    """A scheduler of node-resque ends once nothing is due, and would lose the job in its hand if it were killed."""
    process.send_signal(how)
    try:
        process.wait(120)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class World:
    """A Redis, a manager, and the programs of one other implementation."""
    def __init__(self, folder, call, environment, namespace, lock_prefix, jobs):
        self.folder, self.call, self.namespace, self.jobs = folder, call, namespace, jobs
        self.environment = {**environment, **({"RESQUE_SCHEDULER_MASTER_LOCK_PREFIX": lock_prefix} if lock_prefix else {})}
        os.mkdir(folder)
        self.file, self.state, self.redis_port = folder + "/ran", folder + "/state", free_port()
        self.manager_call = [PROGRAM, "--state", self.state, "--set", "http.listen=", "--log-level", "warn", "--set",
                             f"queue.url=redis://127.0.0.1:{self.redis_port}/0?prefix={namespace}:",
                             "--set", f"queue.scheduler_lock_prefix={lock_prefix}"]
        self.started = []

    def start(self, call, environment=None):
        log = open(os.path.join(self.folder, "log"), "a")
        process = subprocess.Popen(call, stdout=log, stderr=log, env=environment)
        self.started.append(process)
        return process

    def peer(self, role):
        return self.start([*self.call, role, str(self.redis_port), self.namespace, self.file, str(self.jobs), str(SPREAD_S)],
                          self.environment)

    def redis(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.redis_port), *words], capture_output=True, text=True).stdout.strip()

    def left(self):
        ns = self.namespace
        return sum(int(self.redis(*words) or 0) for words in (
            ("ZCARD", f"{ns}:delayed_queue_schedule"), ("LLEN", f"{ns}:queue:default"), ("HLEN", f"{ns}:sm:inflight")))

    def numbers(self):
        with open(self.file) as f:
            return collections.Counter(int(line) for line in f)

    def run(self, may_be_killed):
        self.start(["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder])
        if not eventually(lambda: self.redis("PING") == "PONG", 10):
            raise AssertionError("redis-server does not answer")
        manager = self.start(self.manager_call, {**os.environ, "TEST_CONSUMER": '{"queues": ["default"]}'})
        if not eventually(lambda: api(self.state, "GET", "/readyz")[0] == 200, 30):
            raise AssertionError("the manager is not ready")
        scheduler, worker = self.peer("scheduler"), self.peer("worker")
        producer = self.peer("producer")
        changes, begin = 0, time.monotonic()
        while time.monotonic() < begin + SPREAD_S + 10:
            time.sleep(3)
            # Anew at once, or after a pause in which nobody but sm moves them.
            end(scheduler, signal.SIGKILL if may_be_killed and changes % 2 else signal.SIGTERM)
            time.sleep(0 if changes % 3 else 1.5)
            scheduler = self.peer("scheduler")
            changes += 1
        producer.wait(120)
        if producer.returncode:
            raise AssertionError("the producer failed")
        done = eventually(lambda: len(self.numbers()) == self.jobs and self.left() == 0, 60, 0.2)
        for process in (scheduler, worker, manager):
            end(process)
        ran = self.numbers()
        twice = sum(1 for times in ran.values() if times > 1)
        lost = self.jobs - len(ran)
        return twice, lost, changes, done

    def close(self):
        for process in self.started:
            if process.poll() is None:
                end(process)


def main():
    end_when_told()
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    if not shutil.which("redis-server"):
        sys.exit("schedulers: needs redis-server")
    folder, passed, failed, skipped = tempfile.mkdtemp(prefix="sm-schedulers-"), 0, 0, 0
    try:
        for name, prepare, kill, cases in (
                ("resque-scheduler", ruby, True, [("resque", ""), ("shop", ""), ("shop", "blue")]),
                ("node-resque", node, False, [("resque", ""), ("shop", "")])):
            try:
                call, environment = prepare(folder)
            except Skipped as why:
                print(f"skipped  {name}: {why}", flush=True)
                skipped += len(cases)
                continue
            for namespace, lock_prefix in cases:
                world = World(os.path.join(folder, f"{name}-{namespace}-{lock_prefix}"), call, environment, namespace,
                              lock_prefix, jobs)
                what = f"{name}, namespace {namespace}" + (f", lock prefix {lock_prefix}" if lock_prefix else "")
                try:
                    twice, lost, changes, done = world.run(kill)
                    ok = done and not twice and not lost
                    print(f"{'holds   ' if ok else 'FAILED  '} {what}: {jobs} delayed jobs, {changes} schedulers ended: "
                          f"{twice} ran twice, {lost} lost", flush=True)
                except (AssertionError, OSError, subprocess.SubprocessError) as e:
                    ok = False
                    print(f"FAILED   {what}: {e}", flush=True)
                finally:
                    world.close()
                passed, failed = passed + ok, failed + (not ok)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
