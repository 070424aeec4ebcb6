"""Two builds measured in turn, so that noise of the machine meets both alike."""
import math, os, re, statistics, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from harness import BUILD

WORSE = 0.05


def tests_of(build):
    """The folder of a build's test programs, from the build's own."""
    for folder in (os.path.join(build, "tests"), build):
        if os.path.exists(os.path.join(folder, "bench_program")):
            return os.path.abspath(folder)
    sys.exit(f"bench: no bench_program in {build}: build it there first")


def interval_of_median(values):
    """Between which of the sorted values the median lies with 95 %, whatever their distribution (the sign test's
    interval); nothing for fewer than six."""
    n, below, chance = len(values), 0, 0.0
    while (chance := chance + math.comb(n, below) / 2**n) <= 0.025:
        below += 1
    return (sorted(values)[below - 1], sorted(values)[n - below]) if below else None


class Comparison:
    """Prints each row as soon as it is measured: the medians of both builds, and the median of this one's share of the
    other's over the turns, each of which measures both one right after the other. Rows that seem worse are measured
    four times as often, and judged once more: a machine that others use swings by more than what is looked for. A row is
    worse when its median is by more than 5 %, and the interval that holds it with 95 % lies on that side of 1."""

    def __init__(self, other, turns, only=""):
        self.builds, self.turns, self.only, self.worse = [other, BUILD], turns, re.compile(only), []
        print("| what | the other build | this build | this / other | 95 % within | turns | |\n|---|---|---|---|---|---|---|", flush=True)

    def wants(self, *names):
        return any(self.only.search(name) for name in names)

    def rows(self, names, measure):
        """`names` are pairs of a row's name and whether more is better; `measure(build)` gives their figures in this order."""
        if not self.wants(*(name for name, _ in names)):
            return
        turns, wanted = [], self.turns
        while len(turns) < wanted:
            # Who is first changes, too.
            order = self.builds if len(turns) % 2 == 0 else self.builds[::-1]
            measured = {build: measure(build) for build in order}
            turns.append([measured[build] for build in self.builds])
            if len(turns) == self.turns and any(self.judged(names, turns)):
                wanted *= 4
        worse = self.judged(names, turns, surely=True)
        for i, (name, _) in enumerate(names):
            before, now = (statistics.median(turn[side][i] for turn in turns) for side in (0, 1))
            if worse[i]:
                self.worse.append(name)
            digits = 0 if max(before, now) >= 100 else 2 if max(before, now) >= 1 else 3
            print(f"| {name} | {before:,.{digits}f} | {now:,.{digits}f} | {self.share(turns, i):.3f} "
                  f"| {self.interval_text(turns, i)} | {len(turns)} "
                  f"| {'WORSE' if worse[i] else ''} |", flush=True)

    def judged(self, names, turns, surely=False):
        worse = []
        for i, (_, more_is_better) in enumerate(names):
            share, interval = self.share(turns, i), interval_of_median(self.shares(turns, i))
            away = share < 1 - WORSE if more_is_better else share > 1 + WORSE
            if away and surely and interval:
                away = interval[1] < 1 if more_is_better else interval[0] > 1
            worse.append(away)
        return worse

    @staticmethod
    def shares(turns, i):
        return [now[i] / before[i] if before[i] else 1 for before, now in turns]

    def share(self, turns, i):
        return statistics.median(self.shares(turns, i))

    def interval_text(self, turns, i):
        interval = interval_of_median(self.shares(turns, i))
        return f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else ""

    def end(self):
        if self.worse:
            sys.exit(f"bench: worse by more than {WORSE:.0%}: " + "; ".join(self.worse))
