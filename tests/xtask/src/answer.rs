//! Answers of the firmware, put together into the reports that `embert run` gives.

use anyhow::{Result, anyhow};
use embert_protocol::{Cost, Head, Request, Response};
use embert_tools::report::{Entity, LabelScore, Outcome, Report, Span, TokenLabel, Truncation};

use crate::session::Session;

/// How a text is read: the options of `embert run` that concern the model.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Read no more than this many tokens at once.
    pub limit: Option<u32>,
    /// Report the label of every token too.
    pub tokens: bool,
}

/// What the firmware found in one text, and what that took.
#[derive(Debug, Clone)]
pub struct Answer {
    pub report: Report,
    pub cost: Cost,
}

/// Runs one text on the firmware.
pub fn run(session: &mut Session, text: &str, options: Options) -> Result<Answer> {
    ask(session, None, text, options)
}

/// Runs one text on the firmware, to answer a question if there is one.
pub fn ask(
    session: &mut Session,
    question: Option<&str>,
    text: &str,
    options: Options,
) -> Result<Answer> {
    let Options { limit, tokens } = options;
    let mut report = None;
    let mut order = Ok(());
    let cost = session.ask(
        &Request::Run {
            question,
            text,
            limit,
            tokens,
            set: None,
            parts: false,
        },
        |response| match response {
            Response::Read {
                tokens: read,
                truncation,
                head,
            } if report.is_none() => {
                report = Some(Report {
                    question: question.map(str::to_owned),
                    text: text.to_owned(),
                    tokens: read as usize,
                    truncation: truncation.map(|truncation| Truncation {
                        tokens_needed: truncation.tokens_needed as usize,
                        bytes_read: truncation.bytes_read as usize,
                    }),
                    result: nothing_yet(head, tokens),
                });
            }
            response => {
                let added = report.as_mut().is_some_and(|report| add(report, &response));
                if !added && order.is_ok() {
                    order = Err(anyhow!("this response is out of place: {response:?}"));
                }
            }
        },
    )?;
    order?;
    let mut report = report.ok_or_else(|| anyhow!("the firmware did not say what it read"))?;
    if let Outcome::SequenceClassification { labels } | Outcome::Joint { labels, .. } =
        &mut report.result
    {
        // As `embert run` has them. Stable: equals stay in the model's order.
        labels.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    }
    Ok(Answer { report, cost })
}

fn nothing_yet(head: Head, with_tokens: bool) -> Outcome {
    match head {
        Head::Classes => Outcome::SequenceClassification { labels: Vec::new() },
        Head::Tokens => Outcome::TokenClassification {
            entities: Vec::new(),
            tokens: with_tokens.then(Vec::new),
        },
        Head::Embedding => Outcome::Embedding { vector: Vec::new() },
        Head::Joint => Outcome::Joint {
            labels: Vec::new(),
            entities: Vec::new(),
            tokens: with_tokens.then(Vec::new),
        },
        Head::Answer => Outcome::Answer {
            span: None,
            null_score: f32::NAN,
        },
    }
}

/// Adds a part of a result to it; `false` where it is no part of that kind.
fn add(report: &mut Report, response: &Response) -> bool {
    match (&mut report.result, response) {
        // A window more.
        (
            Outcome::TokenClassification { .. },
            &Response::Read {
                tokens,
                truncation: None,
                head: Head::Tokens,
            },
        ) => report.tokens += tokens as usize,
        (
            Outcome::SequenceClassification { labels } | Outcome::Joint { labels, .. },
            &Response::Class { label, probability },
        ) => {
            labels.push(LabelScore {
                label: label.to_owned(),
                probability,
            });
        }
        (
            Outcome::TokenClassification { entities, .. } | Outcome::Joint { entities, .. },
            &Response::Entity {
                label,
                start,
                end,
                score,
            },
        ) => {
            let (start, end) = (start as usize, end as usize);
            entities.push(Entity {
                label: label.to_owned(),
                text: report.text.get(start..end).unwrap_or_default().to_owned(),
                start,
                end,
                score,
            });
        }
        (
            Outcome::TokenClassification {
                tokens: Some(tokens),
                ..
            }
            | Outcome::Joint {
                tokens: Some(tokens),
                ..
            },
            &Response::Token {
                piece,
                start,
                end,
                label,
                score,
            },
        ) => tokens.push(TokenLabel {
            piece: piece.to_owned(),
            start: start as usize,
            end: end as usize,
            label: label.to_owned(),
            score,
        }),
        (Outcome::Embedding { vector }, Response::Numbers(numbers)) => vector.extend(numbers),
        (
            Outcome::Answer { span, null_score },
            &Response::Answer {
                span: found,
                null_score: score,
            },
        ) => {
            *null_score = score;
            *span = found.map(|found| {
                let (start, end) = (found.start as usize, found.end as usize);
                Span {
                    text: report.text.get(start..end).unwrap_or_default().to_owned(),
                    start,
                    end,
                    score: found.score,
                }
            });
        }
        _ => return false,
    }
    true
}
