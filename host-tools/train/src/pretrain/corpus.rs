//! The text that a model learns from, as pieces of documents.

use crate::data::Document;
use crate::random::Random;
use embert::text::EncodeError;
use embert_tools::checkpoint::TokenizerSpec;
use embert_tools::tokenizer::{StoredTokenizer, TokenizerBuildError};
use rayon::prelude::*;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum PretrainError {
    #[error(transparent)]
    Tokenizer(#[from] TokenizerBuildError),
    #[error("a sentence cannot be read: {0}")]
    Text(#[from] EncodeError),
    #[error(
        "the text has {0} documents, and 4 are needed: 2 to learn from, since half of the pairs are \
         of two, and 2 held out; give more files, or have blank lines end documents (--blank-lines)"
    )]
    FewDocuments(usize),
    #[error("nothing of a document is left as pieces")]
    NoPieces,
}

/// Documents of sentences of ids; no document and no sentence is empty.
#[derive(Clone, Debug)]
pub struct Corpus {
    pub documents: Vec<Vec<Vec<u32>>>,
    /// For each document, the number of sentences up to its end.
    ends: Vec<usize>,
}

impl Corpus {
    /// # Errors
    /// When there is no sentence at all.
    pub fn new(mut documents: Vec<Vec<Vec<u32>>>) -> Result<Self, PretrainError> {
        for document in &mut documents {
            document.retain(|sentence| !sentence.is_empty());
        }
        documents.retain(|document| !document.is_empty());
        let ends: Vec<usize> = documents
            .iter()
            .scan(0, |end, document| {
                *end += document.len();
                Some(*end)
            })
            .collect();
        match ends.is_empty() {
            true => Err(PretrainError::NoPieces),
            false => Ok(Corpus { documents, ends }),
        }
    }

    /// Of all ids, and where documents and sentences end.
    pub fn checksum(&self) -> u32 {
        let mut checksum = crc32fast::Hasher::new();
        for document in &self.documents {
            for sentence in document {
                checksum.update(&(sentence.len() as u64).to_le_bytes());
                for id in sentence {
                    checksum.update(&id.to_le_bytes());
                }
            }
            checksum.update(&(document.len() as u64).to_le_bytes());
        }
        checksum.finalize()
    }

    /// Documents as a tokenizer reads them.
    ///
    /// # Errors
    /// When the tokenizer cannot be made, or nothing is left by it.
    pub fn read(documents: &[Document], spec: &TokenizerSpec) -> Result<Self, PretrainError> {
        let tokenizer = StoredTokenizer::of(spec)?;
        let reader = tokenizer.reader()?;
        let ids = |sentence: &String| -> Result<Vec<u32>, EncodeError> {
            let tokens = reader.tokens(sentence, usize::MAX)?;
            let ids = tokens.iter().map(|token| token.id);
            // An exercise has its own, and only these: whatever the text says.
            let special = [spec.cls, spec.sep];
            Ok(ids.filter(|id| !special.contains(id)).collect())
        };
        let all = documents
            .par_iter()
            .map(|document| document.sentences.iter().map(ids).collect());
        Self::new(all.collect::<Result<_, _>>()?)
    }

    pub fn tokens(&self) -> usize {
        let sentences = self.documents.iter().flatten();
        sentences.map(Vec::len).sum()
    }

    /// How often the text has each piece of a vocabulary.
    pub fn counts(&self, vocabulary: usize) -> Vec<u64> {
        let mut counts = vec![0; vocabulary];
        for &id in self.documents.iter().flatten().flatten() {
            counts[id as usize] += 1;
        }
        counts
    }

    /// A document and a sentence of it, each sentence of the text as likely as any other.
    pub(super) fn place(&self, random: &mut Random) -> (usize, usize) {
        let all = self.ends.last().copied().unwrap_or_default();
        let sentence = random.below(all);
        let document = self.ends.partition_point(|&end| end <= sentence);
        (
            document,
            sentence + self.documents[document].len() - self.ends[document],
        )
    }
}

/// Holds out a share of the documents, chosen by seed: what is to be learnt from, and what not.
///
/// # Errors
/// When there are too few documents.
pub fn split(
    mut documents: Vec<Document>,
    share: f64,
    seed: u64,
) -> Result<[Vec<Document>; 2], PretrainError> {
    let all = documents.len();
    if all < 4 {
        return Err(PretrainError::FewDocuments(all));
    }
    let count = ((all as f64 * share).round() as usize).clamp(2, all - 2);
    let mut random = Random(seed);
    let chosen = (0..count).map(|_| documents.swap_remove(random.below(documents.len())));
    let held_out = chosen.collect();
    Ok([documents, held_out])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_is_as_likely_as_any_other() {
        let sentence = || vec![1, 2];
        let documents = [1, 0, 7, 2].map(|count| vec![sentence(); count]).to_vec();
        let corpus = Corpus::new(documents).unwrap();
        assert_eq!(corpus.documents.len(), 3);
        let mut random = Random(1);
        let mut counts = [[0; 7]; 3];
        for _ in 0..10_000 {
            let (document, sentence) = corpus.place(&mut random);
            counts[document][sentence] += 1;
        }
        for (document, counts) in corpus.documents.iter().zip(counts) {
            let likely = counts.iter().filter(|count| (800..1200).contains(*count));
            assert_eq!(likely.count(), document.len(), "{counts:?}");
        }
        assert!(Corpus::new(vec![vec![Vec::new()]]).is_err());
    }

    #[test]
    fn documents_are_held_out_by_seed() {
        let named = |name: usize| Document {
            sentences: vec![name.to_string()],
        };
        let documents = |count: usize| (0..count).map(named).collect::<Vec<_>>();
        let [rest, held_out] = split(documents(40), 0.1, 3).unwrap();
        assert_eq!([rest.len(), held_out.len()], [36, 4]);
        assert!(held_out.iter().all(|document| !rest.contains(document)));
        assert_eq!(split(documents(40), 0.1, 3).unwrap()[1], held_out);
        assert_ne!(split(documents(40), 0.1, 4).unwrap()[1], held_out);
        assert_eq!(split(documents(4), 0.9, 3).unwrap()[0].len(), 2);
        let error = split(documents(3), 0.1, 3).unwrap_err().to_string();
        assert!(error.contains("--blank-lines"), "{error}");
    }
}
