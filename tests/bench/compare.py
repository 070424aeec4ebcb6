#!/usr/bin/env python3
"""Runs sm through the comparison of process managers of docs/comparison.md and prints its row.

usage: tests/bench/compare.py

Needs the release build and wrk. Every service is the program tests/bench/reporter.cpp.
"""
import ctypes, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, api, eventually, free_port


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Manager:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sm-compare-")
        self.state, self.report = os.path.join(self.folder, "state"), os.path.join(self.folder, "report")
        self.start()

    def start(self):
        if os.path.exists(os.path.join(self.state, "http")):
            os.remove(os.path.join(self.state, "http"))
        self.started = time.monotonic_ns()
        self.process = subprocess.Popen([os.path.join(BUILD, "bench_program"), "--state", self.state, "--listen", "127.0.0.1:0"],
                                        env={**os.environ, "SM_BENCH_SERVICES": "0"},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert eventually(lambda: os.path.exists(os.path.join(self.state, "http")), 20, 0.001)

    def api(self, *request, **more):
        return api(self.state, *request, **more)

    def add(self, name, *arguments, **more):
        status, answer = self.api("POST", "/v1/services", {
            "name": name, "command": [os.path.join(BUILD, "reporter"), self.report, name, *arguments], **more})
        assert status == 201, answer

    def reports(self, name=None):
        """(name, pid, nanoseconds) of each start."""
        try:
            with open(self.report) as f:
                rows = [line.split() for line in f]
        except OSError:
            return []
        return [(r[0], int(r[1]), int(r[2])) for r in rows if name in (None, r[0])]

    def running(self):
        return sorted({pid for _, pid, _ in self.reports() if alive(pid)})

    def ready(self, count):
        return eventually(lambda: len(self.running()) == count, 60, 0.001)

    def stop(self, timeout=60):
        """Seconds that a graceful stop took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout)
        return time.monotonic() - began

    def end(self):
        if self.process.poll() is None:
            self.stop()
        left = self.running()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
        return left


def say(what, result):
    print(f"{what:62} {result}", flush=True)


def kill_to_replacement():
    m = Manager()
    m.add("s", intensity={"restarts": 1000, "window": "1m"}, backoff={"reset_after": "1ms"})
    assert m.ready(1)
    times = []
    for _ in range(30):
        (name, pid, _), before = m.reports()[-1], len(m.reports())
        time.sleep(0.05)
        killed = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: len(m.reports()) > before, 10, 0.0005)
        times.append((m.reports()[-1][2] - killed) / 1e6)
    m.end()
    say("kill -9 -> replacement up, ms p50 (min-max)", f"{statistics.median(times):.1f} ({min(times):.1f}-{max(times):.1f})")


def start_many():
    for count in (10, 100, 300):
        m = Manager()
        for n in range(count):
            m.add(f"s{n}")
        assert m.ready(count)
        m.stop()
        before = len(m.reports())
        m.start()
        assert eventually(lambda: len(m.reports()) == before + count, 60, 0.002)
        took = (max(r[2] for r in m.reports()[before:]) - m.started) / 1e6
        memory = ""
        if count == 100:
            time.sleep(1)
            with open(f"/proc/{m.process.pid}/smaps_rollup") as f:
                pss = int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1)) / 1024
            memory = f"; manager's PSS {pss:.1f} MB"
        say(f"start {count} programs, ms", f"{took:.0f}{memory}")
        m.end()


def crash_loop():
    m = Manager()
    m.add("s", "exit")
    time.sleep(20)
    shown = m.api("GET", "/v1/services/s")[1]
    say("crash loop, 20 s, default policy", f"{len(m.reports())} starts, then {shown['state']} ({shown['reason']})")
    m.end()


def hang():
    for more in ({}, {"watchdog": "2s"}):
        m = Manager()
        m.add("s", **more)
        assert m.ready(1)
        time.sleep(0.5)
        pid = m.running()[0]
        os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        found = eventually(lambda: not alive(pid), 60, 0.01)
        took = time.monotonic() - stopped
        back = m.ready(1)
        say(f"SIGSTOP, watchdog {more.get('watchdog', '30s (default)')}",
            f"killed after {took:.1f} s, replaced: {back}" if found else "unnoticed")
        m.end()


def kill_the_manager():
    m = Manager()
    for n in range(5):
        m.add(f"s{n}")
    assert m.ready(5)
    before = m.running()
    m.process.kill()
    m.process.wait()
    time.sleep(2)
    survived = len(set(m.running()) & set(before))
    os.kill(before[0], signal.SIGKILL)
    starts = len(m.reports())
    m.start()
    began = time.monotonic()
    assert m.ready(5)
    ready = eventually(lambda: all(s["ready"] for s in m.api("GET", "/v1/services")[1]["services"]), 20, 0.002)
    took = time.monotonic() - began
    time.sleep(2)
    after = m.running()
    say("manager kill -9", f"{survived}/5 survive; one of them killed meanwhile")
    say("after relaunch", f"{len(set(after) & set(before))} adopted, {len(m.reports()) - starts} new, "
                          f"{len(after) - 5} duplicates; all ready {'' if ready else 'NOT '}after {took * 1000:.0f} ms")
    m.end()


def graceful_stop():
    for count in (3, 20):
        m = Manager()
        for n in range(count):
            m.add(f"s{n}")
        assert m.ready(count)
        took = m.stop()
        say(f"graceful stop (TERM) of {count}", f"{took:.2f} s, {len(m.running())} left, exit code {m.process.returncode}")
        m.end()
    for count in (1, 2, 3):
        m = Manager()
        for n in range(count):
            m.add(f"s{n}", "ignore-term")
        assert m.ready(count)
        took = m.stop()
        say(f"stop of {count} that ignore TERM (stop_timeout 10 s)", f"{took:.1f} s, {len(m.running())} left")
        m.end()


def reload_under_load():
    m = Manager()
    port = free_port()
    status, answer = m.api("POST", "/v1/services", {
        "name": "web", "command": [os.path.join(BUILD, "http_program")], "instances": 4,
        "sockets": [f"127.0.0.1:{port}"], "ready": {"kind": "notify"}, "start_timeout": "1s"})
    assert status == 201, answer
    assert eventually(lambda: m.api("GET", "/v1/services/web")[1]["instances"]["ready"] == 4, 20)
    for what, method, path, body in (("reload", "POST", "/v1/services/web/reload?wait=20s", None),
                                     ("to a version that never becomes ready", "PATCH", "/v1/services/web?wait=20s",
                                      {"command": [os.path.join(BUILD, "http_program"), "--never-ready"]})):
        wrk = subprocess.Popen(["wrk", "-t1", "-c64", "-d6s", f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)
        time.sleep(1.5)
        status, answer = m.api(method, path, body, timeout=30)
        text = wrk.communicate()[0]
        total = re.search(r"(\d+) requests in", text).group(1)
        errors = re.search(r"Socket errors: .*|Non-2xx.*", text)
        outcome = "rolled back" if status == 409 else f"{status}, {answer['instances']['ready']} ready"
        say(f"4 HTTP instances under wrk -c64, {what}", f"{errors.group(0) if errors else '0 failed'} of {total} requests; {outcome}")
    m.end()


def main():
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: nothing may escape us
    for part in (kill_to_replacement, start_many, crash_loop, hang, kill_the_manager, graceful_stop, reload_under_load):
        part()


main()
