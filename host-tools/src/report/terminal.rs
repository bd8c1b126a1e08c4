//! Reports for people.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;

use console::{Style, measure_text_width};

use super::{Entity, LabelScore, Outcome, Report, Span, TokenLabel};

/// Whether to write escape sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    On,
    Off,
}

impl Colours {
    /// On when stdout is a terminal and the user's `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE`
    /// allow it.
    pub fn of_stdout() -> Self {
        if console::colors_enabled() {
            Self::On
        } else {
            Self::Off
        }
    }

    fn style(self) -> Style {
        Style::new().force_styling(self == Self::On)
    }
}

/// Labels shown of a sequence classification; programs see all of them in JSON.
const LABELS_SHOWN: usize = 5;

/// Width of the bar of a label that is certain.
const BAR: f32 = 24.0;

/// Numbers shown of an embedding.
const NUMBERS_SHOWN: usize = 8;

/// Writes a report as lines of text.
///
/// # Errors
/// Those of `out`.
pub fn write_text(report: &Report, colours: Colours, out: &mut dyn Write) -> io::Result<()> {
    if let Some(question) = &report.question {
        writeln!(
            out,
            "{}",
            colours.style().bold().apply_to(printable(question))
        )?;
    }
    match &report.result {
        Outcome::SequenceClassification { labels } => {
            writeln!(out, "{}", printable(&report.text))?;
            write_labels(labels, colours, out)?;
        }
        Outcome::TokenClassification { entities, tokens } => {
            writeln!(out, "{}", with_entities(&report.text, entities, colours))?;
            write_entities(entities, colours, out)?;
            if let Some(tokens) = tokens {
                write_tokens(tokens, out)?;
            }
        }
        Outcome::Embedding { vector } => {
            writeln!(out, "{}", printable(&report.text))?;
            write_embedding(vector, out)?;
        }
        Outcome::Joint {
            labels,
            entities,
            tokens,
        } => {
            writeln!(out, "{}", with_entities(&report.text, entities, colours))?;
            write_labels(labels, colours, out)?;
            write_entities(entities, colours, out)?;
            if let Some(tokens) = tokens {
                write_tokens(tokens, out)?;
            }
        }
        Outcome::Answer { span, null_score } => {
            let places = span.iter().map(|span| span.start..span.end);
            writeln!(out, "{}", highlight(&report.text, places, colours))?;
            write_answer(span.as_ref(), *null_score, colours, out)?;
        }
    }
    if let Some(truncation) = report.truncation {
        let notice = format!(
            "  truncated: the model read {} of {} tokens, the text's first {} of {} bytes",
            report.tokens,
            truncation.tokens_needed,
            truncation.bytes_read,
            report.text.len()
        );
        writeln!(out, "{}", colours.style().yellow().apply_to(notice))?;
    }
    Ok(())
}

fn write_labels(labels: &[LabelScore], colours: Colours, out: &mut dyn Write) -> io::Result<()> {
    let shown = &labels[..labels.len().min(LABELS_SHOWN)];
    let width = widest(shown.iter().map(|label| label.label.as_str()));
    for (rank, LabelScore { label, probability }) in shown.iter().enumerate() {
        let style = match rank {
            0 => colours.style().green().bold(),
            _ => colours.style().dim(),
        };
        let bar = "█".repeat((probability * BAR).round() as usize);
        let line = format!(
            "  {}  {:>6}  {bar}",
            pad(label, width),
            percent(*probability)
        );
        writeln!(out, "{}", style.apply_to(line.trim_end()))?;
    }
    if labels.len() > shown.len() {
        let rest = format!("  and {} less probable labels", labels.len() - shown.len());
        writeln!(out, "{}", colours.style().dim().apply_to(rest))?;
    }
    Ok(())
}

fn write_entities(entities: &[Entity], colours: Colours, out: &mut dyn Write) -> io::Result<()> {
    if entities.is_empty() {
        return writeln!(out, "  no entities");
    }
    let label_width = widest(entities.iter().map(|entity| entity.label.as_str()));
    let text_width = widest(entities.iter().map(|entity| entity.text.as_str()));
    for entity in entities {
        let label = colours
            .style()
            .green()
            .bold()
            .apply_to(pad(&entity.label, label_width));
        let text = pad(&entity.text, text_width);
        let place = format!("{}..{}", entity.start, entity.end);
        writeln!(
            out,
            "  {label}  {text}  {:>6}  {place}",
            percent(entity.score)
        )?;
    }
    Ok(())
}

/// The scores are sums of logits: which of them is high is for the reader to compare.
fn write_answer(
    span: Option<&Span>,
    null_score: f32,
    colours: Colours,
    out: &mut dyn Write,
) -> io::Result<()> {
    let none = format!("score {null_score:.2} without an answer");
    let Some(span) = span else {
        return writeln!(out, "  no text to answer from, {none}");
    };
    let answer = colours
        .style()
        .green()
        .bold()
        .apply_to(printable(&span.text));
    let place = format!("{}..{}", span.start, span.end);
    writeln!(out, "  {answer}  score {:.2}, {none}  {place}", span.score)
}

fn write_tokens(tokens: &[TokenLabel], out: &mut dyn Write) -> io::Result<()> {
    let piece_width = widest(tokens.iter().map(|token| token.piece.as_str()));
    let label_width = widest(tokens.iter().map(|token| token.label.as_str()));
    for token in tokens {
        let (piece, label) = (
            pad(&token.piece, piece_width),
            pad(&token.label, label_width),
        );
        let place = format!("{}..{}", token.start, token.end);
        writeln!(
            out,
            "    {piece}  {label}  {:>6}  {place}",
            percent(token.score)
        )?;
    }
    Ok(())
}

fn write_embedding(vector: &[f32], out: &mut dyn Write) -> io::Result<()> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    let shown: Vec<String> = vector
        .iter()
        .take(NUMBERS_SHOWN)
        .map(|x| format!("{x:+.4}"))
        .collect();
    let more = if vector.len() > NUMBERS_SHOWN {
        " …"
    } else {
        ""
    };
    writeln!(out, "  {} numbers, length {length:.4}", vector.len())?;
    writeln!(out, "  {}{more}", shown.join(" "))
}

fn with_entities(text: &str, entities: &[Entity], colours: Colours) -> String {
    let places = entities.iter().map(|entity| entity.start..entity.end);
    highlight(text, places, colours)
}

/// The text with places in it marked. Those that do not lie in order within the text, which no
/// model's do, are left unmarked.
fn highlight(text: &str, places: impl Iterator<Item = Range<usize>>, colours: Colours) -> String {
    let style = colours.style().green().underlined();
    let mut marked = String::with_capacity(text.len());
    let mut written = 0;
    for place in places {
        if let (Some(before), Some(inside)) =
            (text.get(written..place.start), text.get(place.clone()))
        {
            marked += &printable(before);
            marked += &style.apply_to(printable(inside)).to_string();
            written = place.end;
        }
    }
    marked + &printable(&text[written..])
}

/// The text with control and bidirectional formatting characters written as Rust writes them,
/// `\u{1b}` for example: a text must not move the cursor, clear the screen or hide a part of itself.
fn printable(text: &str) -> Cow<'_, str> {
    let unsafe_char = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(unsafe_char) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|c| {
        let (escape, plain) = match unsafe_char(c) {
            true => (Some(c.escape_default()), None),
            false => (None, Some(c)),
        };
        escape.into_iter().flatten().chain(plain)
    });
    Cow::Owned(escaped.collect())
}

fn percent(probability: f32) -> String {
    format!("{:.1}%", probability * 100.0)
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts
        .map(|text| measure_text_width(&printable(text)))
        .max()
        .unwrap_or(0)
}

/// Pads to a width on the terminal, where a CJK character takes two columns.
fn pad(text: &str, width: usize) -> String {
    let text = printable(text);
    let missing = width.saturating_sub(measure_text_width(&text));
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Truncation;

    fn report(text: &str, result: Outcome) -> Report {
        Report {
            question: None,
            text: text.into(),
            tokens: 6,
            truncation: None,
            result,
        }
    }

    fn text_of(report: &Report, colours: Colours) -> String {
        let mut out = Vec::new();
        write_text(report, colours, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn entity(label: &str, text: &str, start: usize) -> Entity {
        Entity {
            label: label.into(),
            text: text.into(),
            start,
            end: start + text.len(),
            score: 0.987,
        }
    }

    #[test]
    fn entities_are_aligned_by_columns_not_bytes() {
        let entities = vec![entity("CITY", "東京", 3), entity("NAME", "Zoë", 12)];
        let report = report(
            "in 東京 by Zoë",
            Outcome::TokenClassification {
                entities,
                tokens: None,
            },
        );
        let expected = "in 東京 by Zoë\n  CITY  東京   98.7%  3..9\n  NAME  Zoë    98.7%  12..16\n";
        assert_eq!(text_of(&report, Colours::Off), expected);
    }

    #[test]
    fn entities_are_marked_in_the_text_when_there_are_colours() {
        let entities = vec![entity("NAME", "Zoë", 3)];
        let report = report(
            "by Zoë!",
            Outcome::TokenClassification {
                entities,
                tokens: None,
            },
        );
        assert!(text_of(&report, Colours::On).starts_with("by \u{1b}[32m\u{1b}[4mZoë\u{1b}[0m!\n"));
    }

    #[test]
    fn control_characters_are_escaped() {
        let entities = vec![entity("NAME", "a\u{1b}[2Jb", 0)];
        let report = report(
            "a\u{1b}[2Jb\tc\u{202e}d",
            Outcome::TokenClassification {
                entities,
                tokens: None,
            },
        );
        let expected = "a\\u{1b}[2Jb\\tc\\u{202e}d\n  NAME  a\\u{1b}[2Jb   98.7%  0..6\n";
        assert_eq!(text_of(&report, Colours::Off), expected);
    }

    #[test]
    fn offsets_outside_the_text_do_no_harm() {
        let entities = vec![entity("NAME", "ë", 5), entity("NAME", "abc", 40)];
        let report = report(
            "by Zoë!",
            Outcome::TokenClassification {
                entities,
                tokens: None,
            },
        );
        assert!(text_of(&report, Colours::Off).starts_with("by Zoë!\n"));
    }

    #[test]
    fn an_answer_is_marked_and_scored() {
        let span = Span {
            text: "Zoë".into(),
            start: 3,
            end: 7,
            score: 5.125,
        };
        let result = |span| Outcome::Answer {
            span,
            null_score: -1.0,
        };
        let mut report = report("by Zoë!", result(Some(span)));
        report.question = Some("Who?".into());
        let expected = "Who?\nby Zoë!\n  Zoë  score 5.12, score -1.00 without an answer  3..7\n";
        assert_eq!(text_of(&report, Colours::Off), expected);
        report.result = result(None);
        let text = text_of(&report, Colours::Off);
        assert!(text.ends_with("  no text to answer from, score -1.00 without an answer\n"));
    }

    #[test]
    fn labels_beyond_the_first_are_counted() {
        let labels = (0..7)
            .map(|n| LabelScore {
                label: format!("L{n}"),
                probability: 0.5,
            })
            .collect();
        let mut report = report("hm", Outcome::SequenceClassification { labels });
        report.truncation = Some(Truncation {
            tokens_needed: 9,
            bytes_read: 1,
        });
        let text = text_of(&report, Colours::Off);
        assert!(text.contains("  and 2 less probable labels\n"), "{text}");
        assert!(
            text.contains("read 6 of 9 tokens, the text's first 1 of 2 bytes"),
            "{text}"
        );
    }
}
