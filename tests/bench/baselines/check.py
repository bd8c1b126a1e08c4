#!/usr/bin/env python3
"""Checks the baselines' arithmetic against what is too slow to use: every sequence of tags, every byte.

    target/baselines/bin/python tests/bench/baselines/check.py
"""

import itertools
import struct
import tempfile

import numpy
import torch

import crf
import data
import rounding
import tfidf
import training
import viterbi
from data import Sentence
from vocabulary import Vocabulary

TAGS = ["B-a", "B-b", "I-a", "I-b", "O"]
SENTENCES = [
    Sentence(("play", "moon", "river"), ("O", "B-a", "I-a"), "play"),
    Sentence(("play", "it"), ("O", "B-b"), "play"),
    Sentence(("add", "moon", "river", "to", "it"), ("O", "B-a", "I-a", "O", "B-b"), "add"),
] * 4


def decoding_finds_the_best_of_the_valid_sequences():
    random = numpy.random.default_rng(1)
    start, rules = viterbi.rules(TAGS)
    for _ in range(20):
        scores, between = random.normal(size=(4, 5)), random.normal(size=(5, 5)) + rules
        best = max(itertools.product(range(5), repeat=4), key=lambda path: total(scores, start, between, path))
        assert viterbi.decode(scores, start, between) == list(best)
        for before, after in zip(("O", *(TAGS[tag] for tag in best)), (TAGS[tag] for tag in best)):
            assert not after.startswith("I-") or before[2:] == after[2:], best


def overlaps_are_those_of_the_command():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("It's a charming and often affecting journey .\nunflinchingly bleak\n")
        file.flush()
        overlaps = data.held_out([file.name])
    for text, expected in (
        ("its a CHARMING, and often affecting journey", True),
        ('(un-flinchingly "bleak")', True),
        ("so charming and often affecting journeys begin", True),
        ("arming and often affecting journey", True),
        ("rming and often affecting journey", False),
        ("an unflinchingly bleak one", True),
        ("unflinchingly bright", False),
    ):
        assert overlaps(Sentence(tuple(text.split()))) == expected, text


def the_loss_of_tags_is_a_likelihood():
    torch.manual_seed(1)
    network = training.fitting(Vocabulary(SENTENCES), 1 << 16, training.Shape(8))
    count = network.between.shape[0]
    torch.nn.init.normal_(network.between)
    scores, lengths = torch.randn(2, 3, count), torch.tensor([3, 2])
    tags = torch.tensor([[1, 2, 0], [2, 1, 0]])
    losses = []
    for row, length in enumerate(lengths):
        paths = itertools.product(range(count), repeat=int(length))
        totals = [total(scores[row], torch.zeros(count), network.between, path) for path in paths]
        true = total(scores[row], torch.zeros(count), network.between, tags[row, :length].tolist())
        losses.append(torch.stack(totals).logsumexp(dim=0) - true)
    assert torch.allclose(network.tag_loss(scores, tags, lengths), torch.stack(losses).mean(), atol=1e-4)


def total(scores, start, between, path):
    found = start[path[0]] + sum(scores[at][tag] for at, tag in enumerate(path))
    return found + sum(between[before][tag] for before, tag in zip(path, path[1:]))


def rounded_rows_hold_at_most_255_values():
    matrix = numpy.random.default_rng(1).normal(size=(3, 4000))
    rounded = rounding.rows(matrix)
    assert all(len(numpy.unique(row)) <= 255 for row in rounded)
    assert abs(rounded - matrix).max() <= abs(matrix).max() / 127


def counted_bytes_are_those_of_a_file():
    for budget in (400, 1500):
        linear = next(tfidf.Candidates(SENTENCES).models(budget))
        names = [name.lstrip("\t").encode() for name in linear.vectorizer.get_feature_names_out()]
        rows = len(linear.rounded[1])
        file = b"".join(bytes([len(name)]) + name + bytes(1 + rows) for name in names)
        file += b"".join(bytes([len(name)]) + name.encode() for name in linear.classes)
        file += struct.pack(f"<{2 * rows + 1}e", *[0] * (2 * rows + 1))
        assert len(file) == linear.bytes <= budget

        chain = crf.Trained(SENTENCES, (0.1, 0.01)).model(budget)
        table, between = chain.exact
        file = b"".join(bytes(4 + 1 + 2 * numpy.count_nonzero(row)) for row in table[:-1])
        file += b"".join(bytes([len(tag)]) + tag.encode() for tag in chain.tags)
        file += bytes(between.size) + struct.pack(f"<{2 * len(chain.tags)}e", *[0] * 2 * len(chain.tags))
        assert len(file) == chain.bytes <= budget


def main():
    for check in (decoding_finds_the_best_of_the_valid_sequences, overlaps_are_those_of_the_command,
                  the_loss_of_tags_is_a_likelihood,
                  rounded_rows_hold_at_most_255_values, counted_bytes_are_those_of_a_file):
        check()
        print("ok", check.__name__.replace("_", " "))


if __name__ == "__main__":
    main()
