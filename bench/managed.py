"""Does an allocation in a hot managed loop cost what it costs in a native loop of that depth?

The managed loop is the reference client.  One tracked run of it tells how deep its stacks are and how
many of their frames change from one allocation to the next; bench/micro does the same natively.
Both are run with few and with many calls: the difference is free of start and compilation."""
import os
import sqlite3
import statistics
import subprocess
import tempfile

import microbench
import workloads

FEW, MANY = 2000000, 8000000
LOOK_CALLS = 3000000
GOAL = 1.30


class Client(workloads.Dotnet):
    """The reference client, with so many calls."""

    def __init__(self, top, data, calls):
        super().__init__(top, data)
        self.calls = calls

    def command(self, scratch):
        return [self.client(), "--calls", str(self.calls), "--pace", "0"]


def hot_stacks(recording, calls):
    """The stacks of one call, each as its frames from the allocation's caller outwards; what is
    lost comes first.  There are as many as there are allocations in a call."""
    with sqlite3.connect(recording) as db:
        total = db.execute("SELECT sum(allocated_blocks) FROM stack").fetchone()[0]
        found = db.execute(
            "SELECT id FROM (SELECT id, allocated_blocks AS made, (SELECT count(*) FROM block"
            " WHERE block.stack = stack.id) AS left FROM stack ORDER BY made DESC LIMIT ?)"
            " ORDER BY left DESC", (round(total / calls),)).fetchall()
        return [[frame for frame, in db.execute(
            "SELECT frame FROM stack_frame WHERE stack = ? AND depth > 0 ORDER BY depth", row)]
                for row in found]


def nr_common(stacks):
    """How many outermost frames are the same in all of them."""
    common = 0
    for frames in zip(*(reversed(s) for s in stacks)):
        if len(set(frames)) > 1:
            break
        common += 1
    return common


def look(top, leakline, client):
    """(frames that stay, frames that change of each stack) of the managed loop."""
    with tempfile.TemporaryDirectory(prefix="leakline-bench.") as scratch:
        recording = os.path.join(scratch, "look.leakline")
        subprocess.run([leakline, "run", "-o", recording, "--"] + client.command(scratch),
                       env=client.env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)
        stacks = hot_stacks(recording, client.calls)
    common = nr_common(stacks)
    return common, [len(s) - common for s in stacks]


def ns_per_call(loads, variant, run_clean):
    """CPU of the program alone, without its start."""
    few, many = (run_clean(load, variant)[0] for load in loads)
    return ((many.cpu - many.own) - (few.cpu - few.own)) / (MANY - FEW) * 1e9


def print_row(name, common, varies, rounds):
    base, tracked = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    added = [(t - b) / len(varies) for b, t in rounds]
    print("| %s | %d | %s | %.0f | %.0f | %.1f | %.1f-%.1f |" % (
        name, common, ", ".join(map(str, varies)), base, tracked, statistics.median(added),
        min(added), max(added)))
    return added


def report(top, data, leakline, nr_rounds, run_clean):
    """Prints both costs and their ratio; the loops take turns."""
    client = Client(top, data, LOOK_CALLS)
    common, varies = look(top, leakline, client)
    micro = microbench.build(top, data)
    loops = {
        "managed": [Client(top, data, n) for n in (FEW, MANY)],
        "native": [microbench.Micro(micro, ["calls", n, common] + varies) for n in (FEW, MANY)],
    }
    rounds = {name: [] for name in loops}
    for _ in range(nr_rounds):
        for name, loads in loops.items():
            rounds[name].append([ns_per_call(loads, v, run_clean)
                                 for v in ("untracked", "leakline")])
    print("ns of CPU time of the program alone, over %d million calls\n" % ((MANY - FEW) // 1000000))
    print("| loop | frames that stay | frames that change, per stack | untracked, a call | "
          "tracked, a call | added, an allocation | min-max |")
    print("|---|---|---|---|---|---|---|")
    added = {name: print_row(name, common, varies, r) for name, r in rounds.items()}
    ratios = [m / n for m, n in zip(added["managed"], added["native"])]
    print("\nmanaged to native, per allocation: %.2f (%.2f-%.2f); the goal is %.2f" % (
        statistics.median(ratios), min(ratios), max(ratios), GOAL))
