"""How many bytes a baseline's file would take: every part of it is counted, nothing is assumed."""

import re

# What a scale, or a parameter too few to matter, takes: a half-precision float.
HALF = 2


def parse(text):
    """`512K` or `2M`, in powers of 1,024, or a plain number of bytes."""
    match = re.fullmatch(r"(\d+)([KM]?)", text)
    if not match or not int(match[1]):
        raise ValueError(f'"{text}" is no size; write it as 512K, 2M or a number of bytes')
    return int(match[1]) * {"": 1, "K": 1 << 10, "M": 1 << 20}[match[2]]


def shown(count):
    """The shortest text that `parse` reads as `count`."""
    for unit, letter in ((1 << 20, "M"), (1 << 10, "K")):
        if count % unit == 0:
            return f"{count // unit}{letter}"
    return str(count)


def strings(texts):
    """Texts one after another, each with a byte for its length."""
    return sum(1 + len(text.encode()) for text in texts)
