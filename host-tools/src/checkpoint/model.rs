//! A BERT encoder in 32-bit floats, as plain tensors.
//!
//! Names follow Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
//! Understanding" (2019) and the layout of Hugging Face's `BertModel`. Every matrix is row-major.

/// An affine map `y = W x + b`, as PyTorch's `nn.Linear`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// `[outputs x inputs]`: one row per output channel.
    pub weight: Vec<f32>,
    /// `[outputs]`
    pub bias: Vec<f32>,
    pub inputs: usize,
    pub outputs: usize,
}

/// Layer normalization over the hidden dimension (Ba et al., 2016).
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// `[hidden]`
    pub gamma: Vec<f32>,
    /// `[hidden]`
    pub beta: Vec<f32>,
    pub epsilon: f32,
}

/// The feed-forward activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x Φ(x)` with the error function: BERT's own GELU (`"gelu"`).
    GeluErf,
    /// The tanh approximation of Hendrycks & Gimpel, 2016, eq. 2 (`"gelu_new"`).
    GeluTanh,
    Relu,
}

/// One encoder layer: multi-head self-attention, then the feed-forward network, each followed by
/// a residual connection and a LayerNorm.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// `[hidden x hidden]`, heads one after another along the outputs.
    pub query: Dense,
    pub key: Dense,
    pub value: Dense,
    /// `[hidden x hidden]`
    pub attention_output: Dense,
    pub attention_norm: LayerNorm,
    /// `[intermediate x hidden]`
    pub intermediate: Dense,
    /// `[hidden x intermediate]`
    pub output: Dense,
    pub output_norm: LayerNorm,
}

/// The encoder: embeddings, layers and, where the checkpoint has one, the pooler.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatModel {
    /// Width of the residual stream, `H`.
    pub hidden: usize,
    /// Attention heads, `A`; divides `hidden`.
    pub heads: usize,
    /// Width of the feed-forward network, `I`.
    pub intermediate: usize,
    pub activation: Activation,
    /// `[vocabulary x hidden]`, or `[vocabulary x rank]` where there is a projection.
    pub word_embeddings: Vec<f32>,
    /// `[hidden x rank]`: word embeddings of a low rank to the hidden size (ALBERT, arXiv
    /// 1909.11942, section 3.1).
    pub word_projection: Option<Dense>,
    /// `[positions x hidden]`
    pub position_embeddings: Vec<f32>,
    /// `[segments x hidden]`
    pub segment_embeddings: Vec<f32>,
    pub embedding_norm: LayerNorm,
    pub layers: Vec<Layer>,
    /// `[hidden x hidden]`, followed by tanh, over the state of `[CLS]`.
    pub pooler: Option<Dense>,
}

impl FloatModel {
    /// Number of word pieces the word embeddings have rows for.
    pub fn vocabulary(&self) -> usize {
        self.word_embeddings.len() / self.word_width()
    }

    /// Channels of a word embedding as stored: the rank, or the hidden size.
    pub fn word_width(&self) -> usize {
        let projection = self.word_projection.as_ref();
        projection.map_or(self.hidden, |projection| projection.inputs)
    }

    /// Longest input in tokens, `[CLS]` and `[SEP]` included.
    pub fn positions(&self) -> usize {
        self.position_embeddings.len() / self.hidden
    }

    pub fn segments(&self) -> usize {
        self.segment_embeddings.len() / self.hidden
    }

    /// Width of one attention head.
    pub fn head_width(&self) -> usize {
        self.hidden / self.heads
    }
}

/// What is computed from the encoder's output.
#[derive(Clone, Debug, PartialEq)]
pub enum FloatHead {
    /// Pooler, then one score per label: softmax over the labels, or a sigmoid for each of them.
    /// Always comes with [`FloatModel::pooler`].
    SequenceClassification {
        classifier: Dense,
        multi_label: bool,
    },
    /// One score per label for every token, softmax over the labels.
    TokenClassification {
        classifier: Dense,
    },
    Embedding {
        pooling: Pooling,
        normalize: bool,
    },
    /// Pooler, then one score per intent, softmax over the intents; and one score per slot for every
    /// token, softmax over the slots (Chen et al., arXiv 1902.10909, section 3.2). Always comes with
    /// [`FloatModel::pooler`].
    Joint {
        intents: Dense,
        slots: Dense,
    },
    /// Two scores for every token: as the start of the answer to a question, and as its end (Devlin
    /// et al., section 4.2).
    Spans {
        /// `[2 x hidden]`
        classifier: Dense,
    },
}

impl FloatHead {
    /// What classifies texts.
    pub fn text_classifier(&self) -> Option<&Dense> {
        match self {
            Self::SequenceClassification { classifier, .. } => Some(classifier),
            Self::Joint { intents, .. } => Some(intents),
            Self::TokenClassification { .. } | Self::Embedding { .. } | Self::Spans { .. } => None,
        }
    }

    /// What classifies tokens.
    pub fn token_classifier(&self) -> Option<&Dense> {
        match self {
            Self::TokenClassification { classifier } | Self::Spans { classifier } => {
                Some(classifier)
            }
            Self::Joint { slots, .. } => Some(slots),
            Self::SequenceClassification { .. } | Self::Embedding { .. } => None,
        }
    }
}

/// How token states become one sentence embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The mean over all tokens, `[CLS]` and `[SEP]` included (Reimers & Gurevych, 2019).
    Mean,
    /// The state of `[CLS]`.
    Cls,
    /// The pooler's output. Always comes with [`FloatModel::pooler`].
    Pooler,
}
