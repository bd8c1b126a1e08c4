"""Reads a Hugging Face folder of a BERT: one set of tensor names, whatever the architecture."""

import json

import numpy
from safetensors.numpy import load_file


class Checkpoint:
    def __init__(self, folder):
        config = json.loads((folder / "config.json").read_text())
        self.layers = config["num_hidden_layers"]
        self.hidden = config["hidden_size"]
        self.heads = config["num_attention_heads"]
        self.inner = config["intermediate_size"]
        self.positions = config["max_position_embeddings"]
        self.words = config["vocab_size"]
        self.epsilon = config["layer_norm_eps"]
        tensors = load_file(folder / "model.safetensors")
        self.tensors = {plain(name): value for name, value in tensors.items()}

    def get(self, name):
        return numpy.ascontiguousarray(self.tensors[name], dtype=numpy.float32)


def plain(name):
    name = name.removeprefix("bert.")
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
