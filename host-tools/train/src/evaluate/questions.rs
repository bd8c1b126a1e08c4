//! Answers to questions: exact match and F1 of SQuAD's official `evaluate-v2.0.py`, which for
//! questions that all have answers are those of version 1.1.

use std::collections::HashMap;

use serde::Serialize;

use crate::data::Question;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuestionReport {
    #[serde(flatten)]
    pub all: QuestionScore,
    /// Of the questions that have an answer.
    pub answerable: QuestionScore,
    /// Of those that have none; both scores are the fraction that is left without.
    pub impossible: QuestionScore,
}

/// Means over questions, from 0 to 1; the official ones are percentages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct QuestionScore {
    pub exact_match: f64,
    pub f1: f64,
    pub questions: usize,
}

/// Scores an answer for each question, of which an empty one says that there is none. With several
/// right answers, the best score counts.
///
/// # Panics
/// When there are not as many answers as questions.
pub fn questions<S: AsRef<str>>(questions: &[&Question], predicted: &[S]) -> QuestionReport {
    assert_eq!(
        questions.len(),
        predicted.len(),
        "an answer for each question"
    );
    let (mut answerable, mut impossible) = (Vec::new(), Vec::new());
    for (question, predicted) in questions.iter().zip(predicted) {
        let scores = match question.impossible {
            true => &mut impossible,
            false => &mut answerable,
        };
        scores.push(score(question, predicted.as_ref()));
    }
    QuestionReport {
        all: mean(answerable.iter().chain(&impossible)),
        answerable: mean(answerable.iter()),
        impossible: mean(impossible.iter()),
    }
}

/// Exact match and F1.
fn score(question: &Question, predicted: &str) -> (f64, f64) {
    // Answers of which nothing is left do not count, unless there is no other.
    let answers = question.answers.iter().map(|answer| answer.text.as_str());
    let mut answers: Vec<&str> = answers
        .filter(|answer| !normalize(answer).is_empty())
        .collect();
    if answers.is_empty() {
        answers.push("");
    }
    let best = |score: &dyn Fn(&str) -> f64| answers.iter().map(|a| score(a)).fold(0.0, f64::max);
    (
        best(&|answer| f64::from(u8::from(exact_match(answer, predicted)))),
        best(&|answer| overlap(answer, predicted)),
    )
}

fn mean<'a>(scores: impl Iterator<Item = &'a (f64, f64)>) -> QuestionScore {
    let mut sum = QuestionScore::default();
    for (exact_match, f1) in scores {
        sum.exact_match += exact_match;
        sum.f1 += f1;
        sum.questions += 1;
    }
    let count = sum.questions.max(1) as f64;
    sum.exact_match /= count;
    sum.f1 /= count;
    sum
}

/// Whether two answers are the same when normalized.
pub fn exact_match(a: &str, b: &str) -> bool {
    normalize(a) == normalize(b)
}

/// F1 of the words that two answers share when normalized; if one has none, whether neither has.
pub fn overlap(a: &str, b: &str) -> f64 {
    let (a, b) = (normalize(a), normalize(b));
    if a.is_empty() || b.is_empty() {
        return f64::from(u8::from(a == b));
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in a.split(' ') {
        *left.entry(word).or_default() += 1;
    }
    let mut shared = 0;
    for word in b.split(' ') {
        if let Some(count @ 1..) = left.get_mut(word) {
            *count -= 1;
            shared += 1;
        }
    }
    let words = a.split(' ').count() + b.split(' ').count();
    f64::from(2 * shared) / words as f64
}

/// An answer in lower case without ASCII punctuation, the words `a`, `an` and `the`, and more than
/// a space between two words.
pub fn normalize(answer: &str) -> String {
    let lower = answer.to_lowercase();
    let mut text = lower.replace(|c: char| c.is_ascii_punctuation(), "");
    // What ends the last word. Other punctuation parts words here, as it does for `\b`.
    text.push(' ');
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        match word.as_str() {
            "a" | "an" | "the" => out.push(' '),
            word => out.push_str(word),
        }
        word.clear();
        out.push(c);
    }
    let words: Vec<&str> = out.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Answer;

    fn question(answers: &[&str]) -> Question {
        let answers = answers.iter().map(|&text| Answer {
            text: text.to_owned(),
            start: 0,
        });
        Question {
            id: "1".into(),
            question: "Which?".into(),
            context: String::new(),
            impossible: answers.len() == 0,
            answers: answers.collect(),
        }
    }

    #[test]
    fn answers_are_normalized() {
        for (answer, expected) in [
            ("The  Denver\tBroncos!", "denver broncos"),
            ("an A-Team", "ateam"),
            ("theatre of the “an” Ánd", "theatre of “ ” ánd"),
            ("$1.5 a_b", "15 ab"),
            ("the", ""),
            ("", ""),
        ] {
            assert_eq!(normalize(answer), expected);
        }
    }

    #[test]
    fn words_count_as_often_as_they_are_shared() {
        assert!(exact_match("The cat.", "cat"));
        assert_eq!(overlap("x y", "y z"), 0.5);
        assert_eq!(overlap("x x y", "x x x"), 2.0 / 3.0);
        assert_eq!(overlap("x", "y"), 0.0);
        assert_eq!((overlap("", "the"), overlap("", "x")), (1.0, 0.0));
    }

    #[test]
    fn the_best_answer_counts() {
        let question = question(&["in July", "July 4", "the"]);
        let report = questions(&[&question], &["July"]);
        assert_eq!(report.all.exact_match, 0.0);
        assert!((report.all.f1 - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(report.answerable, report.all);
        assert_eq!(report.impossible, QuestionScore::default());
    }

    #[test]
    fn no_answer_is_right_where_there_is_none() {
        let all = [
            question(&[]),
            question(&[]),
            question(&["x"]),
            question(&["x"]),
        ];
        let all: Vec<&Question> = all.iter().collect();
        let report = questions(&all, &["", "x", "", "X"]);
        for score in [report.all, report.answerable, report.impossible] {
            assert_eq!((score.exact_match, score.f1), (0.5, 0.5));
        }
        assert_eq!((report.all.questions, report.impossible.questions), (4, 2));
    }
}
