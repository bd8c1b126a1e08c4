"""Trains a BiLSTM that fits a size, stops by the dev split, and rounds it.

The file: for each matrix a byte a weight and a scale a row, in half precision; other parameters in
half precision; the strings of the vocabulary, of labels and of tags.
"""

import copy
import random
from dataclasses import asdict, dataclass, replace

import torch
from torch import nn

import rounding
import scores
import size
from bilstm import BiLstm
from vocabulary import UNKNOWN, Vocabulary

SEED = 1
BATCH, RATE, CLIP = 32, 2e-3, 5.0
# Epochs without a better score on dev, after which training stops.
PATIENCE = 6
# Vectors of words need no more than this many channels.
WIDEST = 160


@dataclass(frozen=True)
class Shape:
    hidden: int
    filters: int = 32
    dropout: float = 0.4
    word_dropout: float = 0.05
    word: int = 0


def shapes(budget):
    """What is tried: the channels of a word take what the rest leaves of the budget."""
    hidden = max(16, round((budget / (1 << 20)) ** 0.5 * 96 / 8) * 8)
    return [Shape(hidden), Shape(hidden, dropout=0.5, word_dropout=0.1), Shape(round(hidden * 1.5 / 8) * 8)]


class Fitted:
    """A network with its vocabulary, as it was trained and rounded."""

    def __init__(self, vocabulary, network, settings):
        self.vocabulary, self.exact, self.settings = vocabulary, network, settings
        self.rounded = rounded(network)
        self.bytes = taken(vocabulary, network)

    def predict(self, sentences, exact=False):
        """Labels and tags, None where there are none to learn."""
        return predict(self.vocabulary, self.exact if exact else self.rounded, sentences)


def train(sentences, dev, budget, shape, epochs):
    torch.manual_seed(SEED)
    order = random.Random(SEED)
    vocabulary = Vocabulary(sentences)
    network = fitting(vocabulary, budget, shape)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    steps = epochs * -(-len(sentences) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - 0.9 * step / steps)
    best, best_epoch, best_state = -1.0, 0, None
    for epoch in range(1, epochs + 1):
        network.train()
        for batch in batches(sentences, order):
            optimizer.zero_grad()
            loss(vocabulary, network, batch).backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
            schedule.step()
        labels, tags = predict(vocabulary, network, dev)
        found = scores.chief(scores.score(dev, labels, tags))
        if found > best:
            best, best_epoch, best_state = found, epoch, copy.deepcopy(network.state_dict())
        print(f"  epoch {epoch}: dev {found:.2f}", flush=True)
        if epoch - best_epoch >= PATIENCE:
            break
    network.load_state_dict(best_state)
    return Fitted(vocabulary, network, asdict(network.shape) | {"words": len(vocabulary.words), "epoch": best_epoch})


def fitting(vocabulary, budget, shape):
    """The network of the widest words for which there is room."""
    def network(word):
        counts = (vocabulary.words, vocabulary.characters)
        return BiLstm(*(len(names) + 2 for names in counts), replace(shape, word=word),
                      len(vocabulary.labels), len(vocabulary.tags))

    least, next_one = (taken(vocabulary, network(word)) for word in (1, 2))
    word = min(WIDEST, 1 + (budget - least) // (next_one - least))
    if word < 8:
        raise ValueError(f"a budget of {budget} bytes leaves the words of a BiLSTM of {shape.hidden} fewer than 8 "
                         "channels; give it more")
    return network(word)


def taken(vocabulary, network):
    parameters = sum(
        len(values) * (values[0].numel() + size.HALF) if values.dim() > 1 else values.numel() * size.HALF
        for values in network.parameters()
    )
    return parameters + vocabulary.bytes


def rounded(network):
    network = copy.deepcopy(network)
    with torch.no_grad():
        for values in network.parameters():
            stored = rounding.rows(values.flatten(1)) if values.dim() > 1 else rounding.half(values)
            values.copy_(torch.from_numpy(stored).view_as(values))
    return network


def loss(vocabulary, network, batch):
    words, characters, lengths = vocabulary.numbers(batch)
    dropped = (torch.rand(words.shape) < network.shape.word_dropout) & (words > UNKNOWN)
    label_scores, tag_scores = network(words.masked_fill(dropped, UNKNOWN), characters, lengths)
    labels, tags = vocabulary.targets(batch)
    found = 0.0
    if labels is not None:
        found = nn.functional.cross_entropy(label_scores, labels)
    if tags is not None:
        found = found + network.tag_loss(tag_scores, tags, lengths)
    return found


def batches(sentences, order):
    """In an order at random, but sentences of about one length together."""
    ordered = sorted(sentences, key=lambda sentence: (len(sentence.words), order.random()))
    found = [ordered[at : at + BATCH] for at in range(0, len(ordered), BATCH)]
    order.shuffle(found)
    return found


@torch.no_grad()
def predict(vocabulary, network, sentences):
    network.eval()
    labels, tags = [], []
    for at in range(0, len(sentences), 64):
        words, characters, lengths = vocabulary.numbers(sentences[at : at + 64])
        label_scores, tag_scores = network(words, characters, lengths)
        if label_scores is not None:
            labels += [vocabulary.labels[best] for best in label_scores.argmax(dim=1).tolist()]
        if tag_scores is not None:
            tags += network.decode(tag_scores, lengths, vocabulary.tags)
    return labels or None, tags or None
