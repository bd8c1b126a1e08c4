"""A linear-chain CRF on features of the words around, cut to a size.

It is trained by CRFsuite with L1 and L2 regularisation; of the weights that L1 leaves, the greatest
are kept, as many as fit, and not trained again. The file is no CRFsuite model, which is several
times as large, but a counted encoding: for each feature four bytes of its name's hash, a byte for
the number of its weights, and for each weight a byte for the tag and one for the value; the tags'
names; a byte for each transition; and scales, one a tag for features and one a tag for transitions.
Names are hashed before training: those that collide share weights in the scores, too.
"""

import tempfile
from zlib import crc32

import numpy
import pycrfsuite

import rounding
import size
import viterbi

# L1 and L2 that are tried, in CRFsuite's terms.
STRENGTHS = ((0.1, 0.01), (0.02, 0.01))
ITERATIONS = 80
FEATURE, WEIGHT = 4 + 1, 1 + 1


def shape(word):
    """`Xxd-` for `Berlin42-`: the kinds of characters, repeats once."""
    kinds = ["X" if char.isupper() else "x" if char.isalpha() else "d" if char.isdigit() else char for char in word]
    return "".join(kind for at, kind in enumerate(kinds) if not at or kind != kinds[at - 1])


def features(words):
    """Of each word, the names' hashes."""
    low = ["<s>", "<s>", *(word.lower() for word in words), "</s>", "</s>"]
    shapes = ["", "", *map(shape, words), "", ""]
    rows = []
    for at in range(2, len(words) + 2):
        word = low[at]
        names = ["bias", f"w={words[at - 2]}", f"s={shapes[at]}"]
        names += [f"{place}:{low[at + place]}" for place in (-2, -1, 0, 1, 2)]
        names += [f"s{place}:{shapes[at + place]}" for place in (-1, 1)]
        names += [f"p={word[:length]}" for length in range(1, 5)] + [f"e={word[-length:]}" for length in range(1, 5)]
        names += [f"{place}b:{low[at + place]} {low[at + place + 1]}" for place in (-2, -1, 0, 1)]
        names += [f"s3:{' '.join(shapes[at - 1 : at + 2])}"]
        rows.append([str(crc32(name.encode())) for name in names])
    return rows


class Trained:
    """The weights that one pair of strengths leaves, ranked once for every size."""

    def __init__(self, train, strengths):
        trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
        for sentence in train:
            trainer.append(features(sentence.words), sentence.tags)
        trainer.set_params({"c1": strengths[0], "c2": strengths[1], "max_iterations": ITERATIONS})
        with tempfile.NamedTemporaryFile(suffix=".crf") as file:
            trainer.train(file.name)
            tagger = pycrfsuite.Tagger()
            tagger.open(file.name)
            info = tagger.info()
            tagger.close()
        self.strengths = strengths
        self.tags = sorted(info.labels)
        numbers = {tag: number for number, tag in enumerate(self.tags)}
        self.between = numpy.zeros((len(self.tags), len(self.tags)), numpy.float32)
        for (before, tag), weight in info.transitions.items():
            self.between[numbers[before], numbers[tag]] = weight
        ranked = sorted(info.state_features.items(), key=lambda item: (-abs(item[1]), item[0]))
        self.weights = [(feature, numbers[tag], weight) for (feature, tag), weight in ranked]

    def model(self, budget):
        """The one whose file fits."""
        if len(self.tags) > 256:
            raise ValueError(f"{len(self.tags)} tags, but a byte holds 256; leave types of entities out")
        taken = size.strings(self.tags) + len(self.tags) * (len(self.tags) + 2 * size.HALF)
        kept = {}
        count = 0
        for feature, tag, weight in self.weights:
            cost = WEIGHT + (feature not in kept) * FEATURE
            if taken + cost > budget:
                break
            kept.setdefault(feature, []).append((tag, weight))
            taken += cost
            count += 1
        if not kept:
            raise ValueError(f"a budget of {budget} bytes has no room for any feature; give it more")
        settings = {"c1": self.strengths[0], "c2": self.strengths[1],
                    "features": len(kept), "weights": count, "of": len(self.weights)}
        return Chain(self.tags, kept, self.between, taken, settings)


class Chain:
    def __init__(self, tags, kept, between, taken, settings):
        self.tags, self.bytes, self.settings = tags, taken, settings
        self.numbers = {feature: number for number, feature in enumerate(kept)}
        # A last row of nothing is for the features that are not kept.
        table = numpy.zeros((len(kept) + 1, len(tags)), numpy.float32)
        for number, weights in enumerate(kept.values()):
            for tag, weight in weights:
                table[number, tag] = weight
        self.exact = table, between
        self.rounded = rounding.rows(table.T).T.copy(), rounding.rows(between)

    def predict(self, sentences, exact=False):
        table, between = self.exact if exact else self.rounded
        start, rules = viterbi.rules(self.tags)
        nothing = len(self.numbers)
        found = []
        for sentence in sentences:
            rows = [[self.numbers.get(feature, nothing) for feature in row] for row in features(sentence.words)]
            scores = table[numpy.array(rows)].sum(axis=1)
            found.append([self.tags[tag] for tag in viterbi.decode(scores, start, between + rules)])
        return found
