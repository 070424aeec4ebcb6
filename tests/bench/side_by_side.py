"""Two builds measured in turn, so that noise of the machine meets both alike."""
import os, statistics, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD

WORSE = 0.05


def tests_of(build):
    """The folder of a build's test programs, from the build's own."""
    for folder in (os.path.join(build, "tests"), build):
        if os.path.exists(os.path.join(folder, "bench_program")):
            return os.path.abspath(folder)
    sys.exit(f"bench: no bench_program in {build}: build it there first")


class Comparison:
    """Prints each row as soon as it is measured: the medians of both builds and this one's share of the other's."""

    def __init__(self, other, turns):
        self.builds, self.turns, self.worse = [other, BUILD], turns, []
        print("| what | the other build | this build | this / other | |\n|---|---|---|---|---|", flush=True)

    def rows(self, names, measure):
        """`names` are pairs of a row's name and whether more is better; `measure(build)` gives their figures in this order."""
        figures = {build: [] for build in self.builds}
        for turn in range(self.turns):
            # Who is first changes, too.
            for build in self.builds if turn % 2 == 0 else reversed(self.builds):
                figures[build].append(measure(build))
        medians = [[statistics.median(column) for column in zip(*figures[build])] for build in self.builds]
        for (name, more_is_better), before, now in zip(names, *medians):
            ratio = now / before if before else 1
            worse = ratio < 1 - WORSE if more_is_better else ratio > 1 + WORSE
            if worse:
                self.worse.append(name)
            digits = 0 if max(before, now) >= 100 else 2 if max(before, now) >= 1 else 3
            print(f"| {name} | {before:,.{digits}f} | {now:,.{digits}f} | {ratio:.3f} | {'WORSE' if worse else ''} |", flush=True)

    def end(self):
        if self.worse:
            sys.exit(f"bench: worse by more than {WORSE:.0%}: " + "; ".join(self.worse))
