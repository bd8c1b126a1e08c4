"""What a process that times an engine does: `bench.py` writes to it, and it answers.

Each line of stdin is a number of forward passes. The answer is a line of JSON, `{"ms": [...]}`,
with the milliseconds of each. With `--states FILE` it runs each line of ids once instead and writes
the hidden states to FILE, raw fp32, for `check.py`. rten/src/main.rs and `cargo xtask time` keep to
it too, the latter without ids and states.
"""

import argparse
import json
import sys
import time


def serve(load):
    """`load(model, tokens, threads)` makes an engine: `set(ids)`, `run()`, then `states()`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--ids", required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--states")
    arguments = parser.parse_args()
    with open(arguments.ids) as lines:
        passages = [[int(word) for word in line.split()[: arguments.tokens]] for line in lines]
    engine = load(arguments.model, arguments.tokens, arguments.threads)
    if arguments.states:
        with open(arguments.states, "wb") as file:
            for passage in passages:
                engine.set(passage)
                engine.run()
                file.write(engine.states().tobytes())
        return
    engine.set(passages[0])
    for line in sys.stdin:
        times = [time.perf_counter_ns()]
        for _ in range(int(line)):
            engine.run()
            times.append(time.perf_counter_ns())
        ms = [(end - start) / 1e6 for start, end in zip(times, times[1:])]
        print(json.dumps({"ms": ms}), flush=True)
