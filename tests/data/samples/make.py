"""Makes the samples that `tests/host/weights.rs` scores the shipped models on.

    python3 tests/data/samples/make.py DATASETS

DATASETS has snips/test (CC0 1.0), btc/btc.test (Broad Twitter Corpus, CC BY 4.0) and
nltk_sentence_polarity (CC BY 4.0), whose sentences that are in SST-2's test or dev split no shipped model
was trained on. Then EMBERT_UPDATE=1 cargo test -p embert-tests weights writes the answers.

A line is TEXT, EXPECTED and ANSWER, with tabs between. Labels of texts stand first, entities
are KIND:START-END in bytes.
"""

import random
import re
import sys
from pathlib import Path

COUNT = 50
REPOSITORY = Path(__file__).parents[3]


def spread(items):
    return [items[i * len(items) // COUNT] for i in range(COUNT)]


def entities(words, tags, kinds=None):
    """Text of the words, and its entities."""
    text, found, current = "", [], None
    for word, tag in zip(words, tags):
        start = len(text.encode()) + bool(text)
        text += " " * bool(text) + word
        kind = tag[2:]
        if kinds is not None and kind not in kinds:
            tag = "O"
        if tag == "O":
            current = None
        elif tag.startswith("I-") and current and current[0] == kind:
            current[2] = len(text.encode())
        else:
            current = [kind, start, len(text.encode())]
            found.append(current)
    return text, [f"{kind}:{start}-{end}" for kind, start, end in found]


def write(name, source, rows):
    path = Path(__file__).parent / f"{name}.tsv"
    lines = [f"# {source}"] + ["\t".join((text, expected, "")) for text, expected in rows]
    path.write_text("\n".join(lines) + "\n")


def commands(data):
    rows = []
    for words, tags, label in zip(
        *((data / "snips/test" / name).read_text().splitlines() for name in ("seq.in", "seq.out", "label"))
    ):
        text, found = entities(words.split(), tags.split())
        rows.append((text, " ".join([label, *found])))
    for name in ("commands-en", "commands-en-256k"):
        write(name, "From the test split of SNIPS (Coucke et al., arXiv 1805.10190), CC0 1.0", spread(rows))


def names(data):
    sentences = (data / "btc/btc.test").read_text().strip().split("\n\n")
    rows = []
    for sentence in sentences:
        pairs = [line.split("\t") for line in sentence.splitlines() if "\t" in line]
        if pairs and any(tag != "O" for _, tag in pairs):
            text, found = entities(*zip(*pairs), kinds={"PER", "LOC", "ORG"})
            rows.append((text, " ".join(found)))
    write("entities-en", "From the test split of the Broad Twitter Corpus (Derczynski et al., COLING 2016), CC BY 4.0", spread(rows))


def sentiment(data):
    lines = (data / "nltk_sentence_polarity/OVERLAP_WITH_SST_DEV_TEST.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines if "\t" in line]
    names = {"pos": "positive", "neg": "negative"}
    half = [[(text, names[label]) for label, text in rows if label == kind] for kind in names]
    for name in ("sentiment-en", "sentiment-en-large"):
        both = spread(half[0])[::2] + spread(half[1])[::2]
        write(name, "From the sentence polarity data set (Pang and Lee, 2005; nltk_data), CC BY 4.0", both)


VALUES = {
    "given": ("GIVEN_NAME", ["Alice", "Martin", "Priya", "Chidi", "Elena", "Hugo"]),
    "surname": ("SURNAME", ["Johnson", "Keller", "Okafor", "Nguyen", "Lindqvist"]),
    "mail": ("EMAIL", ["a.johnson@example.com", "priya@example.org", "hugo_92@example.net"]),
    "phone": ("PHONE", ["(555) 010-4477", "555-0173-4821", "+1 555 010 9921"]),
    "city": ("CITY", ["Portland", "Springfield", "Austin"]),
    "state": ("STATE", ["Oregon", "Texas", "Ohio"]),
    "tax": ("TAX_ID", ["512-44-9083", "123-45-6789"]),
    "account": ("BANK_ACCOUNT", ["448519207", "90211457803"]),
    "routing": ("ROUTING_NUMBER", ["021000021", "122105155"]),
    "passport": ("PASSPORT", ["X1234567", "L8820143"]),
    "month": (None, ["March", "June"]),
    "n": (None, ["3", "12"]),
}


def personal():
    templates = (REPOSITORY / "weights/pii-en/templates.txt").read_text().splitlines()
    chance, rows = random.Random(7), []
    while len(rows) < COUNT:
        template = chance.choice(templates)
        slots = re.findall(r"\{(\w+)\}", template)
        if not slots or any(slot not in VALUES for slot in slots):
            continue
        text, found = "", []
        for part in re.split(r"(\{\w+\})", template):
            label = None
            if part.startswith("{"):
                label, values = VALUES[part[1:-1]]
                part = chance.choice(values)
            if label:
                start = len(text.encode())
                found.append(f"{label}:{start}-{start + len(part.encode())}")
            text += part
        if found and all(text != other for other, _ in rows):
            rows.append((text, " ".join(found)))
    write("pii-en", "Made up from weights/pii-en/templates.txt", rows)


def main():
    data = Path(sys.argv[1])
    commands(data)
    names(data)
    sentiment(data)
    personal()


main()
