//! The state of a run in a file: whoever is interrupted loses no more than what came after it.

use crate::model::Parameters;
use crate::trainer::optimizer::{self, AdamW};
use embert_tools::files;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum StateError {
    #[error("cannot read the checkpoint {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot write the checkpoint {}; the one before is still there", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{} is no checkpoint of this run ({reason}): remove it, or choose another folder",
        path.display()
    )]
    Foreign { path: PathBuf, reason: String },
}

/// All that a run needs to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub values: Vec<f32>,
    pub optimizer: AdamW,
    /// The best score on the development set, and the parameters that had it: those at the start,
    /// as long as there is none.
    pub best: Option<f64>,
    pub best_values: Vec<f32>,
    /// Epochs since then.
    pub waited: usize,
    /// A checksum of what the run learns from, and how.
    pub run: u32,
}

/// Steps that the run in this file has taken; none if there is no file.
///
/// # Errors
/// When the file is damaged.
pub fn steps(path: &Path) -> Result<u64, StateError> {
    if !path.exists() {
        return Ok(0);
    }
    let file = File::read(path)?;
    file.number("steps")
        .ok_or_else(|| file.foreign("it has no number of steps"))
}

/// A checkpoint's bytes, and the numbers beside its tensors.
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
    numbers: HashMap<String, String>,
}

impl File {
    fn read(path: &Path) -> Result<Self, StateError> {
        let bytes = std::fs::read(path).map_err(|source| StateError::Read {
            path: path.into(),
            source,
        })?;
        let mut file = File {
            path: path.into(),
            bytes,
            numbers: HashMap::new(),
        };
        let (_, metadata) =
            SafeTensors::read_metadata(&file.bytes).map_err(|e| file.foreign(&e.to_string()))?;
        file.numbers = metadata.metadata().clone().unwrap_or_default();
        Ok(file)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.numbers.get(name)?.parse().ok()
    }

    fn foreign(&self, reason: &str) -> StateError {
        StateError::Foreign {
            path: self.path.clone(),
            reason: reason.into(),
        }
    }
}

impl State {
    pub fn new(parameters: &Parameters, optimizer: optimizer::Settings, run: u32) -> Self {
        State {
            values: parameters.values.clone(),
            optimizer: AdamW::new(optimizer, parameters),
            best: None,
            best_values: parameters.values.clone(),
            waited: 0,
            run,
        }
    }

    /// Keeps the parameters if their score is the best; whether it is.
    pub fn update_best(&mut self, score: f64, values: &[f32]) -> bool {
        let best = self.best.is_none_or(|best| score > best);
        if best {
            self.best = Some(score);
            self.best_values.copy_from_slice(values);
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        best
    }

    fn vectors(&mut self) -> [(&'static str, &mut Vec<f32>); 4] {
        [
            ("values", &mut self.values),
            ("first", &mut self.optimizer.first),
            ("second", &mut self.optimizer.second),
            ("best", &mut self.best_values),
        ]
    }

    /// Writes it, in place of the one before.
    ///
    /// # Errors
    /// When the disk is full, or the folder not writable.
    pub fn write(&mut self, path: &Path) -> Result<(), StateError> {
        let numbers = HashMap::from([
            ("steps".to_owned(), self.optimizer.steps.to_string()),
            ("waited".to_owned(), self.waited.to_string()),
            ("run".to_owned(), self.run.to_string()),
            (
                "score".to_owned(),
                self.best.map_or(String::new(), |v| v.to_bits().to_string()),
            ),
        ]);
        let bytes: Vec<(&str, Vec<u8>)> = self
            .vectors()
            .into_iter()
            .map(|(name, vector)| (name, vector.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views = bytes.iter().map(|(name, bytes)| {
            let view = TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes);
            (*name, view.expect("four bytes a number"))
        });
        let failed = |source| StateError::Write {
            path: path.into(),
            source,
        };
        let bytes = safetensors::serialize(views, Some(numbers));
        let bytes = bytes.map_err(std::io::Error::other);
        bytes
            .and_then(|bytes| files::write(path, &bytes))
            .map_err(failed)
    }

    /// Reads what was written by the same run.
    ///
    /// # Errors
    /// When the file is damaged, another model's, or of a run that learns from something else.
    pub fn read(&mut self, path: &Path) -> Result<(), StateError> {
        let file = File::read(path)?;
        let foreign = |reason: &str| file.foreign(reason);
        let tensors = SafeTensors::deserialize(&file.bytes).map_err(|e| foreign(&e.to_string()))?;
        let number = |name: &str, what: &str| {
            let missing = || foreign(&format!("it has no number of {what}"));
            file.number(name).ok_or_else(missing)
        };
        let (steps, waited) = (number("steps", "steps")?, number("waited", "epochs")?);
        for (name, vector) in self.vectors() {
            let tensor = tensors.tensor(name).map_err(|e| foreign(&e.to_string()))?;
            if tensor.dtype() != Dtype::F32 || tensor.data().len() != 4 * vector.len() {
                return Err(foreign("it is of a model of another size"));
            }
            let numbers = tensor.data().chunks_exact(4);
            for (value, bytes) in vector.iter_mut().zip(numbers) {
                *value = f32::from_le_bytes(bytes.try_into().expect("four bytes"));
            }
        }
        if number("run", "the run")? != u64::from(self.run) {
            return Err(foreign(
                "the one that was begun has other texts, teacher or settings",
            ));
        }
        self.optimizer.steps = steps;
        self.waited = waited as usize;
        self.best = file.number("score").map(f64::from_bits);
        Ok(())
    }
}
