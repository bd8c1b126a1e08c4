"""The BiLSTM as a baseline: a few settings, of which the best on dev counts."""

import scores
import size
import training


class Baseline:
    def __init__(self, train, dev, arguments):
        self.train, self.dev = train, dev
        self.epochs, self.tries = arguments.epochs, arguments.tries

    def fit(self, budget):
        best = None
        for shape in training.shapes(budget)[: self.tries]:
            print(f"  {size.shown(budget)}, {shape}", flush=True)
            model = training.train(self.train, self.dev, budget, shape, self.epochs)
            model.settings["dev"] = scores.chief(scores.score(self.dev, *model.predict(self.dev)))
            if best is None or model.settings["dev"] > best.settings["dev"]:
                best = model
        best.settings["tried"] = min(self.tries, len(training.shapes(budget)))
        best.name = "BiLSTM" + "-CRF" * bool(best.vocabulary.tags)
        return best
