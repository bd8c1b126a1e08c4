"""What is counted right, in percent."""

from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import accuracy_score, f1_score


def score(sentences, labels=None, tags=None):
    """Of labels, of tags, or of both, as a model gave them for the sentences.

    `entity_f1` is seqeval's default, which is that of CoNLL's conlleval; `sentences` is the share
    of sentences whose label and tags are all right.
    """
    scores = {}
    if labels is not None:
        true = [sentence.label for sentence in sentences]
        scores["accuracy"] = accuracy_score(true, labels)
        scores["macro_f1"] = f1_score(true, labels, average="macro", zero_division=0)
    if tags is not None:
        true_tags = [list(sentence.tags) for sentence in sentences]
        tags = [list(row) for row in tags]
        scores["entity_f1"] = entity_f1(true_tags, tags, zero_division=0)
        if labels is not None:
            right = [one == other and row == true_row
                     for one, other, row, true_row in zip(true, labels, tags, true_tags)]
            scores["sentences"] = sum(right) / len(right)
    return {name: round(100 * float(value), 2) for name, value in scores.items()}


def chief(scores):
    """The score that settings are chosen by."""
    return next(scores[name] for name in ("sentences", "entity_f1", "accuracy") if name in scores)
