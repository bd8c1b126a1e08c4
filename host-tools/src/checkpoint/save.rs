//! Writes a checkpoint as the folder that Hugging Face would write.

use std::{collections::BTreeMap, fs, path::Path};

use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

use super::{
    Activation, Checkpoint, CheckpointError, Dense, FloatHead, LanguageModeling, LayerNorm,
    Pooling, TokenizerSpec, config::TAG_SCHEME, encoder::WORD_PROJECTION, head, language,
    tokenizer::MAX_INPUT_CHARS_PER_WORD,
};
use crate::files;

impl Checkpoint {
    /// Writes `config.json`, `model.safetensors`, `vocab.txt` and `tokenizer_config.json` into the
    /// folder, which is made if it is not there; each file whole or not at all.
    ///
    /// # Errors
    /// When a file cannot be written, or the tokenizer has settings that these files cannot say.
    pub fn save(&self, folder: &Path) -> Result<(), CheckpointError> {
        let prefix = match &self.head {
            FloatHead::Embedding { .. } => "",
            _ => "bert.",
        };
        self.save_files(folder, self.config(), self.tensors(prefix))?;
        if let FloatHead::Embedding { pooling, normalize } = &self.head {
            self.save_pooling(folder, *pooling, *normalize)?;
        }
        Ok(())
    }

    /// Writes the same files with the heads of pre-training instead of the model's own: what Hugging
    /// Face calls `BertForPreTraining`.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn save_pretrained(
        &self,
        folder: &Path,
        heads: &LanguageModeling,
    ) -> Result<(), CheckpointError> {
        let mut config = self.config();
        config["architectures"] = json!(["BertForPreTraining"]);
        let mut tensors = self.tensors("bert.");
        tensors.dense(language::TRANSFORM, &heads.transform);
        tensors.norm(language::NORM, &heads.norm);
        tensors.add(language::BIAS.into(), vec![heads.bias.len()], &heads.bias);
        tensors.dense(language::NEXT, &heads.next);
        self.save_files(folder, config, tensors)
    }

    fn save_files(
        &self,
        folder: &Path,
        config: Value,
        tensors: Tensors,
    ) -> Result<(), CheckpointError> {
        let unsupported = |what: &str| CheckpointError::Unsupported {
            path: folder.into(),
            what: what.into(),
            advice: "a vocab.txt cannot say so: keep the tokenizer.json it came from".into(),
        };
        let spec = &self.tokenizer;
        if !spec.clean_text {
            return Err(unsupported("a tokenizer that keeps control characters"));
        }
        if spec.max_input_chars_per_word != MAX_INPUT_CHARS_PER_WORD {
            return Err(unsupported("another longest word than 100 characters"));
        }
        let vocabulary: String = spec
            .pieces
            .iter()
            .map(|piece| piece.clone() + "\n")
            .collect();
        let files = [
            ("config.json", pretty(&config)),
            ("model.safetensors", tensors.into_bytes()),
            ("vocab.txt", vocabulary.into_bytes()),
            ("tokenizer_config.json", pretty(&tokenizer_config(spec))),
        ];
        let written = fs::create_dir_all(folder).map_err(|source| (folder.to_owned(), source));
        let written = files.iter().fold(written, |done, (name, bytes)| {
            let path = folder.join(name);
            done.and_then(|()| files::write(&path, bytes).map_err(|source| (path, source)))
        });
        written.map_err(|(path, source)| CheckpointError::Write { path, source })
    }

    /// The module list of sentence-transformers.
    fn save_pooling(
        &self,
        folder: &Path,
        pooling: Pooling,
        normalize: bool,
    ) -> Result<(), CheckpointError> {
        if pooling == Pooling::Pooler {
            // Not a module of theirs: chosen when it is read.
            return Ok(());
        }
        let module = |index: usize, name: &str, path: &str| {
            let kind = format!("sentence_transformers.models.{name}");
            json!({"idx": index, "name": index.to_string(), "path": path, "type": kind})
        };
        let mut modules = vec![
            module(0, "Transformer", ""),
            module(1, "Pooling", "1_Pooling"),
        ];
        if normalize {
            modules.push(module(2, "Normalize", "2_Normalize"));
        }
        let config = json!({
            "word_embedding_dimension": self.model.hidden,
            "pooling_mode_cls_token": pooling == Pooling::Cls,
            "pooling_mode_mean_tokens": pooling == Pooling::Mean,
        });
        let path = folder.join("1_Pooling");
        fs::create_dir_all(&path)
            .and_then(|()| files::write(&path.join("config.json"), &pretty(&config)))
            .and_then(|()| files::write(&folder.join("modules.json"), &pretty(&json!(modules))))
            .map_err(|source| CheckpointError::Write { path, source })
    }

    fn config(&self) -> Value {
        let model = &self.model;
        let architecture = match &self.head {
            FloatHead::SequenceClassification { .. } => "BertForSequenceClassification",
            FloatHead::TokenClassification { .. } => "BertForTokenClassification",
            FloatHead::Embedding { .. } => "BertModel",
            FloatHead::Joint { .. } => "BertForJointIntentSlots",
            FloatHead::Spans { .. } => "BertForQuestionAnswering",
        };
        let activation = match model.activation {
            Activation::GeluErf => "gelu",
            Activation::GeluTanh => "gelu_new",
            Activation::Relu => "relu",
        };
        let mut config = json!({
            "model_type": "bert",
            "architectures": [architecture],
            "vocab_size": model.vocabulary(),
            "hidden_size": model.hidden,
            "num_hidden_layers": model.layers.len(),
            "num_attention_heads": model.heads,
            "intermediate_size": model.intermediate,
            "hidden_act": activation,
            "max_position_embeddings": model.positions(),
            "type_vocab_size": model.segments(),
            "layer_norm_eps": model.embedding_norm.epsilon,
        });
        if let Some(projection) = &model.word_projection {
            config["embedding_size"] = projection.inputs.into();
        }
        if let FloatHead::SequenceClassification { multi_label, .. } = &self.head {
            config["problem_type"] = match multi_label {
                true => "multi_label_classification".into(),
                false => "single_label_classification".into(),
            };
        }
        if self.iob2 {
            config["tag_scheme"] = TAG_SCHEME.into();
        }
        if !self.intents.is_empty() {
            config["intents"] = json!(self.intents);
        }
        if !self.labels.is_empty() {
            let numbered = || self.labels.iter().enumerate();
            let by_id: BTreeMap<String, &String> = numbered()
                .map(|(id, name)| (id.to_string(), name))
                .collect();
            let by_name: BTreeMap<&String, usize> =
                numbered().map(|(id, name)| (name, id)).collect();
            config["id2label"] = json!(by_id);
            config["label2id"] = json!(by_name);
        }
        config
    }

    /// All tensors; those of the encoder have names that begin with the prefix.
    fn tensors(&self, prefix: &str) -> Tensors {
        let model = &self.model;
        let mut tensors = Tensors::default();
        let embeddings = format!("{prefix}embeddings");
        tensors.table(
            &format!("{embeddings}.word_embeddings"),
            &model.word_embeddings,
            model.word_width(),
        );
        if let Some(projection) = &model.word_projection {
            tensors.dense(&format!("{prefix}{WORD_PROJECTION}"), projection);
        }
        for (name, table) in [
            ("position_embeddings", &model.position_embeddings),
            ("token_type_embeddings", &model.segment_embeddings),
        ] {
            tensors.table(&format!("{embeddings}.{name}"), table, model.hidden);
        }
        tensors.norm(&format!("{embeddings}.LayerNorm"), &model.embedding_norm);
        for (index, layer) in model.layers.iter().enumerate() {
            let name = |part: &str| format!("{prefix}encoder.layer.{index}.{part}");
            tensors.dense(&name("attention.self.query"), &layer.query);
            tensors.dense(&name("attention.self.key"), &layer.key);
            tensors.dense(&name("attention.self.value"), &layer.value);
            tensors.dense(&name("attention.output.dense"), &layer.attention_output);
            tensors.norm(&name("attention.output.LayerNorm"), &layer.attention_norm);
            tensors.dense(&name("intermediate.dense"), &layer.intermediate);
            tensors.dense(&name("output.dense"), &layer.output);
            tensors.norm(&name("output.LayerNorm"), &layer.output_norm);
        }
        if let Some(pooler) = &model.pooler {
            tensors.dense(&format!("{prefix}pooler.dense"), pooler);
        }
        match &self.head {
            FloatHead::SequenceClassification { classifier, .. }
            | FloatHead::TokenClassification { classifier } => {
                tensors.dense(head::CLASSIFIER, classifier);
            }
            FloatHead::Embedding { .. } => {}
            FloatHead::Joint { intents, slots } => {
                tensors.dense(head::INTENTS, intents);
                tensors.dense(head::SLOTS, slots);
            }
            FloatHead::Spans { classifier } => tensors.dense(head::SPANS, classifier),
        }
        tensors
    }
}

/// Tensors by name, in bytes.
#[derive(Default)]
struct Tensors(Vec<(String, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn add(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.0.push((name, shape, bytes));
    }

    fn table(&mut self, name: &str, values: &[f32], width: usize) {
        let shape = vec![values.len() / width, width];
        self.add(format!("{name}.weight"), shape, values);
    }

    fn dense(&mut self, name: &str, dense: &Dense) {
        let shape = vec![dense.outputs, dense.inputs];
        self.add(format!("{name}.weight"), shape, &dense.weight);
        self.add(format!("{name}.bias"), vec![dense.outputs], &dense.bias);
    }

    fn norm(&mut self, name: &str, norm: &LayerNorm) {
        self.add(
            format!("{name}.weight"),
            vec![norm.gamma.len()],
            &norm.gamma,
        );
        self.add(format!("{name}.bias"), vec![norm.beta.len()], &norm.beta);
    }

    fn into_bytes(self) -> Vec<u8> {
        let views = self.0.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (name, view.expect("as many bytes as the shape says"))
        });
        // Transformers asks for the framework that wrote it.
        let metadata = Some([("format".to_owned(), "pt".to_owned())].into());
        safetensors::serialize(views, metadata).expect("views of whole tensors")
    }
}

fn tokenizer_config(spec: &TokenizerSpec) -> Value {
    let piece = |id: u32| spec.pieces[id as usize].clone();
    let special = [
        Some(spec.unk),
        Some(spec.cls),
        Some(spec.sep),
        spec.pad,
        spec.mask,
    ];
    let added: BTreeMap<String, Value> = spec
        .added_tokens
        .iter()
        .map(|token| {
            let special = special.contains(&Some(token.id));
            let value = json!({
                "content": token.text,
                "lstrip": false, "rstrip": false, "single_word": false, "normalized": false,
                "special": special,
            });
            (token.id.to_string(), value)
        })
        .collect();
    json!({
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": spec.lowercase,
        "strip_accents": spec.strip_accents,
        "tokenize_chinese_chars": spec.handle_chinese_chars,
        "unk_token": piece(spec.unk),
        "cls_token": piece(spec.cls),
        "sep_token": piece(spec.sep),
        "pad_token": spec.pad.map(piece),
        "mask_token": spec.mask.map(piece),
        "added_tokens_decoder": added,
    })
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("names and numbers");
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::HeadChoice;
    use crate::transform::factorize::factorize;
    use embert_tests::tiny::{self, Flavour};

    #[test]
    fn what_is_saved_is_read_again() -> anyhow::Result<()> {
        for (index, tiny) in tiny::ALL.iter().enumerate() {
            let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
            tiny.write(first.path(), Flavour::usual(tiny))?;
            let mut checkpoint = Checkpoint::open(first.path(), None)?;
            if index == 1 {
                factorize(&mut checkpoint, 7, &[])?;
            }
            let folder = second.path().join("new");
            checkpoint.save(&folder)?;
            let again = Checkpoint::open(&folder, None)?;
            assert_eq!(again.model, checkpoint.model, "{}", tiny.name);
            assert_eq!(again.head, checkpoint.head);
            assert_eq!(again.labels, checkpoint.labels);
            assert_eq!(again.intents, checkpoint.intents);
            assert_eq!(again.iob2, checkpoint.iob2);
            assert_eq!(again.iob2, !again.intents.is_empty());
            assert_eq!(again.tokenizer, checkpoint.tokenizer);
        }
        Ok(())
    }

    #[test]
    fn heads_of_pretraining_are_read_again() -> anyhow::Result<()> {
        let (first, second) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let tiny = &tiny::SEQUENCE;
        tiny.write(first.path(), Flavour::usual(tiny))?;
        let choice = HeadChoice::Embedding(Pooling::Mean);
        let checkpoint = Checkpoint::open(first.path(), Some(choice))?;
        let model = &checkpoint.model;
        assert_eq!(LanguageModeling::open(first.path(), model)?, None);
        let dense = |outputs: usize| Dense {
            weight: (0..outputs * model.hidden).map(|i| i as f32).collect(),
            bias: (0..outputs).map(|i| -(i as f32)).collect(),
            inputs: model.hidden,
            outputs,
        };
        let heads = LanguageModeling {
            transform: dense(model.hidden),
            norm: model.embedding_norm.clone(),
            bias: (0..model.vocabulary()).map(|i| 0.5 * i as f32).collect(),
            next: dense(2),
        };
        checkpoint.save_pretrained(second.path(), &heads)?;
        let again = Checkpoint::open(second.path(), Some(choice))?;
        assert_eq!(again.model, checkpoint.model);
        assert_eq!(LanguageModeling::open(second.path(), model)?, Some(heads));
        Ok(())
    }
}
