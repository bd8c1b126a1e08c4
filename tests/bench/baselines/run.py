#!/usr/bin/env python3
"""Trains baselines whose whole file has the size of a blob, on the same data, and scores them.

    python -m venv target/baselines && target/baselines/bin/pip install -r tests/bench/baselines/requirements.txt
    target/baselines/bin/python tests/bench/baselines/run.py \\
        --task snips --train snips/train --dev snips/dev --test snips/test --bytes 256K 512K
    ... --task texts --train a.tsv --dev b.tsv --test c.tsv --text-column sentence --label-column label --bytes 1M
    ... --task tags --train x.conll y.conll --dev z.conll --test t.conll --types person=PER location=LOC --bytes 2M

Two of each: what one would do without a network, TF-IDF for texts and a CRF for tags, which share
the bytes where there are both, and a BiLSTM. Weights are rounded to 8 bits before anything is
scored. Settings are chosen by the dev split, never by the test split; without a test split the
scores are those of dev, and with `--hold-out` settings are chosen by that share of the training
data instead. Several files of a split count as one, but each test file has its own scores.
`results.json` has what came of SNIPS; the first record of TF-IDF and CRF has the seconds of what is
trained once for all budgets.
"""

import argparse
import json
import random
import sys
import time
from pathlib import Path

import torch

import classical
import data
import recurrent
import scores
import size


def main():
    arguments = parse()
    torch.set_num_threads(1)
    try:
        splits = read(arguments)
        records = []
        baselines = {"classical": classical.Baseline, "bilstm": recurrent.Baseline}
        for name in arguments.baselines:
            start = time.process_time()
            baseline = baselines[name](splits["train"], splits["dev"], arguments)
            for budget in map(size.parse, arguments.bytes):
                chosen = baseline.fit(budget)
                seconds = time.process_time() - start
                records.append(record(arguments, chosen, budget, splits, seconds))
                print(row(records[-1]), flush=True)
                if arguments.json:
                    append(arguments.json, records[-1])
                start = time.process_time()
    except (data.DataError, ValueError) as error:
        sys.exit(f"error: {error}")
    print("\n" + table(records))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, choices=("snips", "texts", "tags"))
    parser.add_argument("--name", help="what the data is called in the records; default: the task")
    for split in ("train", "dev", "test"):
        parser.add_argument(f"--{split}", nargs="+", required=split == "train", default=[], metavar="PATH")
    parser.add_argument("--hold-out", type=float, default=0.0, metavar="SHARE",
                        help="of the training data, to choose settings by; dev is then only scored")
    parser.add_argument("--without", nargs="+", default=[], metavar="PATH",
                        help="texts, one a line, whose overlaps are left out of the training data")
    parser.add_argument("--bytes", nargs="+", required=True, metavar="SIZE", help="budgets, as 512K or 2M")
    parser.add_argument("--text-column")
    parser.add_argument("--label-column")
    parser.add_argument("--types", nargs="+", metavar="FROM=TO",
                        help="entities' types and what to call them; those left out become O")
    parser.add_argument("--baselines", nargs="+", choices=("classical", "bilstm"), default=["classical", "bilstm"])
    parser.add_argument("--epochs", type=int, default=20, help="of the BiLSTM, at most")
    parser.add_argument("--tries", type=int, default=3, help="how many of the BiLSTM's settings to try on dev")
    parser.add_argument("--json", metavar="FILE", help="add the records to those there")
    arguments = parser.parse_args()
    if not arguments.dev and not arguments.hold_out:
        parser.error("give --dev, or --hold-out, to choose settings by")
    if not 0 <= arguments.hold_out < 1:
        parser.error("--hold-out is a share, as 0.03")
    if arguments.epochs < 1 or arguments.tries < 1:
        parser.error("--epochs and --tries are at least 1")
    return arguments


def read(arguments):
    """Sentences to train on, to choose by (`dev`), and for each split to score its own."""
    types = None
    if arguments.types:
        if not all(pair.count("=") == 1 for pair in arguments.types):
            raise data.DataError("--types takes pairs, as person=PER")
        types = dict(pair.split("=") for pair in arguments.types)

    def sentences(path):
        if arguments.task == "texts":
            return data.texts(path, arguments.text_column, arguments.label_column)
        return data.joint(path) if arguments.task == "snips" else data.tagged(path, types)

    overlaps = data.held_out(arguments.without)
    train = [sentence for path in arguments.train for sentence in sentences(path) if not overlaps(sentence)]
    dev = [sentence for path in arguments.dev for sentence in sentences(path)]
    scored = {Path(path).name: sentences(path) for path in arguments.test} or {"dev": dev}
    if arguments.hold_out:
        random.Random(1).shuffle(train)
        count = max(1, round(len(train) * arguments.hold_out))
        train, dev = train[count:], train[:count]
    return {"train": train, "dev": dev, "scored": scored}


def record(arguments, chosen, budget, splits, seconds):
    """Scores of the rounded model and of the same without rounding; seconds of one processor."""
    assert chosen.bytes <= budget, f"{chosen.name} takes {chosen.bytes} bytes of {budget}"
    found, exact = {}, {}
    for split, sentences in splits["scored"].items():
        found[split] = scores.score(sentences, *chosen.predict(sentences))
        exact[split] = scores.score(sentences, *chosen.predict(sentences, exact=True))
    return {"task": arguments.name or arguments.task, "baseline": chosen.name, "bytes": chosen.bytes, "budget": budget,
            "scores": found, "scores_without_rounding": exact, "seconds": round(seconds, 1), "settings": chosen.settings}


def row(record):
    parts = [f"{split}: " + ", ".join(f"{name} {value:.2f}" for name, value in found.items())
             for split, found in record["scores"].items()]
    return f"{record['task']}, {record['baseline']}, {record['bytes']:,} of {record['budget']:,} bytes: {'; '.join(parts)}"


def table(records):
    """Markdown; without rounding, the scores that differ by more than 0.3 points."""
    lines = [["task", "budget", "baseline", "bytes", "scored on", "scores", "without rounding"]]
    lines.append(["---"] * len(lines[0]))
    for record in records:
        for split, found in record["scores"].items():
            exact = record["scores_without_rounding"][split]
            lines.append([
                record["task"], size.shown(record["budget"]), record["baseline"], f"{record['bytes']:,}", split,
                ", ".join(f"{name} {value:.2f}" for name, value in found.items()),
                ", ".join(f"{name} {exact[name]:.2f}" for name in found if abs(exact[name] - found[name]) > 0.3),
            ])
    return "\n".join(f"| {' | '.join(fields)} |" for fields in lines)


def append(path, record):
    """The file stays a list, a record a line."""
    path = Path(path)
    records = [*(json.loads(path.read_text()) if path.exists() else []), record]
    path.write_text("[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]\n")


if __name__ == "__main__":
    main()
