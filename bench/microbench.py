"""Builds bench/micro.c, runs it under each variant and prints what a pair and a block cost."""
import os
import re
import statistics
import subprocess

# (depth, frames that change from pair to pair, threads): bench/micro.c
PAIRS = [(13, 1, 1), (13, 4, 1), (13, 9, 1), (43, 1, 1), (43, 4, 1), (43, 39, 1),
         (13, 4, 2), (43, 4, 2)]
LIVE_BLOCKS, LIVE_SIZE = 10000000, 32


class Micro:
    """One way to run bench/micro, as a workload that bench/run can start."""
    stdin = None

    def __init__(self, binary, args):
        self.binary = binary
        self.args = [str(a) for a in args]
        self.name = " ".join(self.args)

    def env(self):
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": "/tmp", "LC_ALL": "C"}

    def command(self, scratch):
        return [self.binary] + self.args

    def drive(self, scratch):
        """It ends by itself."""

    def answer(self, scratch, out):
        with open(out, "rb") as file:
            return file.read()


def build(top, data):
    binary = os.path.join(data, "micro")
    subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g", "-fomit-frame-pointer",
                    "-o", binary, os.path.join(top, "bench/micro.c"), "-pthread"], check=True)
    return binary


def numbers(load, variant, rounds, run_clean, pattern):
    """Medians over the rounds of the numbers in the program's answer."""
    found = []
    for _ in range(rounds):
        match = re.search(pattern, run_clean(load, variant)[1])
        found.append([float(n) for n in match.groups()])
    return [statistics.median(column) for column in zip(*found)]


def print_pairs(binary, variants, rounds, run_clean):
    print("ns of thread CPU time per malloc/free pair, and what was added to untracked\n")
    print("| depth | frames that change | threads | " + " | ".join(variants) + " |")
    print("|---" * (3 + len(variants)) + "|")
    for pair in PAIRS:
        load = Micro(binary, ("pairs",) + pair)
        cells = [numbers(load, v, rounds, run_clean, rb"([\d.]+) ns")[0] for v in variants]
        base = cells[0] if variants[0] == "untracked" else None
        texts = ["%.0f" % c if base is None or i == 0 else "%.0f (+%.0f)" % (c, c - base)
                 for i, c in enumerate(cells)]
        print("| %d | %d | %d | " % pair + " | ".join(texts) + " |", flush=True)


def print_live(binary, variants, rounds, run_clean):
    print("\n%d million live blocks of %d bytes\n" % (LIVE_BLOCKS // 1000000, LIVE_SIZE))
    print("| variant | RSS, bytes per block | of it shared files | ns per malloc | "
          "max RSS of any process, MB | CPU s, all processes |")
    print("|---|---|---|---|---|---|")
    load = Micro(binary, ("live", LIVE_BLOCKS, LIVE_SIZE))
    pattern = rb"([\d.]+) bytes of RSS per block, ([\d.]+) bytes of shared files, ([\d.]+) ns"
    for variant in variants:
        figures, answer = run_clean(load, variant)
        rss, shared, ns = (float(n) for n in re.search(pattern, answer).groups())
        print("| %s | %.1f | %.1f | %.0f | %d | %.2f |" % (
            variant, rss, shared, ns, figures.rss_mb, figures.cpu), flush=True)


def report(top, data, variants, rounds, run_clean):
    binary = build(top, data)
    print_pairs(binary, variants, rounds, run_clean)
    print_live(binary, variants, rounds, run_clean)
