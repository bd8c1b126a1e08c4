//! `embert analyze` and `fit`: what boards have room for.

use std::{fs, process::Output};

use embert::Header;
use embert::{Plan, TILE};
use embert_tests::tiny::{self, Tiny};
use embert_tools::analyze::boards;
use serde_json::Value;

use crate::command::{Workplace, embert, fail, succeed};

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
