//! Questions about a context, in SQuAD's JSON (Rajpurkar et al. 2016; 2018 for version 2.0).

use std::path::Path;

use serde::Deserialize;

use super::{DataError, lines, some};

/// A question whose answer is part of the context, or is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub id: String,
    pub question: String,
    pub context: String,
    /// All that are right; empty if and only if the question is impossible.
    pub answers: Vec<Answer>,
    /// Whether the context has no answer. Never before SQuAD 2.0.
    pub impossible: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    /// Where it begins in the context, in bytes.
    pub start: usize,
}

/// Reads the questions of a file.
///
/// # Errors
/// When the file cannot be read or is not in SQuAD's format; and for a question that is empty, has
/// no answer without being impossible, or one that is not in the context where it is said to be.
pub fn questions(path: &Path) -> Result<Vec<Question>, DataError> {
    let file: File =
        serde_json::from_slice(&lines::bytes(path)?).map_err(|error| DataError::MalformedFile {
            path: path.into(),
            reason: format!(
                "not in the format of SQuAD: {error}; give a file of version 1.1 or 2.0"
            ),
        })?;
    let mut questions = Vec::new();
    let paragraphs = file.data.into_iter().flat_map(|article| article.paragraphs);
    for paragraph in paragraphs {
        let bytes: Vec<usize> = byte_offsets(&paragraph.context);
        for entry in paragraph.qas {
            let id = entry.id.clone();
            let question = entry.into_question(&paragraph.context, &bytes);
            questions.push(question.map_err(|reason| DataError::Question {
                path: path.into(),
                id,
                reason,
            })?);
        }
    }
    some(questions, path)
}

/// Where each character of a text begins; SQuAD counts them, as Python does.
fn byte_offsets(text: &str) -> Vec<usize> {
    text.char_indices().map(|(byte, _)| byte).collect()
}

#[derive(Deserialize)]
struct File {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    question: String,
    answers: Vec<EntryAnswer>,
    #[serde(default)]
    is_impossible: bool,
}

#[derive(Deserialize)]
struct EntryAnswer {
    text: String,
    /// In characters.
    answer_start: usize,
}

impl Entry {
    /// The error is what is wrong with it.
    fn into_question(self, context: &str, bytes: &[usize]) -> Result<Question, String> {
        if self.question.trim().is_empty() {
            return Err("the question is empty; remove it".into());
        }
        if self.is_impossible != self.answers.is_empty() {
            return Err(match self.is_impossible {
                true => "it is impossible but has answers; remove these or is_impossible",
                false => "it has no answer; add one or set is_impossible",
            }
            .into());
        }
        let place = |answer: EntryAnswer| {
            let start = bytes.get(answer.answer_start).copied();
            let there = start.filter(|&start| context[start..].starts_with(&answer.text));
            match there.filter(|_| !answer.text.trim().is_empty()) {
                Some(start) => Ok(Answer {
                    text: answer.text,
                    start,
                }),
                None => Err(format!(
                    "the answer {:?} is not at character {} of the context; correct answer_start",
                    answer.text, answer.answer_start
                )),
            }
        };
        Ok(Question {
            answers: self
                .answers
                .into_iter()
                .map(place)
                .collect::<Result<_, _>>()?,
            id: self.id,
            question: self.question,
            context: context.to_owned(),
            impossible: self.is_impossible,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::{file, message};
    use super::*;

    fn squad(qas: &str) -> String {
        let context = "6½ sacks and €5";
        format!(r#"{{"data": [{{"paragraphs": [{{"context": "{context}", "qas": [{qas}]}}]}}]}}"#)
    }

    #[test]
    fn answers_begin_at_bytes() {
        let (_folder, path) = file(
            "a.json",
            squad(
                r#"{"id": "1", "question": "How much?", "answers": [
                     {"text": "€5", "answer_start": 13}, {"text": "5", "answer_start": 14}]}"#,
            ),
        );
        let question = questions(&path).unwrap().remove(0);
        let found: Vec<&str> = question
            .answers
            .iter()
            .map(|answer| &question.context[answer.start..][..answer.text.len()])
            .collect();
        assert_eq!(found, ["€5", "5"]);
        assert_eq!(question.answers[0].start, 14);
        assert!(!question.impossible);
    }

    #[test]
    fn questions_can_be_impossible() {
        let (_folder, path) = file(
            "a.json",
            squad(
                r#"{"id": "1", "question": "Who?", "answers": [], "is_impossible": true,
                    "plausible_answers": [{"text": "sacks", "answer_start": 3}]}"#,
            ),
        );
        let question = questions(&path).unwrap().remove(0);
        assert!(question.impossible && question.answers.is_empty());
    }

    #[test]
    fn corrupt_questions_are_errors_with_their_id() {
        for (qas, expected) in [
            (
                r#"{"id": "x", "question": "Q?", "answers": [{"text": "sacks", "answer_start": 4}]}"#,
                "a.json, question x: the answer \"sacks\" is not at character 4 of the context; \
                 correct answer_start",
            ),
            (
                r#"{"id": "x", "question": "Q?", "answers": [{"text": "5", "answer_start": 99}]}"#,
                "a.json, question x: the answer \"5\" is not at character 99 of the context; \
                 correct answer_start",
            ),
            (
                r#"{"id": "x", "question": "Q?", "answers": []}"#,
                "a.json, question x: it has no answer; add one or set is_impossible",
            ),
            (
                r#"{"id": "x", "question": "Q?", "is_impossible": true,
                    "answers": [{"text": "5", "answer_start": 14}]}"#,
                "a.json, question x: it is impossible but has answers; remove these or \
                 is_impossible",
            ),
            (
                r#"{"id": "x", "question": " ", "answers": []}"#,
                "a.json, question x: the question is empty; remove it",
            ),
        ] {
            let (folder, path) = file("a.json", squad(qas));
            assert_eq!(message(questions(&path), &folder), expected);
        }
        let (folder, path) = file("a.json", "{\"data\":\n[{}]}");
        let error = message(questions(&path), &folder);
        assert!(
            error.starts_with(
                "a.json: not in the format of SQuAD: missing field `paragraphs` at line 2"
            ),
            "{error}"
        );
    }
}
