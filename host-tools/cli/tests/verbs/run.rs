//! `embert run`: texts from anywhere, results for people and programs.

use std::fs;

use embert::kernels::InstructionSet;
use embert_tests::tiny::{self};
use embert_tools::report::{Outcome, Report};
use serde_json::Value;

use crate::command::{Workplace, embert, fail, succeed};

fn reports(json_lines: &str) -> Vec<Report> {
    json_lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn texts_from_arguments_a_file_and_stdin_are_read_alike() {
    let workplace = Workplace::new(&tiny::SEQUENCE);
    let (model, texts) = (workplace.model(), workplace.path("texts.txt"));
    fs::write(&texts, "hello there\r\n\nthe end\n").unwrap();
    let from_arguments = succeed(
        &["run", &model, "hello there", "", "the end", "--json"],
        b"",
    );
    let from_file = succeed(
        &["run", &model, "--file", texts.to_str().unwrap(), "--json"],
        b"",
    );
    let from_stdin = succeed(&["run", &model, "--json"], b"hello there\n\nthe end");
    assert_eq!(from_arguments, from_file);
    assert_eq!(from_arguments, from_stdin);

    let reports = reports(&from_stdin);
    let texts: Vec<&str> = reports.iter().map(|report| report.text.as_str()).collect();
    assert_eq!(texts, ["hello there", "", "the end"]);
    for report in &reports {
        let Outcome::SequenceClassification { labels } = &report.result else {
            panic!("{report:?}")
        };
        assert_eq!(labels.len(), tiny::SEQUENCE.labels.len());
        assert!(labels.is_sorted_by(|a, b| a.probability >= b.probability));
        let sum: f32 = labels.iter().map(|label| label.probability).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
}

/// A stream goes on after invalid bytes, as `tail -f log | embert run` must.
#[test]
fn invalid_utf8_is_replaced_with_a_warning() {
    let workplace = Workplace::new(&tiny::SEQUENCE);
    let output = embert(&["run", &workplace.model(), "--json"], b"a\xffb\nthe end\n");
    assert!(output.status.success());
    let texts = reports(std::str::from_utf8(&output.stdout).unwrap());
    let texts: Vec<&str> = texts.iter().map(|report| report.text.as_str()).collect();
    assert_eq!(texts, ["a\u{fffd}b", "the end"]);
    let warning = String::from_utf8_lossy(&output.stderr);
    assert!(
        warning.contains("line 1 of stdin is not UTF-8"),
        "{warning}"
    );
}

/// `--threads` starts no more threads than there are processors.
#[test]
fn many_threads_are_few() {
    let workplace = Workplace::new(&tiny::SEQUENCE);
    let model = workplace.model();
    let few = succeed(&["run", &model, "hello", "--json"], b"");
    let many = succeed(
        &["run", &model, "hello", "--json", "--threads", "100000"],
        b"",
    );
    assert_eq!(few, many);
}

/// Neither the kernels nor the threads decide what is said.
#[test]
fn kernels_and_threads_change_nothing() {
    let workplace = Workplace::new(&tiny::SEQUENCE);
    let model = workplace.model();
    let run = |options: &[&str]| {
        let mut arguments = vec!["run", &model, "hello there", "the end", "--json"];
        arguments.extend(options);
        succeed(&arguments, b"")
    };
    let expected = run(&["--kernels", "scalar"]);
    for threads in ["0", "1", "2", "5"] {
        assert_eq!(run(&["--threads", threads]), expected);
    }
    for set in InstructionSet::available() {
        assert_eq!(run(&["--kernels", set.name()]), expected);
    }
}

#[test]
fn a_text_for_people_has_no_escapes_when_it_is_not_for_a_terminal() {
    let workplace = Workplace::new(&tiny::SEQUENCE);
    let text = succeed(&["run", &workplace.model(), "hello", "there"], b"");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(text.starts_with("hello\n  "), "{text:?}");
    assert!(text.contains("\n\nthere\n  "), "{text:?}");
}

#[test]
fn tokens_carry_pieces_offsets_and_labels() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let json = succeed(
        &["run", &workplace.model(), "Go, éb", "--tokens", "--json"],
        b"",
    );
    let [report] = &reports(&json)[..] else {
        panic!("{json}")
    };
    let Outcome::TokenClassification {
        tokens: Some(tokens),
        ..
    } = &report.result
    else {
        panic!("{json}")
    };
    let pieces: Vec<(&str, usize, usize)> = tokens
        .iter()
        .map(|token| (token.piece.as_str(), token.start, token.end))
        .collect();
    assert_eq!(
        pieces,
        [
            ("g", 0, 1),
            ("##o", 1, 2),
            (",", 2, 3),
            ("e", 4, 6),
            ("##b", 6, 7)
        ]
    );
    assert!(
        tokens
            .iter()
            .all(|token| tiny::TOKEN.labels.contains(&token.label.as_str()))
    );
}

#[test]
fn a_text_has_an_intent_and_its_tokens_slots() {
    let workplace = Workplace::new(&tiny::JOINT);
    let json = succeed(
        &["run", &workplace.model(), "the end", "--json", "--tokens"],
        b"",
    );
    let Outcome::Joint { labels, tokens, .. } = &reports(&json)[0].result else {
        panic!("another head: {json}");
    };
    let mut intents: Vec<&str> = labels.iter().map(|label| label.label.as_str()).collect();
    intents.sort_unstable();
    assert_eq!(intents, ["alarm", "flight", "weather"]);
    assert!(labels.is_sorted_by(|a, b| a.probability >= b.probability));
    let tokens = tokens.as_ref().unwrap();
    assert_eq!(tokens.len(), 4);
    let known = |label: &str| tiny::JOINT.labels.contains(&label);
    assert!(tokens.iter().all(|token| known(&token.label)));
    let people = succeed(&["run", &workplace.model(), "the end"], b"");
    assert!(people.contains("weather"), "{people}");
}

#[test]
fn questions_are_answered_from_the_text() {
    let workplace = Workplace::new(&tiny::SPANS);
    let model = workplace.model();
    let context = "the king sings, abc def ghi";
    let asked = ["run", &model, "--question", "who sings", context, "--json"];
    let report = &reports(&succeed(&asked, b""))[0];
    assert_eq!(report.question.as_deref(), Some("who sings"));
    assert_eq!((report.text.as_str(), report.truncation), (context, None));
    let Outcome::Answer { span, .. } = &report.result else {
        panic!("another head");
    };
    let span = span.as_ref().unwrap();
    assert_eq!(span.text, context[span.start..span.end]);

    let limited = [&asked[..], &["--limit", "16"]].concat();
    let windows = &reports(&succeed(&limited, b""))[0];
    assert_eq!(windows.truncation, None);
    assert!(windows.tokens > report.tokens, "{}", windows.tokens);
    let less = [&asked[..], &["--limit", "14"]].concat();
    fail(&less, b"", &["--question: too long"]);

    fail(&["run", &model, context], b"", &["--question"]);
    let other = Workplace::new(&tiny::SEQUENCE);
    let arguments = ["run", &other.model(), "-q", "who sings", context];
    fail(&arguments, b"", &["answers no questions"]);
    let files = ["validate", &workplace.checkpoint(), &model, "--texts", "-"];
    fail(&files, b"no tab\n", &["a question, a tab", "no tab"]);
}

#[test]
fn truncation_is_said() {
    let workplace = Workplace::new(&tiny::EMBEDDING);
    let (model, text) = (workplace.model(), "a b c d e f");
    let whole = succeed(&["run", &model, text, "--json"], b"");
    assert_eq!(reports(&whole)[0].truncation, None);
    let cut = succeed(&["run", &model, text, "--json", "--limit", "5"], b"");
    let report = &reports(&cut)[0];
    let truncation = report.truncation.expect("cut to 5 tokens");
    assert_eq!(
        (
            report.tokens,
            truncation.tokens_needed,
            truncation.bytes_read
        ),
        (5, 8, 5)
    );
    let people = succeed(&["run", &model, text, "--limit", "5"], b"");
    assert!(
        people.contains("truncated: the model read 5 of 8 tokens"),
        "{people}"
    );
}

#[test]
fn where_tokens_have_labels_nothing_is_cut_off() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let (model, text) = (workplace.model(), "a b c d e f g h i j k ".repeat(9));
    let read = succeed(
        &["run", &model, &text, "--json", "--tokens", "--limit", "9"],
        b"",
    );
    let report = &reports(&read)[0];
    assert_eq!(report.truncation, None);
    let Outcome::TokenClassification {
        tokens: Some(tokens),
        ..
    } = &report.result
    else {
        panic!("{report:?}");
    };
    let places: Vec<usize> = tokens.iter().map(|token| token.start).collect();
    assert_eq!(places, (0..text.len()).step_by(2).collect::<Vec<_>>());
}

#[test]
fn the_model_shipped_understands_commands() {
    let said = succeed(
        &["run", "put Billie Eilish on my workout list", "--json"],
        b"",
    );
    let said: Value = serde_json::from_str(&said).unwrap();
    let joint = &said["result"]["joint"];
    assert_eq!(joint["labels"][0]["label"], "AddToPlaylist", "{said}");
    let entities = joint["entities"].as_array().unwrap();
    let entities: Vec<_> = entities
        .iter()
        .map(|entity| [&entity["label"], &entity["text"]].map(|v| v.as_str().unwrap()))
        .collect();
    assert_eq!(
        entities,
        [
            ["artist", "Billie Eilish"],
            ["playlist_owner", "my"],
            ["playlist", "workout"]
        ]
    );
}
