#!/usr/bin/env python3
"""Times steps of training beside PyTorch, in turns: forward, backward and AdamW of a BERT with
random weights and two labels, dropout 0.1, 32-bit floats, all threads.

    pip install torch transformers
    cargo build --release -p embert-train --example step
    python tests/bench/train.py [ROUNDS]
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
import transformers

STEP = Path(__file__).parents[2] / "target/release/examples/step"
SHAPES = {"A": (4, 256, 32, 64), "B": (6, 384, 16, 64), "C": (2, 128, 32, 16), "D": (6, 384, 32, 20)}


class Torch:
    def __init__(self, layers, hidden, sequences, tokens):
        config = transformers.BertConfig(
            num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=max(hidden // 64, 2),
            intermediate_size=4 * hidden, num_labels=2, attn_implementation="sdpa",
        )
        self.model = transformers.BertForSequenceClassification(config).train()
        self.ids = torch.randint(1, 30000, (sequences, tokens))
        self.labels = torch.arange(sequences) % 2
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, fused=True)

    def step(self):
        start = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        self.model(input_ids=self.ids, labels=self.labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return (time.perf_counter() - start) * 1e3


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; median of {rounds} rounds, ms a step")
    for name, shape in SHAPES.items():
        peer = Torch(*shape)
        [peer.step() for _ in range(2)]
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(statistics.median(peer.step() for _ in range(5)))
            ours.append(float(subprocess.check_output([STEP, *map(str, shape), "5"])))
        a, b = statistics.median(ours), statistics.median(theirs)
        tokens = shape[2] * shape[3]
        print(f"{name} L{shape[0]} H{shape[1]} {shape[2]}x{shape[3]}: embert {a:.0f} ms, {tokens / a * 1e3:.0f} tokens/s; "
              f"PyTorch {b:.0f} ms, {tokens / b * 1e3:.0f} tokens/s; {b / a:.2f} times as fast")


main()
