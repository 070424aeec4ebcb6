#!/usr/bin/env python3
"""What the ready-made manager costs who only wants programs kept alive: its time from exec to the first answer, and its
memory with 100 programs, beside supervisord's.

usage: tests/bench/smd_bench.py [ROUNDS]

Runs the release build's smd: ROUNDS (20) starts on an empty state folder with one program, then one with 100. Memory is
the manager's PSS: its own, and its part of what it shares.
"""
import os, re, shutil, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import harness

SMD = os.path.join(harness.ROOT, "build/release/apps/smd")
SMCTL = os.path.join(harness.ROOT, "build/release/apps/smctl/smctl")
COUNT = 100


def pss_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1)) / 1024


def start_smd(folder, instances):
    config = os.path.join(folder, "smd.toml")
    with open(config, "w") as f:
        f.write(f'[service.sleeper]\ncommand = ["/bin/sleep", "100000"]\ninstances = {instances}\n')
    state = os.path.join(folder, "state")
    command = [SMD, "--config", config, "--state", state, "--listen", "127.0.0.1:0"]
    return state, subprocess.Popen(command, stderr=subprocess.DEVNULL)


def end(daemon):
    daemon.terminate()
    daemon.wait()


def ms_until_it_serves(folder):
    begin = time.perf_counter()
    state, daemon = start_smd(folder, 1)
    try:
        assert harness.eventually(lambda: harness.api(state, "GET", "/healthz")[0] == 200, 20, 0.0005)
        return (time.perf_counter() - begin) * 1000
    finally:
        end(daemon)
        shutil.rmtree(state)


def smd_memory(folder):
    state, daemon = start_smd(folder, COUNT)
    try:
        assert harness.eventually(lambda: harness.api(state, "GET", "/readyz")[0] == 200, 60)
        print(f"smd with {COUNT} programs, PSS in MB, when all are ready: {pss_mb(daemon.pid):.2f}")
        time.sleep(10)  # the time it is measured at is what is asked
        print(f"  10 s later:                           {pss_mb(daemon.pid):.2f}")
        subprocess.run([SMCTL, "-s", state, "status"], stdout=subprocess.DEVNULL, check=True)
        print(f"  after a `smctl status`:               {pss_mb(daemon.pid):.2f}")
        for _ in range(COUNT):
            subprocess.run([SMCTL, "-s", state, "status"], stdout=subprocess.DEVNULL, check=True)
            harness.api(state, "GET", "/metrics")
        print(f"  after {COUNT} of it and of /metrics:       {pss_mb(daemon.pid):.2f}")
    finally:
        end(daemon)


def supervisord_memory(folder):
    config = os.path.join(folder, "supervisord.conf")
    with open(config, "w") as f:
        f.write(f"[supervisord]\nnodaemon=true\nlogfile={folder}/s.log\npidfile={folder}/s.pid\nchildlogdir={folder}\n"
                "[program:sleeper]\ncommand=/bin/sleep 100000\nprocess_name=%(process_num)d\n"
                f"numprocs={COUNT}\nstartsecs=0\n")
    daemon = subprocess.Popen(["supervisord", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        children = f"/proc/{daemon.pid}/task/{daemon.pid}/children"
        assert harness.eventually(lambda: len(open(children).read().split()) == COUNT, 60)
        print(f"supervisord with {COUNT} programs:           {pss_mb(daemon.pid):.2f}")
    finally:
        end(daemon)


def main():
    harness.end_when_told()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    folder = tempfile.mkdtemp()
    try:
        taken = sorted(ms_until_it_serves(folder) for _ in range(rounds))
        print(f"smd from exec to its first answer, ms: {statistics.median(taken):.1f} ({taken[0]:.1f} to {taken[-1]:.1f})")
        smd_memory(folder)
        if shutil.which("supervisord"):
            supervisord_memory(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
