//! The command line as its users meet it: the binary, its output and its exit codes.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use embert::Header;
use embert::kernels::InstructionSet;
use embert::memory::{Plan, TILE};
use embert_tests::tiny::{self, Flavour, Tiny};
use embert_tools::analyze::boards;
use embert_tools::report::{Outcome, Report};
use serde_json::Value;

fn embert(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_embert"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A process that fails before it reads leaves a broken pipe: its output is what counts.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn succeed(arguments: &[&str], stdin: &[u8]) -> String {
    let output = embert(arguments, stdin);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn fail(arguments: &[&str], stdin: &[u8], words: &[&str]) {
    let output = embert(arguments, stdin);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(stderr.starts_with("error: "), "{stderr:?}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
    }
}

/// A folder with a tiny checkpoint in `checkpoint` and its blob in `model.embert`.
struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    fn new(tiny: &Tiny) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workplace = Self { folder };
        fs::create_dir(workplace.path("checkpoint")).unwrap();
        tiny.write(&workplace.path("checkpoint"), Flavour::usual(tiny))
            .unwrap();
        succeed(
            &[
                "quantize",
                &workplace.checkpoint(),
                "-o",
                &workplace.model(),
            ],
            b"",
        );
        workplace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().into()
    }

    fn checkpoint(&self) -> String {
        self.text("checkpoint")
    }

    fn model(&self) -> String {
        self.text("model.embert")
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

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
fn sections_add_up_to_the_blob() {
    for tiny in tiny::ALL {
        let workplace = Workplace::new(&tiny);
        let json = succeed(&["inspect", &workplace.model(), "--json"], b"");
        let inspection: Value = serde_json::from_str(&json).unwrap();
        let sections = inspection["sections"].as_array().unwrap().iter();
        let sum: u64 = sections
            .map(|section| section["bytes"].as_u64().unwrap())
            .sum();
        let size = fs::metadata(workplace.path("model.embert")).unwrap().len();
        assert_eq!(
            (sum, inspection["bytes"].as_u64()),
            (size, Some(size)),
            "{}",
            tiny.name
        );
        let count = |what: &str| inspection[what].as_array().unwrap().len();
        let names = tiny.intents.len() + tiny.labels.len();
        assert_eq!(count("labels") + count("token_labels"), names);
        assert_eq!(count("token_labels") > 0, !tiny.intents.is_empty());
        let longest = inspection["scratch"].as_array().unwrap().last().unwrap();
        assert_eq!(longest["tokens"], tiny.positions);
    }
}

#[test]
fn a_damaged_blob_is_found_out() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let model = workplace.model();
    assert!(succeed(&["inspect", &model], b"").contains("intact"));
    let mut bytes = fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&model, &bytes).unwrap();
    fail(
        &["inspect", &model],
        b"",
        &["checksum is wrong", "model.embert"],
    );
    fs::write(&model, &bytes[..middle]).unwrap();
    fail(
        &["run", &model, "hello"],
        b"",
        &["model.embert cannot be used", "embert quantize"],
    );
}

#[test]
fn validation_compares_both_models() {
    // Of which a model that answers questions takes what is before the tab for one.
    let texts = b"hello there\tthe sea\n\nthe quick\tbrown fox\nabc, def.\tghi\n";
    for tiny in tiny::ALL {
        let workplace = Workplace::new(&tiny);
        let (checkpoint, model) = (workplace.checkpoint(), workplace.model());
        let arguments = [
            "validate",
            &checkpoint,
            &model,
            "--texts",
            "-",
            "--json",
            "--worst",
            "2",
        ];
        let summary: Value = serde_json::from_str(&succeed(&arguments, texts)).unwrap();
        assert_eq!(summary["texts"], 3);
        assert_eq!(summary["worst"].as_array().unwrap().len(), 2);
        if tiny.name == tiny::SPANS.name {
            // Of few tokens with random weights, so small gaps decide.
            assert!(summary["agreement"].as_f64().unwrap() > 0.6, "{summary}");
            assert_eq!(summary["probability_gap"], Value::Null);
        } else if tiny.labels.is_empty() {
            assert!(
                summary["cosine"]["min"].as_f64().unwrap() > 0.98,
                "{summary}"
            );
            assert_eq!(summary["agreement"], Value::Null);
        } else {
            assert!(summary["agreement"].as_f64().unwrap() > 0.8, "{summary}");
            assert!(
                summary["probability_gap"].as_f64().unwrap() < 0.2,
                "{summary}"
            );
        }
        let intents = &summary["intent_agreement"];
        assert_eq!(intents.is_number(), !tiny.intents.is_empty(), "{summary}");
        let people = succeed(&["validate", &checkpoint, &model, "--texts", "-"], texts);
        assert!(people.contains("worst texts"), "{people}");
        assert_eq!(people.contains("intents agree"), intents.is_number());
    }
    let (one, other) = (
        Workplace::new(&tiny::TOKEN),
        Workplace::new(&tiny::SEQUENCE),
    );
    let arguments = [
        "validate",
        &one.checkpoint(),
        &other.model(),
        "--texts",
        "-",
    ];
    fail(
        &arguments,
        texts,
        &[
            "not made from this checkpoint",
            "layers",
            "2 in the blob",
            "3 in the checkpoint",
        ],
    );
}

#[test]
fn int4_is_smaller_and_says_so() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let (checkpoint, small) = (workplace.checkpoint(), workplace.path("small.embert"));
    let (small, parts) = (small.to_str().unwrap(), "embeddings,feed-forward");
    succeed(
        &["quantize", &checkpoint, "-o", small, "--int4", parts],
        b"",
    );
    let bytes = |path: &str| fs::metadata(path).unwrap().len();
    assert!(bytes(small) < bytes(&workplace.model()));
    let people = succeed(&["inspect", small], b"");
    for section in [
        "word embeddings, int4",
        "position and segment embeddings, int4 and int8",
        "attention, int8",
        "feed-forward, int4",
        "head, int8",
    ] {
        assert!(people.contains(section), "{section}: {people}");
    }
    succeed(&["run", small, "the king sings."], b"");
}

#[test]
fn a_blob_appears_whole_or_not_at_all() {
    let workplace = Workplace::new(&tiny::TOKEN);
    assert_eq!(workplace.names(), ["checkpoint", "model.embert"]);
    let before = fs::read(workplace.model()).unwrap();
    succeed(
        &[
            "quantize",
            &workplace.checkpoint(),
            "-o",
            &workplace.model(),
        ],
        b"",
    );
    assert_eq!(
        fs::read(workplace.model()).unwrap(),
        before,
        "the same checkpoint gives the same blob"
    );

    let nowhere = workplace.text("nowhere/model.embert");
    fail(
        &["quantize", &workplace.checkpoint(), "-o", &nowhere],
        b"",
        &["cannot write", "nowhere"],
    );
    fs::remove_file(workplace.path("checkpoint/vocab.txt")).unwrap();
    let other = workplace.text("other.embert");
    fail(
        &["quantize", &workplace.checkpoint(), "-o", &other],
        b"",
        &["holds no tokenizer"],
    );
    assert_eq!(workplace.names(), ["checkpoint", "model.embert"]);
}

#[test]
fn a_notice_travels_in_the_blob() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let inspect = || succeed(&["inspect", &workplace.model()], b"");
    assert!(
        inspect().contains("Made from the checkpoint checkpoint."),
        "{}",
        inspect()
    );
    fs::write(workplace.path("checkpoint/NOTICE"), "By Ada, CC BY 4.0\n").unwrap();
    succeed(
        &[
            "quantize",
            &workplace.checkpoint(),
            "-o",
            &workplace.model(),
        ],
        b"",
    );
    assert!(inspect().contains("By Ada, CC BY 4.0"), "{}", inspect());
}

#[test]
fn mistakes_are_explained() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let model = workplace.model();
    fail(
        &["run", &workplace.checkpoint(), "hello"],
        b"",
        &["is a folder", "embert quantize"],
    );
    fail(
        &["run", "absent.embert", "hello"],
        b"",
        &["cannot open absent.embert"],
    );
    fail(&["run", &model, "hello", "--file", "x"], b"", &["not both"]);
    fail(
        &["run", &model],
        b"fine\n\xff\n",
        &["line 2 of stdin", "UTF-8"],
    );
    fail(
        &["run", &model, "hello", "--limit", "2"],
        b"",
        &["--limit is too small"],
    );
    fail(
        &["run", &model, "hello", "--kernels", "abacus"],
        b"",
        &["--kernels", "abacus", "scalar"],
    );
    fail(
        &["validate", &workplace.checkpoint(), &model, "--texts", "-"],
        b"\n",
        &["no texts"],
    );
    let help = succeed(&["run", "--help"], b"");
    assert!(help.contains("Examples:"), "{help}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let mut child = Command::new(env!("CARGO_BIN_EXE_embert"))
        .args(["run", &workplace.model(), "--file", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all(b"hello\nthere\n");
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn boards_are_analyzed() {
    let boards = succeed(&["analyze", "--boards"], b"");
    assert!(boards.contains("nrf52840") && boards.contains("Cortex-M4F"));

    let workplace = Workplace::new(&tiny::TOKEN);
    let (model, picture) = (workplace.text("model.embert"), workplace.text("memory.svg"));
    let arguments = [
        "analyze",
        &model,
        "--board",
        "nrf52840",
        "--tokens",
        "16",
        "--json",
        "--picture",
        &picture,
    ];
    let analysis: Value = serde_json::from_str(&succeed(&arguments, b"")).unwrap();
    assert_eq!(analysis["fits"], true);
    let sram = &analysis["sram"];
    let needed = sram["scratch"].as_u64().unwrap() + sram["stack"].as_u64().unwrap();
    assert_eq!(sram["needed"], needed);
    let parts = analysis["parts"].as_array().unwrap();
    let sum = |what: &str| {
        parts
            .iter()
            .map(|part| part[what].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(analysis["text"]["macs"], sum("macs"));
    assert_eq!(analysis["text"]["instructions"], sum("instructions"));
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));

    fail(
        &["analyze", &model, "--board", "pdp11"],
        b"",
        &["pdp11", "esp32-c3"],
    );
    let over = ["analyze", &model, "--board", "pi5", "--tokens", "100000"];
    fail(&over, b"", &["--tokens"]);
}

#[test]
fn the_best_that_fits_is_written() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let checkpoint = workplace.checkpoint();
    let [texts, corpus, best, picture] =
        ["texts.txt", "corpus.txt", "best.embert", "frontier.svg"].map(|name| workplace.text(name));
    fs::write(&texts, "the king sings\nof the end\n").unwrap();
    fs::write(&corpus, "a song of the king\n").unwrap();
    let mut arguments = vec!["fit", &checkpoint, "--board", "nrf52840", "--tokens", "16"];
    arguments.extend(["--texts", &texts, "--vocab-from", &corpus, "-o", &best]);
    arguments.extend(["--picture", &picture, "--json"]);
    let found: Value = serde_json::from_str(&succeed(&arguments, b"")).unwrap();
    let candidates = found["candidates"].as_array().unwrap();
    // Of four vocabularies, eight choices in 4 bits and three of half the rank each.
    assert_eq!(candidates.len(), 44);
    let agreement = |candidate: &Value| candidate["agreement"].as_f64().unwrap();
    let most = candidates.iter().map(agreement).fold(0.0, f64::max);
    assert_eq!(agreement(&found["best"]), most);
    let bytes = fs::metadata(&best).unwrap().len();
    assert_eq!(found["best"]["bytes"], bytes);
    succeed(&["inspect", &best], b"");
    assert!(fs::read_to_string(&picture).unwrap().starts_with("<svg"));

    arguments[3] = "pdp11";
    fail(&arguments, b"", &["pdp11", "rp2350"]);
    (arguments[3], arguments[5]) = ("nrf52840", "100000");
    fail(&arguments, b"", &["--tokens"]);
}

/// The SAMD21 has room for the longest text in int8 alone, then for no variant.
#[test]
fn what_a_board_has_no_memory_for_is_not_made() {
    let workplace = Workplace::new(&Tiny {
        positions: 1000,
        ..tiny::TOKEN
    });
    let shape = Header::read(&fs::read(workplace.model()).unwrap())
        .unwrap()
        .shape;
    let room = boards::find("samd21").unwrap().scratch_room();
    let most = Plan::largest(&shape, room, TILE, 1).unwrap().tokens;
    let (checkpoint, texts) = (workplace.checkpoint(), workplace.text("texts.txt"));
    fs::write(&texts, "the king sings\n").unwrap();
    let fit = |tokens: usize| {
        let tokens = tokens.to_string();
        let board = ["fit", &checkpoint, "--board", "samd21", "--tokens", &tokens];
        let files = ["--texts", &texts, "--calibration", &texts, "--json"];
        embert(&[&board[..], &files].concat(), b"")
    };
    let words = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();

    let output = fit(most);
    let said = words(&output);
    assert!(said.contains("left out: int4 attention"), "{said}");
    assert!(said.contains(&format!("samd21 has {room} ")), "{said}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |what: &str| found[what].as_array().unwrap().len();
    assert_eq!((count("candidates"), count("left_out")), (4, 7));
    let would_fit = &found["left_out"][0]["most_tokens"];
    assert!(would_fit.as_u64().unwrap() < most as u64);
    assert!(said.contains(&format!("--tokens {would_fit} ")), "{said}");

    let output = fit(most + 1);
    assert!(!output.status.success() && output.stdout.is_empty());
    let said = words(&output);
    assert!(said.contains(&format!("--tokens {most} ")), "{said}");
    assert!(said.contains("error: samd21 has too little SRAM"), "{said}");
}
