"""Quantizes an ONNX encoder to OpenVINO's int8: weights per channel, activations as calibrated.

    python quantize_openvino.py MODEL.onnx IDS.txt OUTPUT.xml
"""

import sys

import nncf
import openvino

from token_ids import PASSAGES

# Calibration is on passages of this many tokens, whatever the length that is timed.
TOKENS = 128


def main(model, ids, output):
    with open(ids) as lines:
        passages = [[int(word) for word in line.split()[:TOKENS]] for line in lines][:PASSAGES]
    quantized = nncf.quantize(
        openvino.Core().read_model(model),
        nncf.Dataset([[passage] for passage in passages]),
        # SmoothQuant, and residual sums left in floating point.
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(passages),
    )
    openvino.save_model(quantized, output, compress_to_fp16=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
