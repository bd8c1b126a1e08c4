"""Times ONNX Runtime, as protocol.py says."""

import numpy
import onnxruntime

from protocol import serve


class Engine:
    def __init__(self, path, tokens, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_free_dimension_override_by_name("batch", 1)
        options.add_free_dimension_override_by_name("tokens", tokens)
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.tokens = tokens
        hidden = self.session.get_outputs()[0].shape[-1]
        self.output = onnxruntime.OrtValue.ortvalue_from_shape_and_type([1, tokens, hidden], numpy.float32)
        # Bound once, so that no pass pays for Python's dictionaries and copies.
        self.binding = self.session.io_binding()
        self.binding.bind_ortvalue_output("last_hidden_state", self.output)

    def set(self, ids):
        self.input = onnxruntime.OrtValue.ortvalue_from_numpy(numpy.array([ids], numpy.int64))
        self.binding.bind_ortvalue_input("input_ids", self.input)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def states(self):
        return self.output.numpy()


serve(Engine)
