//! Tiny BERT checkpoints made from a seed, written as the folders Hugging Face would write.
//!
//! Their shapes are odd on purpose: no width is a multiple of a vector register, the feed-forward
//! network is not four times as wide, and the tables differ in every extent.

use std::{collections::BTreeMap, fs, io, path::Path};

use half::{bf16, f16};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

/// What a tiny checkpoint is: the fields of `config.json` by their short names.
#[derive(Clone, Copy, Debug)]
pub struct Tiny {
    pub name: &'static str,
    pub architecture: &'static str,
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub vocabulary: usize,
    pub positions: usize,
    pub segments: usize,
    pub activation: &'static str,
    pub pooler: bool,
    /// One per output of the classifier, that of tokens where there are two; empty where outputs
    /// have no names.
    pub labels: &'static [&'static str],
    /// One per output of the classifier of texts, where there is one of tokens too.
    pub intents: &'static [&'static str],
}

pub const SEQUENCE: Tiny = Tiny {
    name: "tiny_sequence",
    architecture: "BertForSequenceClassification",
    layers: 2,
    hidden: 24,
    heads: 3,
    intermediate: 40,
    vocabulary: 60,
    positions: 33,
    segments: 2,
    activation: "gelu_new",
    pooler: true,
    labels: &["sun", "rain", "snow", "wind", "fog"],
    intents: &[],
};

pub const TOKEN: Tiny = Tiny {
    name: "tiny_token",
    architecture: "BertForTokenClassification",
    layers: 3,
    hidden: 21,
    heads: 3,
    intermediate: 37,
    vocabulary: 61,
    positions: 29,
    segments: 1,
    activation: "gelu",
    pooler: false,
    labels: &["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"],
    intents: &[],
};

pub const EMBEDDING: Tiny = Tiny {
    name: "tiny_embedding",
    architecture: "BertModel",
    layers: 1,
    hidden: 26,
    heads: 2,
    intermediate: 51,
    vocabulary: 58,
    positions: 31,
    segments: 3,
    activation: "relu",
    pooler: true,
    labels: &[],
    intents: &[],
};

pub const JOINT: Tiny = Tiny {
    name: "tiny_joint",
    architecture: "BertForJointIntentSlots",
    layers: 2,
    hidden: 22,
    heads: 2,
    intermediate: 35,
    vocabulary: 60,
    positions: 30,
    segments: 1,
    activation: "gelu",
    pooler: true,
    labels: &["O", "B-city", "I-city", "B-day"],
    intents: &["weather", "flight", "alarm"],
};

pub const SPANS: Tiny = Tiny {
    name: "tiny_spans",
    architecture: "BertForQuestionAnswering",
    layers: 2,
    hidden: 20,
    heads: 2,
    intermediate: 34,
    vocabulary: 61,
    // Room for a context of more tokens than an answer may have.
    positions: 48,
    segments: 2,
    activation: "gelu",
    pooler: false,
    labels: &[],
    intents: &[],
};

pub const ALL: [Tiny; 5] = [SEQUENCE, TOKEN, EMBEDDING, JOINT, SPANS];

/// How the same weights are written down.
#[derive(Clone, Copy, Debug)]
pub struct Flavour {
    pub element: Dtype,
    /// LayerNorms named `gamma` and `beta`, as in conversions from TensorFlow.
    pub tensorflow_norms: bool,
    /// The encoder's names start with `bert.`.
    pub prefixed: bool,
    /// Tensors that nothing needs: position ids and a language-model head.
    pub extra_keys: bool,
}

impl Flavour {
    /// What `save_pretrained` writes today.
    pub fn usual(tiny: &Tiny) -> Self {
        Self {
            element: Dtype::F32,
            tensorflow_norms: false,
            prefixed: !tiny.classifiers().is_empty(),
            extra_keys: false,
        }
    }
}

type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

impl Tiny {
    /// Writes the checkpoint into an existing folder.
    ///
    /// # Errors
    /// Those of writing files.
    pub fn write(&self, folder: &Path, flavour: Flavour) -> io::Result<()> {
        let config = serde_json::to_vec_pretty(&self.config())?;
        fs::write(folder.join("config.json"), config)?;
        fs::write(folder.join("vocab.txt"), self.pieces().join("\n") + "\n")?;
        fs::write(
            folder.join("tokenizer_config.json"),
            r#"{"do_lower_case": true}"#,
        )?;

        let mut tensors = self.tensors(flavour);
        if flavour.extra_keys {
            let positions = (0..self.positions)
                .map(|position| position as f32)
                .collect();
            tensors.insert(
                "embeddings.position_ids".into(),
                (vec![1, self.positions], positions),
            );
            tensors.insert("cls.predictions.bias".into(), (vec![3], vec![0.5; 3]));
        }
        let encoded: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
            .into_iter()
            .map(|(name, (shape, values))| (name, shape, encode(&values, flavour.element)))
            .collect();
        let views = encoded.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(flavour.element, shape.clone(), bytes);
            (name, view.expect("as many bytes as the shape says"))
        });
        let path = folder.join("model.safetensors");
        safetensors::serialize_to_file(views, None, &path).map_err(io::Error::other)
    }

    /// The word pieces, index = id: every letter alone and as a continuation, and a few words.
    pub fn pieces(&self) -> Vec<String> {
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(String::from);
        let letters = ('a'..='z').map(String::from);
        let continuations = ('a'..='z').map(|letter| format!("##{letter}"));
        let words = [",", "the", "##ing", "."].map(String::from);
        let all = special
            .into_iter()
            .chain(letters)
            .chain(continuations)
            .chain(words);
        all.take(self.vocabulary).collect()
    }

    fn config(&self) -> Value {
        let mut config = json!({
            "model_type": "bert",
            "architectures": [self.architecture],
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.intermediate,
            "hidden_act": self.activation,
            "max_position_embeddings": self.positions,
            "type_vocab_size": self.segments,
            "layer_norm_eps": 1e-12,
        });
        if !self.labels.is_empty() {
            let named = self.labels.iter().enumerate();
            config["id2label"] = named
                .map(|(id, label)| (id.to_string(), json!(label)))
                .collect();
        }
        if !self.intents.is_empty() {
            config["intents"] = json!(self.intents);
            config["tag_scheme"] = json!("IOB2");
        }
        config
    }

    /// The layers on top of the encoder: their names and outputs.
    fn classifiers(&self) -> Vec<(&'static str, usize)> {
        let (labels, intents) = (self.labels.len(), self.intents.len());
        match self.architecture {
            "BertForQuestionAnswering" => vec![("qa_outputs", 2)],
            "BertForJointIntentSlots" => {
                vec![("intent_classifier", intents), ("slot_classifier", labels)]
            }
            _ if labels > 0 => vec![("classifier", labels)],
            _ => Vec::new(),
        }
    }

    fn tensors(&self, flavour: Flavour) -> Tensors {
        let mut writer = Writer {
            tensors: Tensors::new(),
            // Any name gives other weights, the same on every machine.
            random: SplitMix64(self.name.bytes().fold(7, |seed, byte| {
                seed.wrapping_mul(31).wrapping_add(u64::from(byte))
            })),
            prefix: if flavour.prefixed { "bert." } else { "" },
            norm_names: if flavour.tensorflow_norms {
                ["gamma", "beta"]
            } else {
                ["weight", "bias"]
            },
        };
        let (hidden, intermediate) = (self.hidden, self.intermediate);
        writer.table("embeddings.word_embeddings", self.vocabulary, hidden);
        writer.table("embeddings.position_embeddings", self.positions, hidden);
        writer.table("embeddings.token_type_embeddings", self.segments, hidden);
        writer.norm("embeddings.LayerNorm", hidden);
        for layer in 0..self.layers {
            let layer = format!("encoder.layer.{layer}");
            for part in ["self.query", "self.key", "self.value", "output.dense"] {
                writer.dense(&format!("{layer}.attention.{part}"), hidden, hidden);
            }
            writer.norm(&format!("{layer}.attention.output.LayerNorm"), hidden);
            writer.dense(&format!("{layer}.intermediate.dense"), hidden, intermediate);
            writer.dense(&format!("{layer}.output.dense"), intermediate, hidden);
            writer.norm(&format!("{layer}.output.LayerNorm"), hidden);
        }
        if self.pooler {
            writer.dense("pooler.dense", hidden, hidden);
        }
        writer.prefix = "";
        for (name, outputs) in self.classifiers() {
            writer.dense(name, hidden, outputs);
        }
        writer.tensors
    }
}

struct Writer {
    tensors: Tensors,
    random: SplitMix64,
    prefix: &'static str,
    norm_names: [&'static str; 2],
}

impl Writer {
    fn table(&mut self, name: &str, rows: usize, width: usize) {
        self.insert(&format!("{name}.weight"), vec![rows, width], |m| m / 128.0);
    }

    fn dense(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.insert(&format!("{name}.weight"), vec![outputs, inputs], |m| {
            m / 256.0
        });
        self.insert(&format!("{name}.bias"), vec![outputs], |m| m / 512.0);
    }

    fn norm(&mut self, name: &str, width: usize) {
        let [gamma, beta] = self.norm_names;
        // Half of it lost in the division, so that 1 + x still fits bfloat16's 8 bits.
        self.insert(&format!("{name}.{gamma}"), vec![width], |m| {
            1.0 + (m / 2.0).trunc() / 128.0
        });
        self.insert(&format!("{name}.{beta}"), vec![width], |m| m / 512.0);
    }

    /// Values are made from integers in -127..=127 so that they are the same number in every float
    /// format.
    fn insert(&mut self, name: &str, shape: Vec<usize>, value: impl Fn(f32) -> f32) {
        let count = shape.iter().product();
        let values = (0..count)
            .map(|_| value((self.random.next() % 255) as f32 - 127.0))
            .collect();
        self.tensors
            .insert(format!("{}{name}", self.prefix), (shape, values));
    }
}

fn encode(values: &[f32], element: Dtype) -> Vec<u8> {
    match element {
        Dtype::F16 => values
            .iter()
            .flat_map(|&x| f16::from_f32(x).to_le_bytes())
            .collect(),
        Dtype::BF16 => values
            .iter()
            .flat_map(|&x| bf16::from_f32(x).to_le_bytes())
            .collect(),
        Dtype::F64 => values
            .iter()
            .flat_map(|&x| f64::from(x).to_le_bytes())
            .collect(),
        _ => values.iter().flat_map(|&x| x.to_le_bytes()).collect(),
    }
}

/// Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (2014).
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
