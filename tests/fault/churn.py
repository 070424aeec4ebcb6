#!/usr/bin/env python3
"""Adds and removes services without end, and looks whether the manager stays as it was.

usage: tests/fault/churn.py [MINUTES, 10] [--services 1000] [--instances 1] [--rss-mb 2]

In each minute a tenth of the services (or --services divided by the minutes) is added, started, used and removed again,
a batch at a time. With --instances 0 they have no process, which tells what the manager keeps of a service from what it
keeps of a start. Prints a line for each minute, taken when nothing but the program's own services is left; exit code 1
when memory, descriptors, threads or files have grown since the second minute. Needs the release build, or the one
whose folder SM_BUILD names.
"""
import argparse, os, re, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import harness
from harness import api, eventually

BATCH = 25


def status(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{key}:\s+(\d+)", f.read(), re.M).group(1))


def files_below(folder):
    count = size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(path, name)).st_size
                count += 1
            except OSError:
                pass
    return count, size


class Manager:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sm-churn-")
        self.state = os.path.join(self.folder, "state")
        self.process = subprocess.Popen(
            [os.path.join(os.environ.get("SM_BUILD", harness.BUILD), "test_program"), "--state", self.state, "--set", "http.listen=", "--log-level",
             "warn"], stderr=subprocess.DEVNULL)
        if not eventually(lambda: self.api("GET", "/readyz")[0] == 200, 30):
            sys.exit("churn: the program does not become ready")
        self.own = len(self.names())

    def api(self, method, path, body=None):
        return api(self.state, method, path, body, timeout=30)

    def names(self):
        return [s["name"] for s in self.api("GET", "/v1/services")[1]["services"]]

    def figures(self):
        pid = self.process.pid
        count, size = files_below(self.state)
        return {"rss_mb": status(pid, "VmRSS") / 1024, "fds": len(os.listdir(f"/proc/{pid}/fd")),
                "threads": status(pid, "Threads"), "files": count, "mb": size / 1e6}

    def end(self):
        self.process.terminate()
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


def churn(manager, first, count, instances):
    """Adds `count` services, uses them, removes them; the number of wrong answers."""
    wrong = 0
    names = [f"churn{first + i}" for i in range(count)]
    for name in names:
        wrong += manager.api("POST", "/v1/services", {"name": name, "type": "tool", "instances": instances})[0] != 201
    if instances > 0:
        for name in names:
            wrong += not eventually(lambda: manager.api("GET", f"/v1/services/{name}")[1]["state"] == "RUNNING", 30)
            wrong += manager.api("POST", f"/v1/services/{name}/commands/pid")[0] != 200
    for name in names:
        wrong += manager.api("DELETE", f"/v1/services/{name}?wait=20s")[0] != 200
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", nargs="?", type=float, default=10)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--rss-mb", type=float, default=2, help="how much memory may grow from the second minute on")
    args = parser.parse_args()
    harness.end_when_told()
    manager = Manager()
    rows, done, wrong = [], 0, 0
    try:
        begin = time.monotonic()
        print("| minute | services | resident MB | descriptors | threads | files | MB on disk |\n|---|---|---|---|---|---|---|")
        minute = 0
        while minute < args.minutes:
            minute += 1
            target = round(args.services * min(minute / args.minutes, 1))
            while done < target:
                count = min(BATCH, target - done)
                wrong += churn(manager, done, count, args.instances)
                done += count
                # Evenly over the minute, as far as there is time left.
                pause = begin + 60 * (minute - 1 + 1 - (target - done) / (args.services / args.minutes)) - time.monotonic()
                time.sleep(max(0, min(pause, 60)))
            eventually(lambda: len(manager.names()) == manager.own, 30)
            rows.append(manager.figures())
            r = rows[-1]
            print(f"| {minute} | {done} | {r['rss_mb']:.1f} | {r['fds']} | {r['threads']} | {r['files']} | {r['mb']:.1f} |", flush=True)
    finally:
        code = manager.end()
    early, late = rows[min(1, len(rows) - 1)], rows[-1]
    grown = [f"{key} from {early[key]:.1f} to {late[key]:.1f}"
             for key, room in (("rss_mb", args.rss_mb), ("fds", 2), ("threads", 0), ("files", 4)) if late[key] > early[key] + room]
    if grown:
        print("grown: " + ", ".join(grown))
    if wrong or code:
        print(f"{wrong} wrong answers, exit code {code}")
    sys.exit(1 if grown or wrong or code else 0)


if __name__ == "__main__":
    main()
