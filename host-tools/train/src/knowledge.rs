//! What a teacher says of texts. To ask it takes longer than to teach a small student, so it is asked
//! once, and what it says can be kept in a file.

use crate::classifier::Classifier;
use crate::example::Example;
use crate::imitation::Inner;
use crate::predict::each;
use embert_tools::files;
use half::f16;
use half::slice::HalfFloatSliceExt;
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

/// Asks a teacher about examples, and for what is within it, if that is wanted. `done` is called with
/// the number of examples it has just read.
pub fn ask(
    teacher: &Classifier,
    examples: &[Example],
    within: bool,
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
    each(teacher, examples, within, read, done)
}

/// A file of it begins so; the teacher, the examples and what was wanted follow, as a checksum.
const MAGIC: [u8; 8] = *b"embertK1";

/// Knowledge in a file: that of one teacher about some examples.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    pub path: &'a Path,
    pub teacher: &'a Classifier,
    pub examples: &'a [Example],
    /// Whether what is within is part of it.
    pub within: bool,
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
        let all = sizes.map(|[text, words, states, qkv]| Knowledge {
            text: take(text),
            words: take(words),
            inner: self.within.then(|| Inner {
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
        checksum.update(&[u8::from(self.within)]);
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
        let states = match self.within {
            true => example.ids.len() * encoder.config.hidden,
            false => 0,
        };
        [
            labels[0],
            example.words.len() * labels[1],
            states,
            3 * states,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Word;
    use crate::model::Config;
    use embert_tools::checkpoint::Activation;

    #[test]
    fn what_is_kept_is_that_of_a_teacher_and_its_texts() -> io::Result<()> {
        let config = Config {
            vocabulary: 20,
            positions: 8,
            hidden: 6,
            layers: 1,
            heads: 2,
            intermediate: 8,
            rank: None,
            segments: 2,
            activation: Activation::GeluErf,
            epsilon: 1e-12,
        };
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
        for within in [false, true] {
            let kept = Kept {
                path: &path,
                teacher: &teacher,
                examples: &examples,
                within,
            };
            assert_eq!(kept.read()?, None, "of another question, if any");
            let known = ask(&teacher, &examples, within, |_| {});
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
}
