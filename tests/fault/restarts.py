#!/usr/bin/env python3
"""Shows what a restart of an instance costs the manager for good: nothing.

usage: tests/fault/restarts.py [RESTARTS]      20000 without

Services are killed with -9 again and again; the manager's resident memory is looked at after a quarter, when its rings
and tables are filled, and at the end. More than 16 bytes for each restart in between and it fails. Needs the release build, or the one whose folder SM_BUILD names.
"""
import os, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD, api, end_when_told, eventually

PROGRAM = os.path.join(os.environ.get("SM_BUILD", BUILD), "test_program")
SERVICES = 16
BYTES_MAX = 16
SERVICE = {"type": "tool", "backoff": {"min": "1ms", "max": "1ms", "jitter": 0, "reset_after": "1ms"},
           "intensity": {"restarts": 100000, "window": "1s"}}


def resident(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def main():
    end_when_told()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 20000
    folder = tempfile.mkdtemp(prefix="sm-restarts-")
    state = os.path.join(folder, "state")
    os.mkdir(state, 0o700)
    log = open(os.path.join(folder, "stderr"), "wb")
    manager = subprocess.Popen([PROGRAM, "--state", state, "--listen", "127.0.0.1:0", "--log-level", "warn"], stderr=log)
    killed, last, begin = 0, {}, None
    try:
        if not eventually(lambda: api(state, "GET", "/v1/services")[0] == 200, 10):
            sys.exit("restarts: the manager does not serve")
        for n in range(SERVICES):
            status, answer = api(state, "POST", "/v1/services", SERVICE | {"name": f"r{n}"})
            if status != 201:
                sys.exit(f"restarts: {answer}")
        started, progress = time.monotonic(), time.monotonic()
        while killed < wanted:
            if time.monotonic() > progress + 20:
                sys.exit(f"restarts: nothing came back after {killed}")
            for row in api(state, "GET", "/v1/services?q=r")[1]["services"]:
                pid = row.get("pid")
                if row["name"][0] != "r" or not row["ready"] or last.get(row["name"]) == pid:
                    continue
                last[row["name"]] = pid
                os.kill(pid, signal.SIGKILL)
                killed, progress = killed + 1, time.monotonic()
            if begin is None and killed >= wanted // 4:
                begin = (killed, resident(manager.pid))
        if not eventually(lambda: all(row["ready"] for row in api(state, "GET", "/v1/services")[1]["services"]), 20):
            sys.exit("restarts: not all came back")
        end = resident(manager.pid)
        each = (end - begin[1]) / (killed - begin[0])
        print(f"{killed} restarts in {time.monotonic() - started:.0f} s; the manager has {end / 2**20:.1f} MiB, "
              f"{each:.1f} bytes more for each of the last {killed - begin[0]}; {descriptors(manager.pid)} descriptors")
        if each > BYTES_MAX:
            sys.exit(f"restarts: more than {BYTES_MAX} bytes for each")
    finally:
        manager.terminate()
        try:
            manager.wait(20)
        except subprocess.TimeoutExpired:
            manager.kill()
        shutil.rmtree(folder, ignore_errors=True)


main()
