//! The rows of a data set, before and after their labels have become numbers.

use super::{DataError, Labels, SourceLine};

/// A text or a pair of them, and the classes it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    pub text: String,
    /// The second text, if the task is one of pairs.
    pub pair: Option<String>,
    /// One, or any number of them if the task is a multi-label one; sorted, none twice.
    pub labels: Vec<usize>,
}

/// A sentence in words, each with a tag, and what the sentence is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// None is empty, but one may be of characters that a tokenizer drops.
    pub words: Vec<String>,
    /// As many as words.
    pub tags: Vec<usize>,
    /// `None` if the task is token classification alone.
    pub intent: Option<usize>,
}

/// [`Classified`] as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledText {
    pub at: SourceLine,
    pub text: String,
    pub pair: Option<String>,
    pub labels: Vec<String>,
}

/// [`Tagged`] as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledWords {
    pub at: SourceLine,
    pub words: Vec<String>,
    /// IOB2, as many as words.
    pub tags: Vec<String>,
    pub intent: Option<String>,
}

impl LabelledText {
    /// # Errors
    /// [`DataError::UnknownLabel`].
    pub fn numbered(self, labels: &Labels) -> Result<Classified, DataError> {
        let mut labels = numbers(&self.labels, labels, &self.at)?;
        labels.sort_unstable();
        labels.dedup();
        Ok(Classified {
            labels,
            text: self.text,
            pair: self.pair,
        })
    }
}

impl LabelledWords {
    /// With the labels of the intents empty, the intents are left out.
    ///
    /// # Errors
    /// [`DataError::UnknownLabel`].
    pub fn numbered(self, tags: &Labels, intents: &Labels) -> Result<Tagged, DataError> {
        let intent = self.intent.filter(|_| !intents.is_empty());
        let intent = intent.map(|intent| intents.number(&intent, &self.at));
        Ok(Tagged {
            tags: numbers(&self.tags, tags, &self.at)?,
            intent: intent.transpose()?,
            words: self.words,
        })
    }
}

fn numbers(names: &[String], labels: &Labels, at: &SourceLine) -> Result<Vec<usize>, DataError> {
    names.iter().map(|name| labels.number(name, at)).collect()
}
