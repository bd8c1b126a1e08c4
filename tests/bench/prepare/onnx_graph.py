"""Writes the encoder of a checkpoint as fp32 ONNX: token ids in, last hidden states out.

    python onnx_graph.py CHECKPOINT OUTPUT.onnx [--fused]

Built node by node rather than exported, so that PyTorch is not needed. Operators are those that
runtimes recognize: LayerNormalization, Gelu, and attention as MatMul, Softmax, MatMul. There is no
mask and the token types are folded in, as for one sequence by itself: less work for every peer.

With --fused attention is one operator of ONNX Runtime's own, which other runtimes do not know.
"""

import sys
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from checkpoint import Checkpoint

# The first with Gelu.
OPSET = 20
MICROSOFT = "com.microsoft"


class Graph:
    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operator, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name


def encoder(checkpoint, fused):
    graph = Graph()
    hidden, heads = checkpoint.hidden, checkpoint.heads

    def dense(name, value, source, scale=1.0):
        weight = graph.constant(f"{name}/weight", numpy.ascontiguousarray(checkpoint.get(f"{source}.weight").T * scale))
        bias = graph.constant(f"{name}/bias", checkpoint.get(f"{source}.bias") * scale)
        return graph.add("Add", name, graph.add("MatMul", f"{name}/product", value, weight), bias)

    def norm(name, value, source):
        weight = graph.constant(f"{name}/weight", checkpoint.get(f"{source}.weight"))
        bias = graph.constant(f"{name}/bias", checkpoint.get(f"{source}.bias"))
        return graph.add("LayerNormalization", name, value, weight, bias, axis=-1, epsilon=checkpoint.epsilon)

    if not fused:
        split = graph.constant("split", numpy.array([0, 0, heads, hidden // heads]))
        join = graph.constant("join", numpy.array([0, 0, hidden]))

    def fused_attention(name, value, source):
        parts = [dense(f"{name}/{part}", value, f"{source}.self.{part}") for part in ["query", "key", "value"]]
        joined = graph.add("MultiHeadAttention", f"{name}/joined", *parts, domain=MICROSOFT, num_heads=heads)
        return dense(f"{name}/output", joined, f"{source}.output.dense")

    def attention(name, value, source):
        if fused:
            return fused_attention(name, value, source)
        parts = {}
        for part in ["query", "key", "value"]:
            # Scores are divided by the root of the head's size: the query's weights already are.
            scale = numpy.float32((hidden // heads) ** -0.5 if part == "query" else 1)
            product = dense(f"{name}/{part}", value, f"{source}.self.{part}", scale)
            rows = graph.add("Reshape", f"{name}/{part}/split", product, split)
            order = [0, 2, 3, 1] if part == "key" else [0, 2, 1, 3]
            parts[part] = graph.add("Transpose", f"{name}/{part}/heads", rows, perm=order)
        scores = graph.add("MatMul", f"{name}/scores", parts["query"], parts["key"])
        weights = graph.add("Softmax", f"{name}/weights", scores, axis=-1)
        context = graph.add("MatMul", f"{name}/context", weights, parts["value"])
        rows = graph.add("Transpose", f"{name}/rows", context, perm=[0, 2, 1, 3])
        joined = graph.add("Reshape", f"{name}/joined", rows, join)
        return dense(f"{name}/output", joined, f"{source}.output.dense")

    words = graph.constant("words", checkpoint.get("embeddings.word_embeddings.weight"))
    types = checkpoint.get("embeddings.token_type_embeddings.weight")
    positions = checkpoint.get("embeddings.position_embeddings.weight") + types[0]
    count = graph.add("Shape", "count", "input_ids", start=1, end=2)
    first = graph.constant("first", numpy.array([0]))
    places = graph.add("Slice", "places", graph.constant("positions", positions), first, count, first)
    value = graph.add("Add", "embeddings", graph.add("Gather", "word", words, "input_ids"), places)
    value = norm("norm", value, "embeddings.LayerNorm")
    for layer in range(checkpoint.layers):
        name, source = f"layer{layer}", f"encoder.layer.{layer}"
        seen = attention(f"{name}/attention", value, f"{source}.attention")
        value = graph.add("Add", f"{name}/attention/sum", seen, value)
        value = norm(f"{name}/attention/norm", value, f"{source}.attention.output.LayerNorm")
        inner = graph.add("Gelu", f"{name}/gelu", dense(f"{name}/inner", value, f"{source}.intermediate.dense"))
        value = graph.add("Add", f"{name}/sum", dense(f"{name}/outer", inner, f"{source}.output.dense"), value)
        value = norm(f"{name}/norm", value, f"{source}.output.LayerNorm")
    graph.add("Identity", "last_hidden_state", value)
    return graph


def main(folder, output, fused):
    checkpoint = Checkpoint(folder)
    graph = encoder(checkpoint, fused)
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])
    states = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", checkpoint.hidden])
    made = helper.make_graph(graph.nodes, "encoder", [ids], [states], graph.constants)
    versions = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=versions, ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, output)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], "--fused" in sys.argv[3:])
