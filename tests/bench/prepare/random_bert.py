"""Writes a BERT-base of random weights, always the same ones.

    python random_bert.py VOCABULARY_FOLDER OUTPUT_FOLDER

As in trained BERTs a few channels of every LayerNorm are outliers, since they decide what a
quantizer has to do. The vocabulary is that of another checkpoint: any will do to count time.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy
from safetensors.numpy import save_file

LAYERS, HIDDEN, HEADS, INNER, POSITIONS = 12, 768, 12, 3072, 512
# Weights of trained BERTs deviate by about this much; transformers starts training at 0.02.
DEVIATION = 0.04
OUTLIERS, OUTLIER_SIZE = 4, 6.0


def main(vocabulary_folder, output):
    random = numpy.random.default_rng(20)
    words = len((vocabulary_folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
    outliers = random.choice(HIDDEN, OUTLIERS, replace=False)
    tensors = {}

    def table(name, rows, columns):
        tensors[name] = random.normal(0, DEVIATION, (rows, columns)).astype(numpy.float32)

    def dense(name, inputs, outputs):
        table(f"{name}.weight", outputs, inputs)
        tensors[f"{name}.bias"] = random.normal(0, DEVIATION, outputs).astype(numpy.float32)

    def norm(name):
        weight = random.normal(0.9, 0.05, HIDDEN)
        weight[outliers] *= OUTLIER_SIZE
        tensors[f"{name}.weight"] = weight.astype(numpy.float32)
        tensors[f"{name}.bias"] = random.normal(0, DEVIATION, HIDDEN).astype(numpy.float32)

    table("embeddings.word_embeddings.weight", words, HIDDEN)
    table("embeddings.position_embeddings.weight", POSITIONS, HIDDEN)
    table("embeddings.token_type_embeddings.weight", 2, HIDDEN)
    norm("embeddings.LayerNorm")
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}"
        for part in ["query", "key", "value"]:
            dense(f"{prefix}.attention.self.{part}", HIDDEN, HIDDEN)
        dense(f"{prefix}.attention.output.dense", HIDDEN, HIDDEN)
        norm(f"{prefix}.attention.output.LayerNorm")
        dense(f"{prefix}.intermediate.dense", HIDDEN, INNER)
        dense(f"{prefix}.output.dense", INNER, HIDDEN)
        norm(f"{prefix}.output.LayerNorm")

    output.mkdir(parents=True, exist_ok=True)
    for name in ["vocab.txt", "tokenizer.json", "tokenizer_config.json"]:
        shutil.copyfile(vocabulary_folder / name, output / name)
    config = json.loads((vocabulary_folder / "config.json").read_text())
    config.pop("_name_or_path", None)
    config |= {
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "max_position_embeddings": POSITIONS,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "vocab_size": words,
    }
    (output / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    # Written last: setup.sh takes it for the mark of a whole checkpoint.
    save_file(tensors, output / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
