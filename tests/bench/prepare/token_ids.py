"""Writes passages as lines of token ids, each as long as the longest run that is timed.

    python token_ids.py CHECKPOINT OUTPUT.txt

Passages are the golden files' sentences strung together from different starts. Engines read a
line's first tokens. Timing takes the first line, quantizers the first PASSAGES, `check.py` the rest.
"""

import sys
from pathlib import Path

from tokenizers import Tokenizer

sys.path.append(str(Path(__file__).parents[2] / "golden"))
from texts import SENTENCES  # noqa: E402

LONGEST = 512
# Lines of the first half are for calibration, of the second for checking.
PASSAGES = 12


def main(folder, output):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lines = []
    for half in [SENTENCES[0::2], SENTENCES[1::2]]:
        for start in range(PASSAGES):
            ids = tokenizer.encode(" ".join(half[start:] + half[:start])).ids
            # Repeated where the sentences together are shorter: [CLS] once, no [SEP].
            ids = ids[:1] + ids[1:-1] * (LONGEST // (len(ids) - 2) + 1)
            lines.append(" ".join(map(str, ids[:LONGEST])))
    Path(output).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
