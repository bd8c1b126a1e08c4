"""Writes a checkpoint as llama.cpp's GGUF: weights in Q8_0, that is int8 in blocks of 32.

    python write_gguf.py CHECKPOINT OUTPUT.gguf

Without a vocabulary, since llama.cpp is handed token ids.
"""

import sys
from pathlib import Path

from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, PoolingType, quants

from checkpoint import Checkpoint

# Of a layer: GGUF's name and the checkpoint's.
LAYER = [
    ("attn_q", "attention.self.query"),
    ("attn_k", "attention.self.key"),
    ("attn_v", "attention.self.value"),
    ("attn_output", "attention.output.dense"),
    ("attn_output_norm", "attention.output.LayerNorm"),
    ("ffn_up", "intermediate.dense"),
    ("ffn_down", "output.dense"),
    ("layer_output_norm", "output.LayerNorm"),
]


def main(folder, output):
    checkpoint = Checkpoint(folder)
    writer = GGUFWriter(output, "bert")
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(checkpoint.positions)
    writer.add_embedding_length(checkpoint.hidden)
    writer.add_feed_forward_length(checkpoint.inner)
    writer.add_head_count(checkpoint.heads)
    writer.add_block_count(checkpoint.layers)
    writer.add_layer_norm_eps(checkpoint.epsilon)
    writer.add_causal_attention(False)
    writer.add_pooling_type(PoolingType.NONE)
    writer.add_tokenizer_model("no_vocab")
    writer.add_vocab_size(checkpoint.words)
    writer.add_token_type_count(2)

    def add(name, source):
        value = checkpoint.get(source)
        # As llama.cpp's own converter: biases, norms and the small embedding tables stay fp32.
        if value.ndim == 2 and not source.startswith(("embeddings.position", "embeddings.token_type")):
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(name, quants.quantize(value, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, value)

    add("token_embd.weight", "embeddings.word_embeddings.weight")
    add("position_embd.weight", "embeddings.position_embeddings.weight")
    add("token_types.weight", "embeddings.token_type_embeddings.weight")
    for end in ["weight", "bias"]:
        add(f"token_embd_norm.{end}", f"embeddings.LayerNorm.{end}")
        for layer in range(checkpoint.layers):
            for name, source in LAYER:
                add(f"blk.{layer}.{name}.{end}", f"encoder.layer.{layer}.{source}.{end}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
