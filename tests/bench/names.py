#!/usr/bin/env python3
"""How many of the persons that people have marked are found by what a model calls given names and
surnames, one next to the other being one person: precision, recall and F1 of whole persons, for each
blob.

    python tests/bench/names.py btc.test weights/pii-en/model.embert [BLOB...]

The first file has a word and its tag a line, persons as `PER`; it is read as sentences of words with
spaces between them.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

EMBERT = Path(__file__).parents[2] / "target/release/embert"
NAMES = ("GIVEN_NAME", "SURNAME")


def marked(path):
    """Texts, and the places of the persons in each."""
    words, tags = [], []
    for line in [*open(path, encoding="utf-8"), ""]:
        columns = line.split()
        if len(columns) >= 2 and columns[0] != "-DOCSTART-":
            words.append(columns[0])
            tags.append(columns[-1])
        elif words:
            yield " ".join(words), persons(words, tags)
            words, tags = [], []


def persons(words, tags):
    found, end, last = [], 0, "O"
    for word, tag in zip(words, tags):
        start, end = end, end + len(word.encode())
        if tag.endswith("PER"):
            if tag[0] == "I" and last.endswith("PER"):
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        end, last = end + 1, tag
    return found


def said(blob, texts):
    """The places of names in each text, those next to each other as one."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("".join(text + "\n" for text in texts))
        file.flush()
        lines = subprocess.check_output([EMBERT, "run", blob, "--file", file.name, "--json"])
    for line in map(json.loads, lines.splitlines()):
        found = []
        for entity in line["result"]["token_classification"]["entities"]:
            if entity["label"] in NAMES:
                if found and entity["start"] - found[-1][1] <= 1:
                    found[-1] = (found[-1][0], entity["end"])
                else:
                    found.append((entity["start"], entity["end"]))
        yield found


def main():
    path, *blobs = sys.argv[1:]
    texts, wanted = zip(*marked(path))
    for blob in blobs:
        found = list(said(blob, texts))
        assert len(found) == len(texts), "as many answers as texts"
        right = sum(len(set(a) & set(b)) for a, b in zip(found, wanted))
        all_found, all_wanted = (sum(map(len, spans)) for spans in (found, wanted))
        precision, recall = right / max(all_found, 1), right / max(all_wanted, 1)
        f1 = 2 * right / max(all_found + all_wanted, 1)
        print(f"{blob}: precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f}, {all_wanted} persons")


main()
