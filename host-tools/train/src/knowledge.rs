//! What a teacher says of texts. To ask it takes longer than to teach a small student, so it is asked
//! once, and what it says can be kept in a file.

use crate::classifier::Classifier;
use crate::engine::{self, Opinion};
use crate::example::Example;
use crate::imitation::Inner;
use crate::predict::each;
use embert::blob::flags;
use embert::{Model, RunError, TokenLabel};
use embert_tools::files;
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What a teacher says of an example: logits of the text, and of each of its words. Its pieces may be
/// others than the student's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    /// `[labels]`, empty where texts have none.
    pub text: Vec<f16>,
    /// `[words x labels]`; zeros for words it does not see.
    pub words: Vec<f16>,
    /// What is within it, where it cuts the example into the same pieces as the student.
    pub inner: Option<Inner>,
}

/// How a teacher is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// For its logits.
    Logits,
    /// For its logits and last hidden states.
    States,
    /// For these and the queries, keys and values of its last layer.
    Within,
    /// The teacher's blob is, by the integer engine: several times as fast.
    Blob,
}

impl Asking {
    /// Whether it is for last hidden states, and for queries, keys and values.
    pub(crate) fn within(self) -> [bool; 2] {
        match self {
            Asking::Logits | Asking::Blob => [false, false],
            Asking::States => [true, false],
            Asking::Within => [true, true],
        }
    }
}

/// Asks the blob of a teacher as [`ask`] asks the teacher. Of words a blob tells a label and its
/// probability: the others have equal shares of the rest.
///
/// # Errors
/// When a text cannot be read.
pub fn ask_blob(
    blob: &Model<'_>,
    examples: &[Example],
    done: impl Fn(usize) + Sync,
) -> Result<Vec<Knowledge>, RunError> {
    let several = blob.header().flag(flags::MULTI_LABEL);
    let tags = blob.shape().token_outputs();
    let known = |opinion: Opinion| Knowledge {
        text: opinion.text.iter().map(|&p| logit(p, several)).collect(),
        words: opinion
            .words
            .into_iter()
            .flat_map(|word| logits(word, tags))
            .collect(),
        inner: None,
    };
    let of_some = |some: &[Example]| {
        let opinions = engine::opinions(blob, some)?;
        done(some.len());
        Ok(opinions.into_iter().map(known).collect())
    };
    let known: Result<Vec<Vec<Knowledge>>, RunError> =
        examples.par_chunks(64).map(of_some).collect();
    Ok(known?.into_iter().flatten().collect())
}

/// What makes a probability: of a label among others, or of one by itself.
fn logit(probability: f32, alone: bool) -> f16 {
    let p = probability.clamp(1e-6, 1.0 - 1e-6);
    f16::from_f32(match alone {
        true => (p / (1.0 - p)).ln(),
        false => p.ln(),
    })
}

/// What makes the probabilities of a word's labels.
fn logits(word: Option<TokenLabel>, labels: usize) -> Vec<f16> {
    let Some(word) = word else {
        return vec![f16::ZERO; labels];
    };
    let rest = (1.0 - word.score) / labels.saturating_sub(1).max(1) as f32;
    let of = |label| match label == word.label as usize {
        true => logit(word.score, false),
        false => logit(rest, false),
    };
    (0..labels).map(of).collect()
}

/// Asks a teacher, but not its blob, about examples. `done` is called with the number of examples it
/// has just read.
pub fn ask(
    teacher: &Classifier,
    examples: &[Example],
    asking: Asking,
    done: impl Fn(usize) + Sync,
) -> Vec<Knowledge> {
    let labels = teacher.head.tokens.as_ref().map_or(0, |head| head.outputs);
    let read = |example: &Example, text: &[f32], tokens: &[f32], inner| {
        let mut words = vec![f16::ZERO; example.words.len() * labels];
        let rows = words.chunks_exact_mut(labels.max(1));
        for (row, word) in rows.zip(&example.words) {
            if let Some(token) = word.token {
                row.convert_from_f32_slice(&tokens[token * labels..][..labels]);
            }
        }
        Knowledge {
            text: text.iter().map(|&logit| f16::from_f32(logit)).collect(),
            words,
            inner,
        }
    };
    each(teacher, examples, asking, read, done)
}

/// A file of it begins so; the teacher, the examples and what was wanted follow, as a checksum.
const MAGIC: [u8; 8] = *b"embertK1";

/// Knowledge in a file: that of one teacher about some examples.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    pub path: &'a Path,
    pub teacher: &'a Classifier,
    pub examples: &'a [Example],
    pub asking: Asking,
}

impl Kept<'_> {
    /// What the file says, unless there is none, or it is of another teacher or other examples.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub fn read(&self) -> io::Result<Option<Vec<Knowledge>>> {
        let bytes = match fs::read(self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let Some(rest) = bytes.strip_prefix(&self.head()[..]) else {
            return Ok(None);
        };
        let sizes = self.examples.iter().map(|example| self.sizes(example));
        let wanted: usize = sizes.clone().flatten().sum();
        if rest.len() != 2 * wanted {
            return Ok(None);
        }
        let halves = rest.chunks_exact(2);
        let mut halves = halves.map(|half| f16::from_le_bytes([half[0], half[1]]));
        let mut take = |count| halves.by_ref().take(count).collect::<Vec<f16>>();
        let [within, _] = self.asking.within();
        let all = sizes.map(|[text, words, states, qkv]| Knowledge {
            text: take(text),
            words: take(words),
            inner: within.then(|| Inner {
                states: take(states),
                qkv: take(qkv),
            }),
        });
        Ok(Some(all.collect()))
    }

    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, knowledge: &[Knowledge]) -> io::Result<()> {
        files::write_with(self.path, |file| {
            let mut out = BufWriter::new(file);
            out.write_all(&self.head())?;
            for known in knowledge {
                let inner = known.inner.as_ref();
                let within = inner.map(|inner| [&inner.states, &inner.qkv]);
                let parts = [&known.text, &known.words].into_iter();
                for part in parts.chain(within.into_iter().flatten()) {
                    for half in part {
                        out.write_all(&half.to_le_bytes())?;
                    }
                }
            }
            out.flush()
        })
    }

    fn head(&self) -> [u8; 12] {
        let mut checksum = crc32fast::Hasher::new();
        for value in &self.teacher.parameters.values {
            checksum.update(&value.to_le_bytes());
        }
        checksum.update(&[self.asking as u8]);
        for example in self.examples {
            checksum.update(&(example.words.len() as u64).to_le_bytes());
            for id in &example.ids {
                checksum.update(&id.to_le_bytes());
            }
        }
        let mut head = [0; 12];
        head[..8].copy_from_slice(&MAGIC);
        head[8..].copy_from_slice(&checksum.finalize().to_le_bytes());
        head
    }

    /// Numbers of each part of what is known of an example.
    fn sizes(&self, example: &Example) -> [usize; 4] {
        let Classifier { head, encoder, .. } = self.teacher;
        let labels = [&head.sequence, &head.tokens].map(|h| h.as_ref().map_or(0, |h| h.outputs));
        let row = example.ids.len() * encoder.config.hidden;
        let [states, qkv] = self.asking.within().map(usize::from);
        [
            labels[0],
            example.words.len() * labels[1],
            states * row,
            qkv * 3 * row,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Word;
    use crate::finetune::{self, Rows};
    use crate::model::Config;
    use embert_tests::tiny::{self, Flavour};
    use embert_tools::blob::AlignedBytes;
    use embert_tools::checkpoint::Checkpoint;
    use embert_tools::quantize::{Options, quantize};

    #[test]
    fn what_is_kept_is_that_of_a_teacher_and_its_texts() -> io::Result<()> {
        let config = Config::least(1);
        let teacher = Classifier::new(config.clone(), [3, 5], 1);
        let word = |token| Word {
            tag: None,
            place: 0..1,
            token,
        };
        let example = |ids: &[u32]| Example {
            ids: ids.to_vec(),
            segment_b: ids.len(),
            words: vec![word(Some(1)), word(None)],
            ..Example::default()
        };
        let examples = [example(&[2, 7, 3]), example(&[2, 9, 8, 3])];
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("knowledge");
        for asking in [Asking::Logits, Asking::States, Asking::Within] {
            let kept = Kept {
                path: &path,
                teacher: &teacher,
                examples: &examples,
                asking,
            };
            assert_eq!(kept.read()?, None, "of another question, if any");
            let known = ask(&teacher, &examples, asking, |_| {});
            assert!(known[0].words[..5].iter().any(|logit| *logit != f16::ZERO));
            assert_eq!(known[0].words[5..], [f16::ZERO; 5]);
            kept.write(&known)?;
            assert_eq!(kept.read()?, Some(known));

            let other = Classifier::new(config.clone(), [3, 5], 2);
            let others = [examples[1].clone(), examples[0].clone()];
            let of_other = Kept {
                teacher: &other,
                ..kept
            };
            assert_eq!(of_other.read()?, None);
            let of_others = Kept {
                examples: &others,
                ..kept
            };
            assert_eq!(of_others.read()?, None);
            let half = fs::read(&path)?;
            fs::write(&path, &half[..half.len() - 1])?;
            assert_eq!(kept.read()?, None);
        }
        Ok(())
    }

    /// What makes up a row of probabilities.
    fn softmax(logits: &[f16]) -> Vec<f32> {
        let exp: Vec<f32> = logits.iter().map(|logit| logit.to_f32().exp()).collect();
        let sum: f32 = exp.iter().sum();
        exp.iter().map(|e| e / sum).collect()
    }

    #[test]
    fn a_blob_says_what_its_teacher_says() {
        let (folder, tiny) = (tempfile::tempdir().unwrap(), &tiny::JOINT);
        tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
        let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
        let (teacher, labels) = finetune::teacher(&checkpoint).unwrap();
        let texts = ["the cat sat on a mat", "play it again", "a b c d e f g"];
        let rows = Rows::Words(Vec::new()).with(&texts.map(str::to_owned));
        let examples = finetune::examples(&checkpoint, &labels, rows, 32).unwrap();
        let blob = quantize(&checkpoint, &Options::default(), |_| {}).unwrap();
        let blob = AlignedBytes::copy(&blob);
        let blob = Model::parse(&blob).unwrap();
        let said = ask(&teacher, &examples, Asking::Logits, |_| {});
        let by_blob = ask_blob(&blob, &examples, |_| {}).unwrap();
        let tags = labels.tags.len();
        let largest = |row: &[f32]| row.iter().copied().fold(0.0, f32::max);
        for (said, by_blob) in said.iter().zip(&by_blob) {
            let both = [said, by_blob].map(|known| softmax(&known.text));
            for (said, by_blob) in both[0].iter().zip(&both[1]) {
                assert!((said - by_blob).abs() < 0.05, "{both:?}");
            }
            assert_eq!(said.words.len(), by_blob.words.len());
            let rows = said.words.chunks(tags).zip(by_blob.words.chunks(tags));
            for (said, by_blob) in rows.map(|(a, b)| (softmax(a), softmax(b))) {
                let certain = largest(&said) - largest(&by_blob);
                assert!(certain.abs() < 0.1, "{said:?}, {by_blob:?}");
            }
        }
    }

    #[test]
    fn what_is_not_seen_is_nothing() {
        assert_eq!(logits(None, 3), [f16::ZERO; 3]);
        let word = TokenLabel {
            label: 1,
            score: 0.5,
        };
        let shares = softmax(&logits(Some(word), 3));
        for (share, expected) in shares.iter().zip([0.25, 0.5, 0.25]) {
            assert!((share - expected).abs() < 1e-3, "{shares:?}");
        }
        let even = f32::from(logit(0.5, true));
        assert!(even.abs() < 1e-3, "{even}");
    }
}
