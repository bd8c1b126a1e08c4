"""Reads what the baselines learn from, in the formats that `embert finetune` reads."""

import csv
from dataclasses import dataclass
from pathlib import Path


class DataError(Exception):
    """What is wrong with a file, and what to do about it."""


@dataclass(frozen=True)
class Sentence:
    words: tuple
    # IOB2, one for each word; none where texts have labels alone.
    tags: tuple | None = None
    # A text's label, or the intent of a sentence with slots.
    label: str | None = None


def texts(path, text_column=None, label_column=None):
    """A table parted by tabs whose first line names its columns."""
    rows = list(csv.reader(lines(path), delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows:
        raise DataError(f"{path} is empty; it needs a line that names its columns, then a text a line")
    head = rows[0]
    text, label = (place(path, head, name, usual) for name, usual in
                   ((text_column, ("sentence", "text", "content")), (label_column, ("label",))))
    found = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(head):
            raise DataError(f"{path}, line {number}: {len(row)} columns, but the first line has {len(head)}; correct it")
        found.append(Sentence(tuple(row[text].split()), label=row[label].strip()))
    return some(path, found)


def place(path, head, name, usual):
    """Where the named column is, or else the one with a usual name."""
    for wanted in [name] if name else usual:
        if wanted in head:
            return head.index(wanted)
    raise DataError(f"{path} has no column {name or ' or '.join(usual)}, only {', '.join(head)}; "
                    "say which with --text-column and --label-column")


def tagged(path, types=None):
    """CoNLL columns: the word first, its tag last, a line of white space after each sentence.

    `types` renames the types of entities; those that it lacks become `O`. None keeps them all.
    """
    found, words, tags = [], [], []
    for number, line in enumerate([*lines(path), ""], 1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            if words:
                found.append(Sentence(tuple(words), tuple(tags)))
            words, tags = [], []
            continue
        columns = line.split("\t") if "\t" in line else line.split(" ")
        if len(columns) < 2:
            raise DataError(f"{path}, line {number}: a word and a tag are needed; correct or remove the line")
        words.append(columns[0])
        tags.append(iob2(columns[-1].strip(), tags, types, f"{path}, line {number}"))
    return some(path, found)


def joint(folder):
    """A folder with `seq.in`, `seq.out` and `label`, whose lines of one number belong together."""
    names = [Path(folder) / name for name in ("seq.in", "seq.out", "label")]
    columns = [lines(name) for name in names]
    if len(set(map(len, columns))) > 1:
        raise DataError(f"{folder}: seq.in, seq.out and label differ in their number of lines; they must have the same")
    found = []
    for number, (words, tags, label) in enumerate(zip(*columns), 1):
        words, converted = words.split(), []
        for tag in tags.split():
            converted.append(iob2(tag, converted, None, f"{names[1]}, line {number}"))
        if len(words) != len(converted):
            raise DataError(f"{names[1]}, line {number}: {len(converted)} tags for {len(words)} words; every word needs one")
        found.append(Sentence(tuple(words), tuple(converted), label.strip()))
    return some(folder, found)


def iob2(tag, before, types, at):
    """The tag in IOB2, whether it is in IOB1, IO or IOB2; `before` are those of the words before."""
    if tag == "O":
        return tag
    scheme, _, kind = tag.partition("-")
    if scheme not in ("B", "I") or not kind:
        raise DataError(f'{at}: "{tag}" is no tag; tags are O, B- or I- with a type, as B-PER')
    if types is not None:
        if kind not in types:
            return "O"
        kind = types[kind]
    begins = scheme == "B" or not before or before[-1][2:] != kind
    return f"{'B' if begins else 'I'}-{kind}"


# As `embert`'s --without has it: 30 letters and digits in a row, or a shorter text of 10.
RUN, SHORT = 30, 10


def held_out(paths):
    """Whether a sentence overlaps the texts of these files, one a line."""
    texts = [letters(line) for path in paths for line in lines(path)]
    runs = {text[at : at + RUN] for text in texts for at in range(len(text) - RUN + 1)}
    short = [text for text in texts if 0 < len(text) < RUN]

    def overlaps(sentence):
        text = letters("".join(sentence.words))
        if any(text[at : at + RUN] in runs for at in range(len(text) - RUN + 1)):
            return True
        return any(text == other or len(other) >= SHORT and other in text for other in short)

    return overlaps


def letters(text):
    return "".join(character for character in text if character.isalnum()).lower()


def lines(path):
    try:
        content = Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8; convert it with iconv") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    # Not splitlines: tweets have line separators of Unicode inside their words.
    return [line.rstrip("\r") for line in content.removesuffix("\n").split("\n")] if content else []


def some(path, found):
    if not found:
        raise DataError(f"{path} holds no sentences")
    return found
