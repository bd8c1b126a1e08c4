#!/usr/bin/env python3
"""Writes PyTorch's loss, gradients and one AdamW step on the tiny checkpoints, for training to be
compared with.

    pip install torch transformers safetensors
    cargo run -p embert-tests --example write_tiny_checkpoints TINY
    python tests/golden/make_gradients.py --tiny TINY

The files land beside this script: NAME_step.safetensors.
"""

import argparse
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

HERE = Path(__file__).parent
LENGTHS = [5, 17, 1, 9]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", type=Path, required=True)
    folder = parser.parse_args().tiny
    for name in ["tiny_sequence", "tiny_token", "tiny_spans"]:
        write(folder / name, name)
    pretraining(folder / "tiny_sequence")


def pretraining(folder):
    """Both tasks of pre-training, on the encoder of a tiny checkpoint; the heads' weights go along."""
    torch.manual_seed(5)
    model = transformers.BertForPreTraining.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    model.eval()
    # Larger than they are drawn, so that gradients are, too.
    with torch.no_grad():
        for key, value in model.cls.named_parameters():
            if "decoder.weight" not in key:
                value.add_(torch.randn_like(value) * 0.2)
    generator = torch.Generator().manual_seed(4)
    vocabulary = model.config.vocab_size
    ids = 1 + torch.randint(vocabulary - 1, (3, 12), generator=generator)
    segments = (torch.arange(12) >= 7).long().expand(3, 12)
    labels = torch.randint(vocabulary, (3, 12), generator=generator)
    labels[torch.rand(3, 12, generator=generator) > 0.3] = -100
    follows = torch.tensor([0, 1, 1])
    loss = model(input_ids=ids, token_type_ids=segments, labels=labels, next_sentence_label=follows).loss
    loss.backward()
    tensors = {"ids": ids.int(), "labels": labels.int(), "next": follows.int(), "loss": loss.detach()}
    for key, value in model.named_parameters():
        if key.startswith("cls."):
            tensors[f"weight.{key}"] = value.detach().clone()
        tensors[f"gradient.{key}"] = value.grad.clone()
    tensors.pop("weight.cls.predictions.decoder.weight", None)
    tensors.pop("gradient.cls.predictions.decoder.weight", None)
    save_file(tensors, HERE / "tiny_pretraining_step.safetensors", {"made_by": f"make_gradients.py with torch {torch.__version__}"})


def write(folder, name):
    config = transformers.AutoConfig.from_pretrained(folder)
    model = getattr(transformers, config.architectures[0]).from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32
    )
    model.eval()  # no dropout
    generator = torch.Generator().manual_seed(3)
    draw = lambda below, length: torch.randint(below, (length,), generator=generator)
    width = max(LENGTHS)
    ids = torch.zeros(len(LENGTHS), width, dtype=torch.long)
    segments, mask = ids.clone(), ids.clone()
    per_token, spans = name == "tiny_token", name == "tiny_spans"
    labels = torch.full((len(LENGTHS), width), -100) if per_token else draw(config.num_labels, len(LENGTHS))
    if spans:
        labels = torch.zeros(len(LENGTHS), 2, dtype=torch.long)
    for row, length in enumerate(LENGTHS):
        # Not 0, the padding, to whose embedding PyTorch gives no gradient.
        ids[row, :length] = 1 + draw(config.vocab_size - 1, length)
        if config.type_vocab_size > 1:
            segments[row, length // 2 : length] = 1
        mask[row, :length] = 1
        if per_token:
            # Every third token does not count, as pieces within words do not.
            some = draw(config.num_labels, length)
            some[2::3] = -100
            labels[row, :length] = some
        if spans:
            # The last has no answer: both are [CLS].
            labels[row] = draw(length, 2).sort().values if row < 3 else 0
    if spans:
        # One by one: PyTorch's softmax is over the padding, too.
        rows = zip(ids, segments, labels, LENGTHS)
        losses = [
            model(input_ids=i[None, :n], token_type_ids=s[None, :n], start_positions=l[:1], end_positions=l[1:]).loss
            for i, s, l, n in rows
        ]
        loss = torch.stack(losses).mean()
    else:
        loss = model(input_ids=ids, token_type_ids=segments, attention_mask=mask, labels=labels).loss
    loss.backward()
    tensors = {"ids": ids.int(), "segments": segments.int(), "labels": labels.int(), "loss": loss.detach()}
    for key, value in model.named_parameters():
        gradient = value.grad if value.grad is not None else torch.zeros_like(value)
        tensors[f"gradient.{key}"] = gradient.clone()
    decaying = [v for k, v in model.named_parameters() if v.dim() > 1]
    others = [v for k, v in model.named_parameters() if v.dim() <= 1]
    groups = [{"params": decaying, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-6).step()
    for key, value in model.named_parameters():
        tensors[f"after.{key}"] = value.detach().clone()
    save_file(tensors, HERE / f"{name}_step.safetensors", {"made_by": f"make_gradients.py with torch {torch.__version__}"})


main()
