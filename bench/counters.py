#!/usr/bin/env python3
"""What sampling counters costs a .NET program: bench/counters.py [--rounds N] [--seconds S]

Runs tests/programs/dotnet_counters under leakline with and without --no-counters, in
alternating order, and prints medians.  `beat` sleeps a millisecond at a time: its longest
sleep shows pauses, its CPU time shows work.  `churn` makes garbage as fast as it goes:
rounds per CPU second show what is taken from a busy program.
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOLD = re.compile(r"rounds (\d+) worst_ms ([\d.]+) cpu_ms (\d+) gcs (\d+)")
OWN = re.compile(r"leakline ([\d.]+)$", re.M)


def build(folder):
    env = dict(os.environ, DOTNET_CLI_TELEMETRY_OPTOUT="1", DOTNET_NOLOGO="1", MSBUILDDISABLENODEREUSE="1")
    subprocess.run(["dotnet", "build", "-v", "q", "-c", "Release", "-p:UseSharedCompilation=false",
                    f"-p:BaseIntermediateOutputPath={folder}/obj/", "-o", f"{folder}/out",
                    f"{ROOT}/tests/programs/dotnet_counters"], check=True, stdout=subprocess.DEVNULL, env=env)
    return f"{folder}/out/dotnet_counters.dll"


def measure(program, mode, seconds, options, folder):
    command = [f"{ROOT}/build/leakline", "run", "-v", "-o", f"{folder}/x.leakline", *options, "--",
               "dotnet", program, mode, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    rounds, worst, cpu, gcs = (float(x) for x in TOLD.search(done.stdout).groups())
    own = float(OWN.search(done.stderr).group(1))
    return {"longest sleep, ms": worst, "CPU of the program, ms": cpu, "rounds per CPU ms": rounds / cpu,
            "collections a second": gcs / seconds, "CPU of leakline, ms": own * 1000}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    wish = parser.parse_args()
    variants = {"without": ["--no-counters"], "with": []}
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        for mode in ("beat", "churn"):
            seen = {name: [] for name in variants}
            for i in range(wish.rounds):
                for name in sorted(variants, reverse=i % 2 == 1):
                    seen[name].append(measure(program, mode, wish.seconds, variants[name], folder))
            for what in seen["with"][0]:
                row = [f"{name} {statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"
                       for name in variants for values in [[m[what] for m in seen[name]]]]
                print(f"{mode}: {what}: " + ", ".join(row), flush=True)


main()
