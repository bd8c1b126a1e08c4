//! Teacher outputs in a file. Computing them takes longer than training a small student, and they
//! are larger than memory for a large teacher, so they are written once and mapped.

use super::{SoftTargets, TeacherFeatures, TeacherOutputs};
use crate::example::Example;
use crate::model::classifier::Classifier;
use embert_tools::files;
use embert_tools::mapped::MappedFile;
use half::f16;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The file's first bytes; a checksum of teacher, examples and outputs follows.
const MAGIC: [u8; 8] = *b"embertK1";

/// Bytes before the first record.
const HEADER: usize = MAGIC.len() + 4;

/// Examples whose outputs are in memory at a time.
const CHUNK: usize = 1024;

/// What the file holds: the outputs of one teacher for some examples, in their order.
#[derive(Clone, Copy, Debug)]
pub struct TeacherCache<'a> {
    pub teacher: &'a Classifier,
    pub examples: &'a [Example],
    pub outputs: TeacherOutputs,
}

/// Teacher outputs in a mapped file. Only the pages of the records in use are in memory.
#[derive(Debug)]
pub struct CachedTargets {
    file: MappedFile,
    /// The first byte of each record, and the numbers in each of its parts.
    records: Vec<(usize, [usize; 4])>,
    /// Whether the records have hidden states.
    has_features: bool,
    /// Examples that teacher and student tokenize differently: their features are of other tokens.
    without_features: Vec<bool>,
}

impl TeacherCache<'_> {
    /// The outputs in `path`; `None` if there is no such file, or it is of another teacher, of other
    /// examples or outputs, or truncated.
    ///
    /// # Errors
    /// When there is a file that cannot be read.
    pub fn open(&self, path: &Path) -> io::Result<Option<CachedTargets>> {
        match MappedFile::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => Ok(self.records(file?)),
        }
    }

    /// Computes the outputs some examples at a time with `predict` and writes them to `path`, or to a
    /// temporary file that goes with the value.
    ///
    /// # Errors
    /// Those of `predict`, and those of writing the file; an old file is then still there.
    pub fn compute(
        &self,
        path: Option<&Path>,
        mut predict: impl FnMut(&[Example]) -> io::Result<Vec<SoftTargets>>,
    ) -> io::Result<CachedTargets> {
        let mut write = |file: &mut std::fs::File| {
            let mut out = BufWriter::new(file);
            out.write_all(&self.header())?;
            for some in self.examples.chunks(CHUNK) {
                for targets in predict(some)? {
                    write_record(&targets, &mut out)?;
                }
            }
            out.flush()
        };
        let file = match path {
            Some(path) => {
                files::write_with(path, write)?;
                MappedFile::open(path)?
            }
            None => {
                let mut file = tempfile::tempfile()?;
                write(&mut file)?;
                MappedFile::of(&file)?
            }
        };
        self.records(file)
            .ok_or_else(|| io::Error::other("the teacher's outputs were not written whole"))
    }

    fn records(&self, file: MappedFile) -> Option<CachedTargets> {
        if file.get(..HEADER)? != self.header() {
            return None;
        }
        let (mut records, mut end) = (Vec::with_capacity(self.examples.len()), HEADER);
        for example in self.examples {
            let sizes = self.sizes(example);
            records.push((end, sizes));
            end += 2 * sizes.iter().sum::<usize>();
        }
        (file.len() == end).then(|| CachedTargets {
            file,
            without_features: vec![false; records.len()],
            records,
            has_features: self.outputs.features()[0],
        })
    }

    fn header(&self) -> [u8; HEADER] {
        let mut checksum = crc32fast::Hasher::new();
        for value in &self.teacher.parameters.values {
            checksum.update(&value.to_le_bytes());
        }
        checksum.update(&[self.outputs as u8]);
        for example in self.examples {
            checksum.update(&(example.words.len() as u64).to_le_bytes());
            for id in &example.ids {
                checksum.update(&id.to_le_bytes());
            }
        }
        let mut header = [0; HEADER];
        header[..MAGIC.len()].copy_from_slice(&MAGIC);
        header[MAGIC.len()..].copy_from_slice(&checksum.finalize().to_le_bytes());
        header
    }

    /// The numbers in each part of an example's record: logits of the text and of words, hidden
    /// states, and queries, keys and values.
    fn sizes(&self, example: &Example) -> [usize; 4] {
        let Classifier { head, encoder, .. } = self.teacher;
        let labels = [&head.sequence, &head.tokens].map(|h| h.as_ref().map_or(0, |h| h.outputs));
        let row = example.ids.len() * encoder.config.hidden;
        let [states, qkv] = self.outputs.features().map(usize::from);
        [
            labels[0],
            example.words.len() * labels[1],
            states * row,
            qkv * 3 * row,
        ]
    }
}

fn write_record(targets: &SoftTargets, out: &mut impl Write) -> io::Result<()> {
    let features = targets.features.as_ref();
    let features = features.map(|features| [&features.states, &features.qkv]);
    let logits = [&targets.text, &targets.words].into_iter();
    for part in logits.chain(features.into_iter().flatten()) {
        for half in part {
            out.write_all(&half.to_le_bytes())?;
        }
    }
    Ok(())
}

impl CachedTargets {
    /// The outputs for the example with this index.
    ///
    /// # Panics
    /// When there is no such example.
    pub fn get(&self, index: usize) -> SoftTargets {
        let (start, sizes) = self.records[index];
        let mut rest = &self.file[start..];
        let mut take = |count: usize| {
            let (part, next) = rest.split_at(2 * count);
            rest = next;
            let halves = part.chunks_exact(2);
            halves
                .map(|half| f16::from_le_bytes([half[0], half[1]]))
                .collect::<Vec<f16>>()
        };
        let [text, words, states, qkv] = sizes;
        let has_features = self.has_features && !self.without_features[index];
        SoftTargets {
            text: take(text),
            words: take(words),
            features: has_features.then(|| TeacherFeatures {
                states: take(states),
                qkv: take(qkv),
            }),
        }
    }

    /// Leaves the features out of the outputs for an example.
    pub fn drop_features(&mut self, index: usize) {
        self.without_features[index] = true;
    }

    /// CRC-32 of the file: of the teacher, the examples and all outputs.
    pub fn checksum(&self) -> u32 {
        crc32fast::hash(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Word;
    use crate::model::Config;
    use crate::teacher::float::predict_soft_targets;
    use std::fs;

    fn example(ids: &[u32]) -> Example {
        let word = |token| Word {
            tag: None,
            place: 0..1,
            token,
        };
        Example {
            ids: ids.to_vec(),
            segment_b: ids.len(),
            words: vec![word(Some(1)), word(None)],
            ..Example::default()
        }
    }

    #[test]
    fn outputs_are_read_back_in_any_order_with_the_same_bits() -> io::Result<()> {
        let teacher = Classifier::new(Config::least(1), [3, 5], 1);
        let examples: Vec<Example> = (0..36)
            .map(|id| example(&[2, id % 20, id % 7 + 3, 3]))
            .collect();
        for outputs in [
            TeacherOutputs::Logits,
            TeacherOutputs::HiddenStates,
            TeacherOutputs::HiddenStatesAndQkv,
        ] {
            let cache = TeacherCache {
                teacher: &teacher,
                examples: &examples,
                outputs,
            };
            let all = predict_soft_targets(&teacher, &examples, outputs, |_| {});
            let mut cached = cache.compute(None, |some| {
                Ok(predict_soft_targets(&teacher, some, outputs, |_| {}))
            })?;
            for index in (0..examples.len()).map(|index| index * 23 % examples.len()) {
                assert_eq!(cached.get(index), all[index], "{outputs:?} {index}");
            }
            cached.drop_features(3);
            assert_eq!(cached.get(3).features, None);
            assert_eq!(cached.get(3).text, all[3].text);
        }
        Ok(())
    }

    #[test]
    fn a_file_of_another_teacher_or_other_texts_or_truncated_is_not_used() -> io::Result<()> {
        let config = Config::least(1);
        let teacher = Classifier::new(config.clone(), [3, 5], 1);
        let examples = [example(&[2, 7, 3]), example(&[2, 9, 8, 3])];
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("outputs");
        for outputs in [
            TeacherOutputs::Logits,
            TeacherOutputs::HiddenStates,
            TeacherOutputs::HiddenStatesAndQkv,
        ] {
            let cache = TeacherCache {
                teacher: &teacher,
                examples: &examples,
                outputs,
            };
            assert!(cache.open(&path)?.is_none(), "no file, or other outputs");
            let computed = cache.compute(Some(&path), |some| {
                Ok(predict_soft_targets(&teacher, some, outputs, |_| {}))
            })?;
            let first = computed.get(0);
            assert!(first.words[..5].iter().any(|logit| *logit != f16::ZERO));
            assert_eq!(first.words[5..], [f16::ZERO; 5]);
            let opened = cache.open(&path)?.expect("the file just written");
            assert_eq!(opened.get(1), computed.get(1));
            assert_eq!(opened.checksum(), computed.checksum());

            let other = Classifier::new(config.clone(), [3, 5], 2);
            let of_other = TeacherCache {
                teacher: &other,
                ..cache
            };
            assert!(of_other.open(&path)?.is_none());
            let others = [examples[1].clone(), examples[0].clone()];
            let of_others = TeacherCache {
                examples: &others,
                ..cache
            };
            assert!(of_others.open(&path)?.is_none());
            let bytes = fs::read(&path)?;
            for len in [0, 5, HEADER, bytes.len() - 1] {
                fs::write(&path, &bytes[..len])?;
                assert!(cache.open(&path)?.is_none(), "{len} bytes");
            }
        }
        Ok(())
    }

    #[test]
    fn an_interrupted_computation_leaves_the_old_file() -> io::Result<()> {
        let teacher = Classifier::new(Config::least(1), [3, 5], 1);
        let examples = [example(&[2, 7, 3])];
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("outputs");
        fs::write(&path, "old")?;
        let cache = TeacherCache {
            teacher: &teacher,
            examples: &examples,
            outputs: TeacherOutputs::Logits,
        };
        let failed = cache.compute(Some(&path), |_| Err(io::ErrorKind::Interrupted.into()));
        assert!(failed.is_err());
        assert_eq!(fs::read(&path)?, b"old");
        Ok(())
    }
}
