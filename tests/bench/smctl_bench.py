#!/usr/bin/env python3
"""What a look at 100 services costs: the wall time of `smctl status`, from exec to exit, beside other managers' tools.

usage: tests/bench/smctl_bench.py [ROUNDS]

Runs the release build's test program with 100 services, supervisord with 100 programs and `systemctl list-units`,
each where it is installed and answers. Prints the medians of ROUNDS (100) rounds, all taken in turn.
"""
import os, shutil, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import harness

SMCTL = os.path.join(harness.ROOT, "build/release/apps/smctl/smctl")
PROGRAM = os.path.join(harness.BUILD, "test_program")
COUNT = 100


def ms_of(command):
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    took = (time.perf_counter() - begin) * 1000
    return took, done


def start_sm(folder):
    state = os.path.join(folder, "state")
    manager = subprocess.Popen([PROGRAM, "--state", state, "--listen", "127.0.0.1:0"], stderr=subprocess.DEVNULL)
    assert harness.eventually(lambda: harness.api(state, "GET", "/readyz")[0] == 200, 20)
    for n in range(COUNT - 4):  # beside the four that it declares
        assert harness.api(state, "POST", "/v1/services", {"name": f"service-{n}", "type": "tool"})[0] == 201
    assert harness.eventually(lambda: harness.api(state, "GET", "/readyz")[0] == 200, 60)
    return manager, [SMCTL, "-s", state, "status"]


def start_supervisord(folder):
    config = os.path.join(folder, "supervisord.conf")
    with open(config, "w") as f:
        f.write(f"[unix_http_server]\nfile={folder}/s.sock\n[supervisord]\nnodaemon=true\nlogfile={folder}/s.log\n"
                f"pidfile={folder}/s.pid\nchildlogdir={folder}\n[rpcinterface:supervisor]\n"
                "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
                f"[supervisorctl]\nserverurl=unix://{folder}/s.sock\n")
        for n in range(COUNT):
            f.write(f"[program:service-{n}]\ncommand=/bin/sleep 100000\n")
    daemon = subprocess.Popen(["supervisord", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    status = ["supervisorctl", "-c", config, "status"]
    assert harness.eventually(lambda: subprocess.run(status, capture_output=True).stdout.count(b"RUNNING") == COUNT, 60)
    return daemon, status


def main():
    harness.end_when_told()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    folder = tempfile.mkdtemp()
    daemons, tools = [], {}
    try:
        daemon, tools["smctl status"] = start_sm(folder)
        daemons.append(daemon)
        tools["smctl version (no manager asked)"] = [SMCTL, "version"]
        tools["true(1), the floor"] = ["/bin/true"]
        if shutil.which("supervisord"):
            daemon, tools["supervisorctl status"] = start_supervisord(folder)
            daemons.append(daemon)
        if subprocess.run(["systemctl", "list-units"], capture_output=True).returncode == 0:
            tools["systemctl list-units"] = ["systemctl", "list-units", "--no-pager"]
        taken = {name: [] for name in tools}
        for _ in range(rounds):
            for name, command in tools.items():
                if name.startswith("supervisorctl") and len(taken[name]) >= 10:
                    continue
                took, done = ms_of(command)
                assert done.returncode == 0, (name, done.stdout)
                taken[name].append(took)
        for name, times in taken.items():
            times.sort()
            print(f"{name:36} {statistics.median(times):8.1f} ms   ({times[0]:.1f} to {times[-1]:.1f})")
    finally:
        for daemon in daemons:
            daemon.terminate()
            daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
