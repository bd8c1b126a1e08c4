#!/usr/bin/env python3
"""Checks that every peer computes what it should: states finite, and close to those in fp32.

    target/peers/venv/bin/python tests/bench/check.py

On passages that no quantizer has seen, by the cosine of the mean of a passage's states to that of
the fp32 graph in ONNX Runtime. embert's own tests hold it to its reference: it is left out.
"""

import subprocess
import sys
import tempfile

import numpy

from engines import ENGINES, FOLDER, command, environment
from models import MODELS
from prepare.token_ids import PASSAGES

TOKENS = 128
LEAST = 0.95


def main():
    failed = False
    for model in MODELS.values():
        float_graph = str(FOLDER / "models" / f"{model.name}.onnx")
        reference = states("onnxruntime", model, float_graph)
        for engine in ENGINES:
            if engine == "embert":
                continue
            found = states(engine, model)
            cosines = cosine(reference.mean(axis=1), found.mean(axis=1))
            good = bool(numpy.isfinite(found).all() and cosines.min() > LEAST)
            failed |= not good
            figures = f"cosine mean {cosines.mean():.4f}, least {cosines.min():.4f}"
            print(f"{'ok' if good else 'FAILED'} {model.name} {engine}: {figures}", flush=True)
    sys.exit(failed)


def states(engine, model, path=None):
    """The last hidden states of the passages kept for checking, by passage and token."""
    line = command(engine, model.name, TOKENS, 1)
    if path:
        # The model comes before the first option.
        line[line.index("--tokens") - 1] = path
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([*line, "--states", file.name], env=environment(engine), check=True)
        values = numpy.fromfile(file.name, numpy.float32)
    return values.reshape(-1, TOKENS, model.hidden)[PASSAGES:].astype(numpy.float64)


def cosine(left, right):
    lengths = numpy.linalg.norm(left, axis=-1) * numpy.linalg.norm(right, axis=-1)
    return (left * right).sum(axis=-1) / lengths


if __name__ == "__main__":
    main()
