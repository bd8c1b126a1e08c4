"""The best sequence of tags that is valid IOB2: an `I-` only goes on with an entity of its type."""

import numpy

NEVER = -1e4


def rules(tags):
    """What is added to the scores of a tag at the start, and of one tag after another."""
    start = numpy.array([NEVER * tag.startswith("I-") for tag in tags], numpy.float32)
    between = [[NEVER * (tag.startswith("I-") and before[2:] != tag[2:]) for tag in tags] for before in tags]
    return start, numpy.array(between, numpy.float32)


def decode(scores, start, between):
    """The best tags' numbers; `scores` is [words, tags], `between` [the tag before, the tag]."""
    total, came = scores[0] + start, []
    for row in scores[1:]:
        paths = total[:, None] + between
        came.append(paths.argmax(axis=0))
        total = paths.max(axis=0) + row
    best = [int(total.argmax())]
    for row in reversed(came):
        best.append(int(row[best[-1]]))
    return best[::-1]
