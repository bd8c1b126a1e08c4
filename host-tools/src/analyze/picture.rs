//! A picture of the memory that the steps of a text take.

use super::Analysis;
use crate::svg::{Anchor, Svg};

/// Colours of regions that stay apart for everybody (Okabe and Ito).
const COLOURS: [(&str, &str); 7] = [
    ("tokens", "#999999"),
    ("hidden states", "#0072b2"),
    ("attention context", "#56b4e9"),
    ("keys and values", "#e69f00"),
    ("context of a row block", "#cc79a7"),
    ("a row block", "#d55e00"),
    ("results", "#009e73"),
];

const LEFT: f64 = 70.0;
const TOP: f64 = 60.0;
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
const BELOW: f64 = 120.0;

/// The scratch over the steps of a text, as SVG.
pub fn svg(analysis: &Analysis, title: &str) -> String {
    let (sram, board) = (&analysis.sram, &analysis.board);
    let most = (sram.scratch as f64 * 1.15).max(1.0);
    let y = |bytes: f64| TOP + HEIGHT - bytes / most * HEIGHT;
    let end = LEFT + WIDTH;
    let mut svg = Svg::new(end + 20.0, TOP + HEIGHT + BELOW);

    let (tokens, scratch, stack) = (analysis.tokens, kib(sram.scratch), kib(sram.stack));
    let heading = format!("{title}, {tokens} tokens: {scratch:.1} KiB of scratch");
    svg.text([LEFT, 24.0], 15.0, Anchor::Start, &heading);
    let fits = match sram.needed <= sram.available {
        true => "fits",
        false => "does not fit",
    };
    let (name, available) = (board.name, kib(sram.available));
    let verdict =
        format!("with {stack:.1} KiB of stack it {fits} {name}, which has {available:.0} KiB");
    svg.text([LEFT, 42.0], 12.0, Anchor::Start, &verdict);

    for fourth in 0..=4 {
        let bytes = sram.scratch as f64 / 4.0 * f64::from(fourth);
        let at = y(bytes);
        svg.path(&[[LEFT, at], [end, at]], "#dddddd");
        let label = format!("{:.1} KiB", bytes / 1024.0);
        svg.text([LEFT - 6.0, at + 4.0], 12.0, Anchor::End, &label);
    }
    let width = WIDTH / sram.steps.len() as f64;
    for (index, step) in sram.steps.iter().enumerate() {
        let x = LEFT + index as f64 * width;
        let mut below = 0;
        for region in step.regions.iter().filter(|region| region.bytes > 0) {
            let (top, bottom) = (y((below + region.bytes) as f64), y(below as f64));
            let area = [x + 1.0, top, (width - 2.0).max(1.0), bottom - top];
            let what = format!("{}: {}, {} bytes", step.name, region.name, region.bytes);
            svg.rect(area, colour(region.name), &what);
            below += region.bytes;
        }
        let at = [x + width / 2.0 + 4.0, TOP + HEIGHT + 12.0];
        svg.turned_text(at, 10.0, Anchor::End, -60.0, &step.name);
    }
    for (index, (name, colour)) in COLOURS.iter().enumerate() {
        let x = LEFT + index as f64 * WIDTH / COLOURS.len() as f64;
        let y = TOP + HEIGHT + BELOW - 14.0;
        svg.rect([x, y - 9.0, 10.0, 10.0], colour, "");
        svg.text([x + 14.0, y], 10.0, Anchor::Start, name);
    }
    svg.finish()
}

fn kib(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}

fn colour(region: &str) -> &'static str {
    let found = COLOURS.iter().find(|(name, _)| *name == region);
    found.map_or("black", |(_, colour)| colour)
}
