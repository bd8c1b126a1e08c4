"""Quantizes an ONNX encoder to int8 as ONNX Runtime and rten take it.

    python quantize_onnx.py MODEL.onnx OUTPUT.onnx

Weights are int8 per channel; activations are quantized at run time. Static quantization, with ranges
from calibration, has not been tried beside it.
"""

import sys

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic


def main(model, output):
    quantize_dynamic(
        model,
        output,
        # Products of two activations stay in floating point: only those with weights are quantized.
        # The type is for what ONNX Runtime's own operators give: the quantizer cannot infer it.
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        # Seven bits are for CPUs without VNNI, whose sums of products saturate.
        reduce_range=False,
        weight_type=QuantType.QInt8,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
