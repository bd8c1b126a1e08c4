#!/usr/bin/env python3
"""Times embert and its peers on x86-64, side by side in one run.

    tests/bench/setup.sh                                # once: half an hour, of which most builds llama.cpp
    cargo build --release --package xtask
    target/peers/venv/bin/python tests/bench/bench.py --json peers.json
    target/peers/venv/bin/python tests/bench/check.py   # that the peers compute what they should

What is timed is the encoder's forward pass of one sequence: token ids in, last hidden states out.
Every cell, that is a model, a token count and a number of threads, takes rounds. In each round
every engine runs one burst of passes, in an order that turns, so that a machine that slows down
slows everybody alike. A burst counts as its median; the table has the median of a cell's bursts,
and below it the fastest single pass. Run it on a machine with nothing else to do, and take
differences under 10% for nothing.
"""

import argparse
import json
import statistics
import time

from engines import ENGINES, Process
from models import MODELS

# What a burst takes, in milliseconds, and the fewest passes in it.
BURST, FEWEST = 300, 3
# Before each burst, in seconds: threads of the engine before it may still spin.
REST = 0.02


def main():
    arguments = parse()
    rows = []
    for name in arguments.models:
        model = MODELS[name]
        for tokens in arguments.tokens or model.tokens:
            for threads in arguments.threads:
                cell = measure(arguments, name, tokens, threads)
                rows.append((model, tokens, threads, cell))
                print(line(arguments.engines, rows[-1]), flush=True)
    print()
    print(table(arguments.engines, rows))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(records(rows), file, indent=1)
            file.write("\n")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--tokens", nargs="+", type=int, help="default: those of each model")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def measure(arguments, model, tokens, threads):
    """Of each engine: the median of its bursts' medians, and the fastest pass."""
    processes = {engine: Process(engine, model, tokens, threads) for engine in arguments.engines}
    passes = {}
    for engine, process in processes.items():
        process.time(FEWEST)
        passes[engine] = max(FEWEST, round(BURST / statistics.median(process.time(FEWEST))))
    bursts = {engine: [] for engine in processes}
    for turn in range(arguments.rounds):
        order = list(processes)
        start = turn % len(order)
        for engine in order[start:] + order[:start]:
            time.sleep(REST)
            bursts[engine].append(processes[engine].time(passes[engine]))
    for process in processes.values():
        process.close()
    return {
        engine: (statistics.median(map(statistics.median, times)), min(map(min, times)))
        for engine, times in bursts.items()
    }


def line(engines, row):
    model, tokens, threads, cell = row
    figures = ", ".join(f"{engine} {cell[engine][0]:.3g} (min {cell[engine][1]:.3g})" for engine in engines)
    return f"{model.name} {tokens} tokens, threads {threads}: {figures}"


def table(engines, rows):
    """Markdown: milliseconds, how much longer the best peer takes than embert, and embert's speed."""
    head = ["model", "tokens", "threads", *engines, "best peer / embert", "embert, GMAC/s"]
    lines = [head, ["---"] * len(head)]
    for model, tokens, threads, cell in rows:
        place = [f"{model.name} {model.shape}", str(tokens), str(threads)]
        peers = [cell[engine] for engine in engines if engine != "embert"]
        end = ["", ""]
        if "embert" in cell:
            own = cell["embert"][0]
            ratio = f"{min(median for median, _ in peers) / own:.2f}" if peers else ""
            end = [ratio, f"{model.macs(tokens) / own / 1e6:.0f}"]
        lines.append([*place, *(f"{cell[engine][0]:.3g}" for engine in engines), *end])
        lines.append(["", "", "min", *(f"{cell[engine][1]:.3g}" for engine in engines), "", ""])
    return "\n".join(f"| {' | '.join(fields)} |" for fields in lines)


def records(rows):
    return [
        {
            "target": f"x86-64, threads {threads}",
            "what": f"{engine} forward pass",
            "shape": f"{model.shape}, {tokens} tokens",
            # Counted only where an emulator counts them.
            "instructions": None,
            "macs": model.macs(tokens),
            "ms": round(median, 4),
            "ms_min": round(fastest, 4),
        }
        for model, tokens, threads, cell in rows
        for engine, (median, fastest) in cell.items()
    ]


if __name__ == "__main__":
    main()
