"""Times OpenVINO, as protocol.py says. EMBERT_OPENVINO_PRECISION=bf16 allows bf16 between products."""

import os

import numpy
import openvino

from protocol import serve


class Engine:
    def __init__(self, path, tokens, threads):
        core = openvino.Core()
        model = core.read_model(path)
        # Static: OpenVINO plans for one shape, and is faster for it.
        model.reshape([1, tokens])
        compiled = core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": os.environ.get("EMBERT_OPENVINO_PRECISION", "f32"),
            },
        )
        self.request = compiled.create_infer_request()
        self.ids = numpy.zeros((1, tokens), numpy.int64)
        self.request.set_input_tensor(openvino.Tensor(self.ids, shared_memory=True))

    def set(self, ids):
        self.ids[0] = ids

    def run(self):
        self.request.infer(share_outputs=True)

    def states(self):
        return self.request.get_output_tensor().data


serve(Engine)
