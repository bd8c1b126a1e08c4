"""TF-IDF of n-grams with logistic regression, cut to a size.

The n-grams are of 1-2 words and of 2-5 characters within a word and the spaces around it, all in
lower case, those in at least two texts. A regression on all of them is trained first; those with
the greatest weights are kept, as many as fit, and a second regression is trained on these alone.

The file: each n-gram's bytes, a byte for its length (whose highest bit says words or characters),
a byte of inverse document frequency and a byte of weight for each row of the regression, of which
two classes have one; the classes' names; a scale and a bias for each row, a scale of the
frequencies.
"""

import warnings

import numpy
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

import rounding
import size

# What the kept n-grams are ranked with, and what the second regression tries.
FIRST, STRENGTHS = 4.0, (1.0, 4.0, 16.0)
ITERATIONS = 150
# An n-gram's length has 7 bits.
LONGEST = 127


def grams(words):
    """Those of words begin with a tab, those of characters do not; the file keeps that as a bit."""
    words = [word.lower() for word in words]
    found = [f"\t{word}" for word in words]
    found += [f"\t{one} {other}" for one, other in zip(words, words[1:])]
    for word in words:
        word = f" {word} "
        found += [word[at : at + length] for length in range(2, 6) for at in range(len(word) - length + 1)]
    return [gram for gram in found if len(gram.encode()) <= LONGEST]


class Candidates:
    """All n-grams of the training texts, ranked once for every size."""

    def __init__(self, train):
        self.labels = numpy.array([sentence.label for sentence in train])
        vectorizer = CountVectorizer(analyzer=grams, min_df=2, dtype=numpy.float32)
        self.counts = vectorizer.fit_transform(sentence.words for sentence in train)
        self.names = vectorizer.get_feature_names_out()
        frequencies = numpy.bincount(self.counts.indices, minlength=len(self.names))
        self.idf = numpy.log((1 + len(train)) / (1 + frequencies)) + 1
        weights = regression(weigh(self.counts, self.idf), self.labels, FIRST).coef_
        self.ranked = numpy.argsort(-abs(weights).max(axis=0), kind="stable")

    def models(self, budget):
        """One that fits for each strength of regularisation."""
        classes = sorted(set(self.labels))
        rows = 1 if len(classes) == 2 else len(classes)
        fixed = size.strings(classes) + rows * 2 * size.HALF + size.HALF
        costs = [len(name.lstrip("\t").encode()) + 1 + 1 + rows for name in self.names[self.ranked]]
        kept = self.ranked[: numpy.searchsorted(numpy.cumsum(costs), budget - fixed, side="right")]
        if not len(kept):
            raise ValueError(f"a budget of {budget} bytes has no room for any n-gram; give it more")
        taken = fixed + sum(costs[: len(kept)])
        idf = rounding.positive(self.idf[kept])
        matrix = weigh(self.counts[:, kept], idf)
        for strength in STRENGTHS:
            settings = {"C": strength, "n_grams": len(kept), "of": len(self.names)}
            yield Linear(self.names[kept], idf, regression(matrix, self.labels, strength), taken, settings)


class Linear:
    def __init__(self, names, idf, fitted, taken, settings):
        self.vectorizer = CountVectorizer(analyzer=grams, vocabulary=names, dtype=numpy.float32)
        self.idf = idf
        self.classes = fitted.classes_
        self.exact = fitted.coef_, fitted.intercept_
        self.rounded = rounding.rows(fitted.coef_), rounding.half(fitted.intercept_)
        self.bytes, self.settings = taken, settings

    def labels(self, sentences, exact=False):
        weights, bias = self.exact if exact else self.rounded
        matrix = weigh(self.vectorizer.transform(sentence.words for sentence in sentences), self.idf)
        scores = matrix @ weights.T + bias
        best = (scores[:, 0] > 0).astype(int) if len(bias) == 1 else scores.argmax(axis=1)
        return list(self.classes[best])


def weigh(counts, idf):
    """Logarithmic counts times the inverse document frequencies, of length 1."""
    matrix = counts.copy()
    matrix.data = 1 + numpy.log(matrix.data)
    return normalize(matrix @ sparse.diags(idf.astype(numpy.float32)))


def regression(matrix, labels, strength):
    with warnings.catch_warnings():
        # The last steps change no prediction.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=ITERATIONS).fit(matrix, labels)
