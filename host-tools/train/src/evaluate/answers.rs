//! Questions about a context (Devlin et al., sections 4.2 and 4.3): an example is a window of the
//! context, and what a model says of all windows makes the answer.

use crate::data::Question;
use crate::evaluate::{QuestionReport, questions};
use crate::example::{ContextWindow, Example};
use crate::task::Prediction;
use embert::Span;
use embert::heads::best_span;
use embert_tools::question_windows::{BestAnswer, part};
use std::sync::Arc;

/// What a float model says of a window, by the logits of its tokens, `[tokens x 2]`.
pub(crate) fn found(example: &Example, window: &ContextWindow, logits: &[f32]) -> BestAnswer {
    let (rows, _) = logits.as_chunks::<2>();
    let context = rows
        .iter()
        .skip(example.segment_b)
        .take(window.places.len());
    let span = best_span(context.copied()).map(|(first, last, score)| Span {
        start: window.places[first].start,
        end: window.places[last].end,
        score,
    });
    let null_score = rows.first().map_or(0.0, |[start, end]| start + end);
    BestAnswer { span, null_score }.shifted(window.start)
}

/// The answer to each question by what was found in its windows, which stand together, and the
/// question.
///
/// There is no answer where that scores higher than the best span, but only in a data set that has
/// such questions, as SQuAD 2.0 does.
fn answers<'e>(
    examples: &'e [Example],
    predictions: &[Prediction],
) -> Vec<(&'e Question, &'e str)> {
    let windows = examples.iter().zip(predictions).filter_map(|(example, p)| {
        let window = example.window.as_ref()?;
        Some((&window.question, p.answer?))
    });
    let windows: Vec<(&Arc<Question>, BestAnswer)> = windows.collect();
    let impossible = windows.iter().any(|(question, _)| question.impossible);
    let together = windows.chunk_by(|(a, _), (b, _)| Arc::ptr_eq(a, b));
    let answers = together.filter_map(|windows| {
        let question: &Question = windows.first()?.0;
        let found = windows
            .iter()
            .map(|(_, found)| *found)
            .reduce(BestAnswer::or)?;
        let span = found
            .span
            .filter(|span| !impossible || span.score >= found.null_score);
        let text = span.map(|span| part(&question.context, &(span.start..span.end)));
        Some((question, text.unwrap_or_default()))
    });
    answers.collect()
}

/// Exact match and F1 of the answers.
pub(crate) fn question_report(examples: &[Example], predictions: &[Prediction]) -> QuestionReport {
    let (asked, answers): (Vec<_>, Vec<_>) = answers(examples, predictions).into_iter().unzip();
    questions(&asked, &answers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Answer;
    use embert_tests::tiny::{self, Flavour};
    use embert_tools::checkpoint::Checkpoint;
    use embert_tools::tokenizer::StoredTokenizer;

    fn question(context: &str, answer: Option<&str>) -> Arc<Question> {
        let answer = answer.map(|text| Answer {
            text: text.into(),
            start: context.find(text).unwrap(),
        });
        Arc::new(Question {
            id: "1".into(),
            question: "x y".into(),
            context: context.into(),
            impossible: answer.is_none(),
            answers: answer.into_iter().collect(),
        })
    }

    /// Windows of 6 tokens of context, which begin 3 after one another.
    fn windows(question: &Arc<Question>) -> Vec<Example> {
        let folder = tempfile::tempdir().unwrap();
        let tiny = &tiny::SPANS;
        tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
        let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
        let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer).unwrap();
        Example::windows(&tokenizer.reader().unwrap(), question, 11, 3).unwrap()
    }

    #[test]
    fn a_window_without_the_whole_answer_points_to_cls() {
        // [CLS] x y [SEP], then the context from 4 on: "a bc d e", "d e bc f g", "bc f g h".
        let target = |answer| -> Vec<[u32; 2]> {
            let question = question("a bc d e bc f g h", answer);
            let windows = windows(&question);
            let targets = windows.iter().filter_map(|example| example.window.as_ref());
            targets.map(|window| window.answer).collect()
        };
        assert_eq!(target(Some("bc d")), [[5, 7], [0, 0], [0, 0]]);
        assert_eq!(target(Some("d e")), [[7, 8], [4, 5], [0, 0]]);
        assert_eq!(target(Some("e bc f")), [[0, 0], [5, 8], [0, 0]]);
        // Part of a word is the tokens that it lies in.
        assert_eq!(target(Some("c f g")), [[0, 0], [7, 9], [5, 7]]);
        assert_eq!(target(None), [[0, 0]; 3]);
    }

    #[test]
    fn the_answer_is_that_of_the_best_window() {
        let context = "a bc d e bc f g h";
        let says = |spans: [(usize, usize, f32); 3], null_score, question: &Arc<Question>| {
            let examples = windows(question);
            let predictions = spans.map(|(start, end, score)| Prediction {
                answer: Some(BestAnswer {
                    span: Some(Span { start, end, score }),
                    null_score,
                }),
                ..Prediction::default()
            });
            let answers = answers(&examples, &predictions);
            answers[0].1.to_owned()
        };
        let answerable = question(context, Some("bc"));
        let spans = [(0, 1, 1.0), (5, 8, 3.0), (12, 13, 2.0)];
        assert_eq!(says(spans, 0.0, &answerable), "d e");
        // Without impossible questions, there always is an answer.
        assert_eq!(says(spans, 9.0, &answerable), "d e");
        let impossible = question(context, None);
        assert_eq!(says(spans, 9.0, &impossible), "");
        assert_eq!(says(spans, 3.0, &impossible), "d e");
    }

    #[test]
    fn logits_of_the_context_make_the_span() {
        let question = question("a bc d e bc f g h", None);
        let example = &windows(&question)[1];
        let window = example.window.as_ref().unwrap();
        let mut logits = vec![0.0; 2 * example.ids.len()];
        // Not the question's, which score highest; [CLS] speaks for no answer.
        [logits[0], logits[1], logits[2], logits[3]] = [1.0, 0.5, 9.0, 9.0];
        [logits[2 * 5], logits[2 * 7 + 1]] = [2.0, 2.0];
        let found = found(example, window, &logits);
        let span = found.span.unwrap();
        assert_eq!(&question.context[span.start..span.end], "e bc");
        assert_eq!((span.score, found.null_score), (4.0, 1.5));
    }
}
