//! A picture of the memory that the steps of a text take.

use std::fmt::Write;

use super::Analysis;

/// Colours of regions that stay apart for everybody (Okabe and Ito).
const COLOURS: [(&str, &str); 7] = [
    ("tokens", "#999999"),
    ("hidden states", "#0072b2"),
    ("attention context", "#56b4e9"),
    ("keys and values", "#e69f00"),
    ("context of a tile", "#cc79a7"),
    ("a tile of rows", "#d55e00"),
    ("results", "#009e73"),
];

/// Pixels.
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
    let step_width = WIDTH / sram.steps.len() as f64;
    let mut out = String::new();
    let mut draw = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    let (full_width, full_height) = (LEFT + WIDTH + 20.0, TOP + HEIGHT + BELOW);
    draw(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full_width} {full_height}" font-family="sans-serif" font-size="12">"#
    ));
    draw(format!(
        r#"<rect width="{full_width}" height="{full_height}" fill="white"/>"#
    ));
    draw(format!(
        r#"<text x="{LEFT}" y="24" font-size="15">{}, {} tokens: {:.1} KiB of scratch</text>"#,
        escape(title),
        analysis.tokens,
        kib(sram.scratch)
    ));
    let stack = kib(sram.stack);
    let of = kib(sram.available);
    let verdict = if sram.needed <= sram.available {
        "fits"
    } else {
        "does not fit"
    };
    draw(format!(
        r#"<text x="{LEFT}" y="42" fill="gray">with {stack:.1} KiB of stack it {verdict} {}, which has {of:.0} KiB</text>"#,
        board.name
    ));
    for fourth in 0..=4 {
        let bytes = sram.scratch as f64 / 4.0 * f64::from(fourth);
        let (at, end) = (y(bytes), LEFT + WIDTH);
        draw(format!(
            r##"<line x1="{LEFT}" y1="{at:.1}" x2="{end}" y2="{at:.1}" stroke="#dddddd"/>"##
        ));
        draw(format!(
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{:.1} KiB</text>"#,
            LEFT - 6.0,
            at + 4.0,
            bytes / 1024.0
        ));
    }
    for (index, step) in sram.steps.iter().enumerate() {
        let x = LEFT + index as f64 * step_width;
        let mut below = 0;
        for region in step.regions.iter().filter(|region| region.bytes > 0) {
            let (top, bottom) = (y((below + region.bytes) as f64), y(below as f64));
            draw(format!(
                r#"<rect x="{:.1}" y="{top:.1}" width="{:.1}" height="{:.1}" fill="{}"><title>{}: {}, {} bytes</title></rect>"#,
                x + 1.0,
                (step_width - 2.0).max(1.0),
                bottom - top,
                colour(region.name),
                step.name,
                region.name,
                region.bytes
            ));
            below += region.bytes;
        }
        let (x, y) = (x + step_width / 2.0 + 4.0, TOP + HEIGHT + 12.0);
        draw(format!(
            r#"<text transform="translate({x:.1} {y:.1}) rotate(-60)" text-anchor="end" font-size="10">{}</text>"#,
            step.name
        ));
    }
    for (index, (name, colour)) in COLOURS.iter().enumerate() {
        let x = LEFT + index as f64 * WIDTH / COLOURS.len() as f64;
        let y = full_height - 14.0;
        draw(format!(
            r#"<rect x="{x:.1}" y="{:.1}" width="10" height="10" fill="{colour}"/>"#,
            y - 9.0
        ));
        draw(format!(
            r#"<text x="{:.1}" y="{y:.1}" font-size="10">{name}</text>"#,
            x + 14.0
        ));
    }
    draw("</svg>".into());
    out
}

fn kib(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}

fn colour(region: &str) -> &'static str {
    let found = COLOURS.iter().find(|(name, _)| *name == region);
    found.map_or("black", |(_, colour)| colour)
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}
