"""A BiLSTM of words and their characters, whose file has a given size.

Each word is a learnt vector of its own, lower-cased, and what a convolution over its characters
finds greatest (Ma and Hovy 2016). One BiLSTM layer reads them. A text's label comes from the mean
and the maximum of the states; tags from each word's state, by a CRF over them.
"""

import torch
from torch import nn

import viterbi

# Of a character's vector, and how many characters the convolution sees at once.
CHARACTER, WIDTH = 16, 3


class BiLstm(nn.Module):
    def __init__(self, words, characters, shape, labels, tags):
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(words, shape.word, padding_idx=0)
        self.characters = nn.Embedding(characters, CHARACTER, padding_idx=0)
        self.convolution = nn.Conv1d(CHARACTER, shape.filters, WIDTH, padding=1)
        self.dropout = nn.Dropout(shape.dropout)
        self.lstm = nn.LSTM(shape.word + shape.filters, shape.hidden, batch_first=True, bidirectional=True)
        self.label = nn.Linear(4 * shape.hidden, labels) if labels else None
        self.tag = nn.Linear(2 * shape.hidden, tags) if tags else None
        self.between = nn.Parameter(torch.zeros(tags, tags)) if tags else None
        nn.init.normal_(self.words.weight, std=0.1)

    def forward(self, words, characters, lengths):
        """Scores of labels [sentences, labels] and of tags [sentences, words, tags], None without them."""
        inside = (torch.arange(words.shape[1]) < lengths[:, None]).unsqueeze(-1)
        vectors = self.characters(characters.flatten(0, 1)).transpose(1, 2)
        vectors = torch.relu(self.convolution(vectors)).amax(dim=2).view(*words.shape, -1)
        inputs = self.dropout(torch.cat([self.words(words), vectors], dim=2))
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        labels = tags = None
        if self.label:
            mean = (states * inside).sum(dim=1) / lengths[:, None]
            most = states.masked_fill(~inside, -1).amax(dim=1)
            labels = self.label(self.dropout(torch.cat([mean, most], dim=1)))
        if self.tag:
            tags = self.tag(self.dropout(states))
        return labels, tags

    def tag_loss(self, scores, tags, lengths):
        """The CRF's negative log-likelihood of the tags, a mean over sentences."""
        steps = torch.arange(scores.shape[1])
        inside = (steps < lengths[:, None]).float()
        true = scores.gather(2, tags.unsqueeze(2)).squeeze(2)
        moves = self.between[tags[:, :-1], tags[:, 1:]]
        true = (true * inside).sum(dim=1) + (moves * inside[:, 1:]).sum(dim=1)
        # As probabilities, so that the sum over the tag before is a product of matrices.
        most = self.between.max().detach()
        between = (self.between - most).exp()
        total = scores[:, 0]
        for step in range(1, scores.shape[1]):
            peak = total.amax(dim=1, keepdim=True).detach()
            onward = ((total - peak).exp() @ between + 1e-30).log() + peak + most + scores[:, step]
            total = torch.where(step < lengths[:, None], onward, total)
        return (total.logsumexp(dim=1) - true).mean()

    def decode(self, scores, lengths, names):
        start, rules = viterbi.rules(names)
        between = self.between.detach().numpy() + rules
        rows = zip(scores.numpy(), lengths.tolist())
        return [[names[tag] for tag in viterbi.decode(row[:length], start, between)] for row, length in rows]
