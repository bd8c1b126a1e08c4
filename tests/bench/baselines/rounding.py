"""Rounds parameters to what a file stores of them, and back: scores are those of the rounded ones."""

import numpy


def rows(matrix, bits=8):
    """Symmetric integers with a scale for each row, itself rounded to half precision."""
    matrix = numpy.asarray(matrix, numpy.float32)
    most = (1 << (bits - 1)) - 1
    scales = (abs(matrix).max(axis=-1, keepdims=True) / most).astype(numpy.float16).astype(numpy.float32)
    scales[scales == 0] = 1
    return numpy.clip(numpy.rint(matrix / scales), -most, most) * scales


def positive(vector):
    """Integers of 8 bits without a sign, with one scale for all: for values that are never below 0."""
    scale = numpy.float32(numpy.float16(numpy.max(vector) / 255)) or numpy.float32(1)
    return numpy.clip(numpy.rint(numpy.asarray(vector) / scale), 0, 255) * scale


def half(values):
    return numpy.asarray(values, numpy.float16).astype(numpy.float32)
