"""The words and characters that a BiLSTM knows, and the numbers that it reads of sentences."""

from collections import Counter

import torch

import size

# Number 0 is for nothing there, 1 for what is not in the vocabulary.
UNKNOWN, SPECIAL = 1, 2
# How often a word, and a character, must be seen in training to have a number.
SEEN_WORD, SEEN_CHARACTER = 2, 10
# Of longer words the first characters are read.
LONGEST_WORD = 16


class Vocabulary:
    def __init__(self, train):
        words = Counter(word.lower() for sentence in train for word in sentence.words)
        characters = Counter(char for sentence in train for word in sentence.words for char in word)
        self.words = [word for word, count in words.most_common() if count >= SEEN_WORD]
        self.characters = [char for char, count in characters.most_common() if count >= SEEN_CHARACTER]
        self.labels = sorted({sentence.label for sentence in train} - {None})
        self.tags = sorted({tag for sentence in train for tag in sentence.tags or ()})
        self.of_words, self.of_characters, self.of_labels, self.of_tags = (
            {name: number for number, name in enumerate(names, first)}
            for names, first in ((self.words, SPECIAL), (self.characters, SPECIAL), (self.labels, 0), (self.tags, 0))
        )

    @property
    def bytes(self):
        return size.strings(self.words + self.characters + self.labels + self.tags)

    def numbers(self, sentences):
        """Words [sentences, words], characters [sentences, words, characters] and lengths."""
        lengths = torch.tensor([len(sentence.words) for sentence in sentences])
        words = torch.zeros(len(sentences), int(lengths.max()), dtype=torch.long)
        characters = torch.zeros(*words.shape, LONGEST_WORD, dtype=torch.long)
        for row, sentence in enumerate(sentences):
            count = len(sentence.words)
            words[row, :count] = torch.tensor([self.of_words.get(word.lower(), UNKNOWN) for word in sentence.words])
            characters[row, :count] = torch.tensor([self.spelt(word) for word in sentence.words])
        # A column of nothing but padding is not worth convolving.
        longest = max(1, int((characters != 0).any(dim=0).any(dim=0).sum()))
        return words, characters[:, :, :longest], lengths

    def spelt(self, word):
        numbers = [self.of_characters.get(char, UNKNOWN) for char in word[:LONGEST_WORD]]
        return numbers + [0] * (LONGEST_WORD - len(numbers))

    def targets(self, sentences):
        """Labels [sentences] and tags [sentences, words], None where there are none."""
        labels = tags = None
        if self.labels:
            labels = torch.tensor([self.of_labels[sentence.label] for sentence in sentences])
        if self.tags:
            tags = torch.zeros(len(sentences), max(len(sentence.words) for sentence in sentences), dtype=torch.long)
            for row, sentence in enumerate(sentences):
                tags[row, : len(sentence.tags)] = torch.tensor([self.of_tags[tag] for tag in sentence.tags])
        return labels, tags
