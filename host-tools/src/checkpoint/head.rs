//! Which head a checkpoint carries, and its labels.

use std::path::Path;

use serde::Deserialize;

use super::{
    CheckpointError, Dense, FloatHead, Pooling,
    config::{Config, read_json, read_json_if_there},
    encoder::dense,
    tensors::Tensors,
};

/// A head chosen by the user rather than read off the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadChoice {
    SequenceClassification,
    TokenClassification,
    /// Normalized to length 1.
    Embedding(Pooling),
    /// Intents and slots.
    Joint,
    /// Answers to questions.
    Spans,
}

pub(super) struct Head {
    pub head: FloatHead,
    pub labels: Vec<String>,
    pub intents: Vec<String>,
    pub notes: Vec<String>,
}

/// The classifiers' tensors, without `.weight` and `.bias`.
pub(super) const CLASSIFIER: &str = "classifier";
pub(super) const INTENTS: &str = "intent_classifier";
pub(super) const SLOTS: &str = "slot_classifier";
pub(super) const SPANS: &str = "qa_outputs";

pub(super) fn read(
    folder: &Path,
    config: &Config,
    tensors: &Tensors,
    has_pooler: bool,
    choice: Option<HeadChoice>,
) -> Result<Head, CheckpointError> {
    let mut notes = Vec::new();
    let choice = match choice {
        Some(choice) => choice,
        None => match detect(folder, config, tensors, has_pooler, &mut notes)? {
            Detected::Choice(choice) => choice,
            Detected::SentenceTransformer { pooling, normalize } => {
                require_pooler(tensors, config, pooling == Pooling::Pooler, has_pooler)?;
                return Ok(Head {
                    head: FloatHead::Embedding { pooling, normalize },
                    labels: Vec::new(),
                    intents: Vec::new(),
                    notes,
                });
            }
        },
    };
    let needs_pooler = matches!(
        choice,
        HeadChoice::SequenceClassification
            | HeadChoice::Embedding(Pooling::Pooler)
            | HeadChoice::Joint
    );
    require_pooler(tensors, config, needs_pooler, has_pooler)?;

    let named = config.id2label.as_ref().map_or(2, |labels| labels.len());
    let classifier = |name, named| classifier(tensors, name, config.hidden, named);
    let head = match choice {
        HeadChoice::SequenceClassification => {
            let classifier = classifier(CLASSIFIER, named)?;
            // One output has nothing to be compared with: such models (cross-encoders) are
            // trained with a sigmoid.
            let multi_label = config.problem_type.as_deref() == Some("multi_label_classification")
                || classifier.outputs == 1;
            FloatHead::SequenceClassification {
                classifier,
                multi_label,
            }
        }
        HeadChoice::TokenClassification => FloatHead::TokenClassification {
            classifier: classifier(CLASSIFIER, named)?,
        },
        HeadChoice::Embedding(pooling) => FloatHead::Embedding {
            pooling,
            normalize: true,
        },
        HeadChoice::Joint => FloatHead::Joint {
            intents: classifier(INTENTS, config.intents.as_ref().map_or(2, Vec::len))?,
            slots: classifier(SLOTS, named)?,
        },
        HeadChoice::Spans => FloatHead::Spans {
            classifier: dense(tensors, SPANS, config.hidden, 2)?,
        },
    };
    let by_id = |id: usize| config.id2label.as_ref()?.get(&id).cloned();
    let count = config.id2label.as_ref().map_or(0, |labels| labels.len());
    let (labels, intents) = match &head {
        FloatHead::SequenceClassification { classifier, .. }
        | FloatHead::TokenClassification { classifier } => {
            let labels = labels("labels", count, by_id, classifier.outputs, &mut notes);
            (labels, Vec::new())
        }
        FloatHead::Joint { intents, slots } => {
            let names = config.intents.as_deref().unwrap_or_default();
            let by_index = |index: usize| names.get(index).cloned();
            (
                labels("labels", count, by_id, slots.outputs, &mut notes),
                labels(
                    "intents",
                    names.len(),
                    by_index,
                    intents.outputs,
                    &mut notes,
                ),
            )
        }
        FloatHead::Embedding { .. } | FloatHead::Spans { .. } => (Vec::new(), Vec::new()),
    };
    Ok(Head {
        head,
        labels,
        intents,
        notes,
    })
}

/// A classifier of as many outputs as its tensor has; of `named`, should it be missing. JointBERT's
/// are modules around a layer `linear`.
fn classifier(
    tensors: &Tensors,
    name: &str,
    hidden: usize,
    named: usize,
) -> Result<Dense, CheckpointError> {
    let inner = format!("{name}.linear");
    let name = match weight(tensors, &inner) {
        Some(_) => &inner,
        None => name,
    };
    let outputs = match weight(tensors, name) {
        Some([outputs, _]) => *outputs,
        _ => named,
    };
    dense(tensors, name, hidden, outputs)
}

/// The extents of a layer's weights.
fn weight<'t>(tensors: &'t Tensors, name: &str) -> Option<&'t [usize]> {
    tensors.shape(&format!("{name}.weight"))
}

enum Detected {
    Choice(HeadChoice),
    SentenceTransformer { pooling: Pooling, normalize: bool },
}

fn detect(
    folder: &Path,
    config: &Config,
    tensors: &Tensors,
    has_pooler: bool,
    notes: &mut Vec<String>,
) -> Result<Detected, CheckpointError> {
    if let Some(detected) = sentence_transformer(folder)? {
        return Ok(detected);
    }
    let architecture = config.architectures.first().map_or("", String::as_str);
    let unsupported = |what: &str| {
        CheckpointError::Unsupported {
        path: folder.join("config.json"),
        what: what.into(),
        advice: "choose another head with --head (mean, for one, embeds sentences with the encoder alone)".into(),
    }
    };
    let choice = match architecture {
        "BertForSequenceClassification" if config.problem_type.as_deref() == Some("regression") => {
            return Err(unsupported("problem_type \"regression\""));
        }
        "BertForSequenceClassification" => HeadChoice::SequenceClassification,
        "BertForTokenClassification" => HeadChoice::TokenClassification,
        "BertForQuestionAnswering" => HeadChoice::Spans,
        "BertForJointIntentSlots" | "JointBERT" => HeadChoice::Joint,
        "BertForMultipleChoice" | "BertForNextSentencePrediction" => {
            return Err(unsupported(&format!("the head of {architecture}")));
        }
        // BertForTokenClassification is the one that leaves the pooler out.
        _ if weight(tensors, CLASSIFIER).is_some() => {
            let (choice, what) = if has_pooler {
                (HeadChoice::SequenceClassification, "sequence")
            } else {
                (HeadChoice::TokenClassification, "token")
            };
            let pooler = if has_pooler { "a pooler" } else { "no pooler" };
            notes.push(format!(
                "config.json does not say what the classifier is for; with {pooler}, it is taken for {what} \
                 classification (choose with --head)"
            ));
            choice
        }
        _ => {
            notes.push(
                "nothing in the folder says how to make one embedding of the tokens; their mean is taken, normalized \
                 (choose with --head)"
                    .into(),
            );
            HeadChoice::Embedding(Pooling::Mean)
        }
    };
    Ok(Detected::Choice(choice))
}

fn require_pooler(
    tensors: &Tensors,
    config: &Config,
    needed: bool,
    has_pooler: bool,
) -> Result<(), CheckpointError> {
    if needed && !has_pooler {
        return Err(tensors.missing(
            "pooler.dense.weight",
            &[config.hidden, config.hidden],
            "this head stands on the pooler: choose another with --head, or save the whole model",
        ));
    }
    Ok(())
}

/// The classifier decides how many labels there are; `config.json` only names `count` of them.
fn labels(
    what: &str,
    count: usize,
    name: impl Fn(usize) -> Option<String>,
    outputs: usize,
    notes: &mut Vec<String>,
) -> Vec<String> {
    if count != outputs {
        notes.push(format!(
            "config.json names {count} {what}, the classifier has {outputs} outputs: those without a name are called \
             LABEL_n"
        ));
    }
    (0..outputs)
        .map(|index| name(index).unwrap_or_else(|| format!("LABEL_{index}")))
        .collect()
}

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `1_Pooling/config.json`; releases since 2025 may give the mode as one word.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode: Option<String>,
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

/// Reads the modules of a sentence-transformers folder, if it is one.
fn sentence_transformer(folder: &Path) -> Result<Option<Detected>, CheckpointError> {
    let path = folder.join("modules.json");
    if !path.exists() {
        return Ok(None);
    }
    let modules: Vec<Module> = read_json(&path)?;
    let mut pooling = Pooling::Mean;
    let mut normalize = false;
    for module in &modules {
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => {}
            "Pooling" => pooling = read_pooling(&folder.join(&module.path).join("config.json"))?,
            "Normalize" => normalize = true,
            other => {
                return Err(CheckpointError::Unsupported {
                    path,
                    what: format!("the module {other}"),
                    advice:
                        "only Transformer, Pooling and Normalize are; --head ignores modules.json"
                            .into(),
                });
            }
        }
    }
    Ok(Some(Detected::SentenceTransformer { pooling, normalize }))
}

fn read_pooling(path: &Path) -> Result<Pooling, CheckpointError> {
    let config: PoolingConfig = read_json_if_there(path)?;
    let flags = [
        (config.pooling_mode_cls_token, "cls"),
        (config.pooling_mode_mean_tokens, "mean"),
        (config.pooling_mode_max_tokens, "max"),
        (
            config.pooling_mode_mean_sqrt_len_tokens,
            "mean_sqrt_len_tokens",
        ),
        (config.pooling_mode_weightedmean_tokens, "weightedmean"),
        (config.pooling_mode_lasttoken, "lasttoken"),
    ];
    let mut modes: Vec<&str> = flags
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| *name)
        .collect();
    if modes.is_empty() {
        modes.push(config.pooling_mode.as_deref().unwrap_or("mean"));
    }
    match modes.as_slice() {
        ["mean"] => Ok(Pooling::Mean),
        ["cls"] => Ok(Pooling::Cls),
        other => Err(CheckpointError::Unsupported {
            path: path.into(),
            what: format!("pooling by {}", other.join(" and ")),
            advice: "only mean and cls are; --head chooses one".into(),
        }),
    }
}
