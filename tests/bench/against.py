#!/usr/bin/env python3
"""Measures this build and another one in turn, in one run: `scripts/bench --against BUILD`.

usage: tests/bench/against.py BUILD SECONDS TURNS ROWS
"""
import contextlib, importlib.machinery, importlib.util, os, signal, statistics, sys, time

from side_by_side import Comparison, tests_of

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
loader = importlib.machinery.SourceFileLoader("bench", os.path.join(ROOT, "scripts/bench"))
bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
loader.exec_module(bench)


@contextlib.contextmanager
def managers(builds, services):
    """One of each build, both running all the while."""
    with contextlib.ExitStack() as stack:
        made = {}
        for build in builds:
            state = stack.enter_context(bench.state_folder())
            made[build] = bench.Manager(services, state, build)
            stack.callback(made[build].stop)
        yield made


def http_rows(comparison, seconds):
    def figures(sm, path, clients, *keys):
        measured = bench.load(sm, path, clients, seconds)
        return [measured[key] for key in keys]

    with managers(comparison.builds, 10) as sm:
        comparison.rows([("request without a hop, 64 clients, /s", True), ("CPU per request without a hop, us", False)],
                        lambda build: figures(sm[build], "/hello", 64, "rate", "cpu"))
        comparison.rows([("command to one service, 1 client, p50 us", False)], lambda build: figures(sm[build], "/one", 1, "p50"))
        comparison.rows([("command to one service, 64 clients, /s", True)], lambda build: figures(sm[build], "/one", 64, "rate"))
    for services in (10, 100):
        with managers(comparison.builds, services) as sm:
            comparison.rows([(f"gather over {services}, 1 client, p50 us", False)], lambda build: figures(sm[build], "/all", 1, "p50"))
            comparison.rows([(f"gather over {services}, 64 clients, /s", True)], lambda build: figures(sm[build], "/all", 64, "rate"))
            if services == 10:
                one_stopped(comparison, sm, lambda build: figures(sm[build], "/all", 16, "rate"))


def one_stopped(comparison, sm, measure):
    """Stopped for one measurement at a time: the watchdog kills whoever stands still for longer."""
    def stopped(build):
        pid = sm[build].pids()["s3"]
        os.kill(pid, signal.SIGSTOP)
        try:
            sm[build].get("/all")  # the breaker opens
            return measure(build)
        finally:
            os.kill(pid, signal.SIGCONT)
    comparison.rows([("gather, 1 of 10 stopped, 16 clients, /s", True)], stopped)


def restart_rows(comparison):
    with managers(comparison.builds, 30) as sm:
        comparison.rows([("kill -9 until the next is ready, ms", False)],
                        lambda build: [statistics.median(bench.kill_each(sm[build]))])


def start_rows(comparison):
    for services in (100, 300):
        def start(build):
            with managers([build], services) as sm:
                return [sm[build].start_ms]
        comparison.rows([(f"{services} services, start until all are ready, ms", False)], start)


def size_rows(comparison):
    with managers(comparison.builds, 100) as sm:
        pids = {build: list(m.pids().values()) for build, m in sm.items()}
        comparison.rows([("manager's memory with 100 services, PSS MB", False), ("a service process's own memory, PSS MB", False)],
                        lambda build: [bench.pss_megabytes(sm[build].process.pid),
                                       statistics.median(bench.pss_megabytes(p) for p in pids[build])])
        time.sleep(2)

        def idle(build):
            everyone = [sm[build].process.pid, *pids[build]]
            before, start = bench.run_ns(everyone), time.monotonic()
            time.sleep(10)
            return [(bench.run_ns(everyone) - before) / 1e9 / (time.monotonic() - start) * 100]
        comparison.rows([("idle CPU with 100 services, manager and all, % of a core", False)], idle)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    comparison = Comparison(tests_of(sys.argv[1]), int(sys.argv[3]), sys.argv[4])
    http_rows(comparison, int(sys.argv[2]))
    restart_rows(comparison)
    start_rows(comparison)
    size_rows(comparison)
    comparison.end()


if __name__ == "__main__":
    main()
