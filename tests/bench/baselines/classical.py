"""What one would do without a network: TF-IDF for labels, a CRF for tags, or both in one file."""

from dataclasses import dataclass

import crf
import scores
import tfidf

# The CRF's share of the bytes where there are labels too.
SHARES = (0.6, 0.85)


class Baseline:
    """Candidates are trained once, then cut to each budget."""

    def __init__(self, train, dev, _arguments):
        self.dev = dev
        self.linear = self.chains = None
        if train[0].label is not None:
            self.linear = tfidf.Candidates(train)
        if train[0].tags is not None:
            self.chains = [crf.Trained(train, strengths) for strengths in crf.STRENGTHS]

    def fit(self, budget):
        """The best on dev of what fits."""
        shares = SHARES if self.linear and self.chains else (1.0 if self.chains else 0.0,)
        return max((self.split(budget, share) for share in shares), key=lambda model: model.dev)

    def split(self, budget, share):
        tagger = linear = None
        if self.chains:
            models = [chain.model(int(budget * share)) for chain in self.chains]
            tagger = max(models, key=lambda model: scores.chief(scores.score(self.dev, tags=model.predict(self.dev))))
        if self.linear:
            # What the CRF leaves of its share is for the n-grams.
            models = self.linear.models(budget - (tagger.bytes if tagger else 0))
            linear = max(models, key=lambda model: scores.chief(scores.score(self.dev, labels=model.labels(self.dev))))
        both = Both(linear, tagger, share)
        both.dev = scores.chief(scores.score(self.dev, *both.predict(self.dev)))
        print(f"  CRF's share {share}: dev {both.dev:.2f}", flush=True)
        return both


@dataclass
class Both:
    linear: tfidf.Linear | None
    tagger: crf.Chain | None
    share: float
    dev: float = 0.0

    @property
    def name(self):
        return " + ".join(["TF-IDF"] * bool(self.linear) + ["CRF"] * bool(self.tagger))

    @property
    def bytes(self):
        return sum(part.bytes for part in (self.linear, self.tagger) if part)

    @property
    def settings(self):
        parts = {"tfidf": self.linear, "crf": self.tagger}
        settings = {name: {**part.settings, "bytes": part.bytes} for name, part in parts.items() if part}
        return settings | {"dev": self.dev}

    def predict(self, sentences, exact=False):
        labels = self.linear.labels(sentences, exact) if self.linear else None
        return labels, self.tagger.predict(sentences, exact) if self.tagger else None
