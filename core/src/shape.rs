//! The shape of a BERT and of its head: everything that decides sizes.

/// Channels are stored in blocks of this many, the widest step any kernel takes.
pub const BLOCK: usize = 16;

/// `n` rounded up to whole blocks.
pub const fn blocks(n: usize) -> usize {
    n.div_ceil(BLOCK).saturating_mul(BLOCK)
}

/// What the model gives for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// One label distribution a text, from the pooled `[CLS]` state (Devlin et al., section 4.1).
    SequenceClassification,
    /// One label a token, grouped into entities (section 5.3).
    TokenClassification,
    /// One vector a text.
    Embedding,
    /// One label distribution a text, its intent, and one label a token, its slots, in one pass
    /// (Chen et al., arXiv 1902.10909).
    Joint,
    /// The stretch of a context that answers a question (Devlin et al., section 4.2).
    Spans,
}

/// How a sentence embedding is drawn from the last hidden states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean over all tokens, `[CLS]` and `[SEP]` included.
    Mean,
    /// The state of `[CLS]`.
    Cls,
    /// The state of `[CLS]` through the pooler: dense, then tanh.
    Pooler,
}

/// The intermediate activation of the feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// GELU by the error function, BERT's own.
    GeluErf,
    /// GELU by its tanh approximation ("gelu_new", "gelu_pytorch_tanh").
    GeluTanh,
    Relu,
}

/// Sizes, in the paper's letters: layers L, hidden H, attention heads A, intermediate I.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub vocabulary: usize,
    /// Channels of a word embedding before it is projected to the hidden size (ALBERT, arXiv
    /// 1909.11942, section 3.1); 0 where embeddings are stored as they are used.
    pub rank: usize,
    pub positions: usize,
    pub segments: usize,
    /// Labels of a classification head, of texts where it is joint; 0 for an embedding and spans.
    pub labels: usize,
    /// Labels of tokens where the head is joint, 0 elsewhere.
    pub token_labels: usize,
    /// Whether labels of tokens are tags of words in IOB2, of which the most probable valid sequence
    /// is looked for; else each token has its most probable label.
    pub iob2: bool,
    pub head: HeadKind,
    pub pooling: Pooling,
    pub has_pooler: bool,
    /// Whether a matrix of the encoder is int4: there must be memory to expand it in.
    pub has_int4: bool,
}

impl Shape {
    /// Channels of one attention head, H / A.
    pub const fn head_size(&self) -> usize {
        self.hidden / self.heads
    }

    /// Hidden channels as stored.
    pub const fn hidden_blocks(&self) -> usize {
        blocks(self.hidden)
    }

    /// Channels of one attention head as stored.
    pub const fn head_blocks(&self) -> usize {
        blocks(self.head_size())
    }

    /// Channels of all attention heads as stored.
    pub const fn attention_blocks(&self) -> usize {
        self.heads * self.head_blocks()
    }

    /// Intermediate channels as stored.
    pub const fn intermediate_blocks(&self) -> usize {
        blocks(self.intermediate)
    }

    /// Outputs of the classifier of texts, 0 where there is none.
    pub const fn text_outputs(&self) -> usize {
        match self.head {
            HeadKind::SequenceClassification | HeadKind::Joint => self.labels,
            HeadKind::TokenClassification | HeadKind::Embedding | HeadKind::Spans => 0,
        }
    }

    /// Outputs of the classifier of tokens, 0 where there is none: a score for each label, or those
    /// of an answer's start and end.
    pub const fn token_outputs(&self) -> usize {
        match self.head {
            HeadKind::TokenClassification => self.labels,
            HeadKind::Joint => self.token_labels,
            HeadKind::Spans => 2,
            HeadKind::SequenceClassification | HeadKind::Embedding => 0,
        }
    }

    /// Channels of a word embedding as stored.
    pub const fn word_blocks(&self) -> usize {
        match self.rank {
            0 => self.hidden_blocks(),
            rank => blocks(rank),
        }
    }

    /// Whether the head reads the state of `[CLS]` alone, so that the last layer needs no other.
    pub const fn only_cls(&self) -> bool {
        match self.head {
            HeadKind::SequenceClassification => true,
            HeadKind::TokenClassification | HeadKind::Joint | HeadKind::Spans => false,
            HeadKind::Embedding => !matches!(self.pooling, Pooling::Mean),
        }
    }

    /// Multiply-accumulates of the matrix products for a text of `tokens` tokens.
    pub const fn macs(&self, tokens: usize) -> u64 {
        let (h, i, s) = (self.hidden as u64, self.intermediate as u64, tokens as u64);
        let words = s * self.rank as u64 * h;
        let full = 2 * s * h * h + s * (2 * h * h + 2 * s * h + 2 * h * i);
        let last_rows = if self.only_cls() { 1 } else { s };
        let last = 2 * s * h * h + last_rows * (2 * h * h + 2 * s * h + 2 * h * i);
        let pooler = if self.has_pooler { h * h } else { 0 };
        let pooled = match (self.head, self.pooling) {
            (HeadKind::SequenceClassification | HeadKind::Joint, _)
            | (HeadKind::Embedding, Pooling::Pooler) => pooler,
            _ => 0,
        };
        let head = pooled + h * (self.text_outputs() as u64 + s * self.token_outputs() as u64);
        words + (self.layers as u64 - 1) * full + last + head
    }
}
