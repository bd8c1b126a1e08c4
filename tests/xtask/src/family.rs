//! The picture of accuracy against bytes: what the blobs in `weights/` reach, what other models reach
//! at their sizes, and what is published.

use std::fs;

use anyhow::{Context, Result};
use embert_tools::svg::{Anchor, Svg};
use serde::Deserialize;

use crate::toolchain::workspace_root;

const FIGURES: &str = "weights/figures.json";
const PICTURE: &str = "weights/accuracy.svg";

/// A point of the picture.
#[derive(Clone, Debug, Deserialize)]
struct Figure {
    /// What is scored, on which data.
    task: String,
    /// The kind of model; the first is embert's.
    family: String,
    name: String,
    /// Of the whole file, vocabulary included; of published models, their parameters in 32 bits.
    bytes: u64,
    /// In percent.
    score: f64,
}

const COLOURS: [&str; 6] = [
    "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#555555",
];
const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 50.0;
/// From one panel to the next.
const PANEL: f64 = HEIGHT + 110.0;

/// The verb `family`: draws the picture anew from the figures.
pub fn write() -> Result<()> {
    let root = workspace_root();
    let path = root.join(FIGURES);
    let figures = fs::read(&path).with_context(|| path.display().to_string())?;
    let figures: Vec<Figure> = serde_json::from_slice(&figures).context(FIGURES)?;
    fs::write(root.join(PICTURE), draw(&figures))?;
    Ok(())
}

/// Each of some strings once, in the order in which they come.
fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

fn draw(figures: &[Figure]) -> String {
    let tasks = distinct(figures.iter().map(|figure| figure.task.as_str()));
    let families = distinct(figures.iter().map(|figure| figure.family.as_str()));
    let mut svg = Svg::new(LEFT + WIDTH + 40.0, TOP + PANEL * tasks.len() as f64 + 20.0);
    let mut x = LEFT;
    for (family, colour) in families.iter().zip(COLOURS) {
        svg.dot([x, 16.0], 4.0, colour, family);
        svg.text([x + 8.0, 20.0], 11.0, Anchor::Start, family);
        x += 30.0 + 6.0 * family.len() as f64;
    }
    for (index, task) in tasks.iter().enumerate() {
        let of_task = figures.iter().filter(|figure| figure.task == *task);
        let of_task: Vec<&Figure> = of_task.collect();
        panel(
            &mut svg,
            TOP + PANEL * index as f64,
            task,
            &of_task,
            &families,
        );
    }
    svg.finish()
}

/// One task: bytes by powers of two from left to right, scores upwards.
fn panel(svg: &mut Svg, top: f64, task: &str, figures: &[&Figure], families: &[&str]) {
    let octave = |bytes: u64| (bytes as f64).log2();
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold([f64::MAX, f64::MIN], |[least, most], v| {
            [least.min(v), most.max(v)]
        })
    };
    let [low, high] = ends(&mut figures.iter().map(|figure| octave(figure.bytes)));
    let [low, high] = [low.floor(), high.ceil().max(low.floor() + 1.0)];
    let [worst, best] = ends(&mut figures.iter().map(|figure| figure.score));
    let [worst, best] = [(worst - 0.5).floor(), (best + 0.5).ceil().min(100.0)];
    let bottom = top + HEIGHT;
    let place = |figure: &Figure| {
        let x = (octave(figure.bytes) - low) / (high - low);
        let y = (figure.score - worst) / (best - worst);
        [LEFT + x * WIDTH, bottom - y * HEIGHT]
    };
    svg.text([LEFT, top - 8.0], 14.0, Anchor::Start, task);
    for octave in low as i32..=high as i32 {
        let x = LEFT + (f64::from(octave) - low) / (high - low) * WIDTH;
        svg.path(&[[x, top], [x, bottom]], "#eeeeee");
        let size = match octave {
            ..20 => format!("{} KB", 1u64 << (octave - 10)),
            _ => format!("{} MB", 1u64 << (octave - 20)),
        };
        svg.text([x, bottom + 18.0], 11.0, Anchor::Middle, &size);
    }
    let step = ((best - worst) / 8.0).ceil().max(1.0);
    let mut score = worst;
    while score <= best {
        let y = bottom - (score - worst) / (best - worst) * HEIGHT;
        svg.path(&[[LEFT, y], [LEFT + WIDTH, y]], "#dddddd");
        svg.text(
            [LEFT - 8.0, y + 4.0],
            11.0,
            Anchor::End,
            &format!("{score:.0}"),
        );
        score += step;
    }
    let dots = figures.iter().map(|figure| around(place(figure)));
    let mut taken: Vec<Area> = dots.collect();
    for figure in figures {
        let family = families.iter().position(|family| *family == figure.family);
        let family = family.unwrap_or_default();
        let dot = place(figure);
        let what = format!("{}: {}, {} bytes", figure.name, figure.score, figure.bytes);
        svg.dot(dot, RADIUS, COLOURS[family % COLOURS.len()], &what);
        let (start, area) = free_place(dot, &figure.name, &taken);
        svg.text(start, LETTERS, Anchor::Start, &figure.name);
        taken.push(area);
    }
    svg.text(
        [LEFT + WIDTH / 2.0, bottom + 38.0],
        12.0,
        Anchor::Middle,
        "whole file, vocabulary included",
    );
}

/// Left, top, right and bottom of what is drawn.
type Area = [f64; 4];

const RADIUS: f64 = 4.0;
/// The height of names, and about how wide a letter of one is.
const LETTERS: f64 = 10.0;
const LETTER_WIDTH: f64 = 5.5;

fn around([x, y]: [f64; 2]) -> Area {
    [x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS]
}

fn overlap(a: &Area, b: &Area) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Where the name of a dot begins so that it covers nothing, and what it takes: beside the dot if that
/// can be, else above or below it, as near as can be.
fn free_place([x, y]: [f64; 2], name: &str, taken: &[Area]) -> ([f64; 2], Area) {
    let width = LETTER_WIDTH * name.chars().count() as f64;
    let (right, left, middle) = (x + 7.0, x - 7.0 - width, x - width / 2.0);
    let beside = [[right, y + 3.5], [left, y + 3.5]];
    let farther = (0..4).flat_map(|line| {
        let away = 8.0 + LETTERS * f64::from(line);
        [middle, right, left].map(|start| [[start, y - away], [start, y + away + 7.0]])
    });
    let area = |[start, base]: [f64; 2]| [start, base - LETTERS + 2.0, start + width, base + 2.0];
    let mut places = beside.into_iter().chain(farther.flatten());
    let free = places.find(|&place| {
        let area = area(place);
        area[0] >= LEFT
            && area[2] <= LEFT + WIDTH + 40.0
            && !taken.iter().any(|other| overlap(&area, other))
    });
    let place = free.unwrap_or(beside[0]);
    (place, area(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_nothing() {
        let dots = [
            [300.0, 100.0],
            [305.0, 104.0],
            [360.0, 100.0],
            [310.0, 96.0],
        ];
        let mut taken: Vec<Area> = dots.iter().map(|&dot| around(dot)).collect();
        for dot in dots {
            let (_, area) = free_place(dot, "L4 H128", &taken);
            assert!(!taken.iter().any(|other| overlap(&area, other)), "{dot:?}");
            taken.push(area);
        }
    }

    #[test]
    fn the_picture_is_that_of_the_figures() -> Result<()> {
        let root = workspace_root();
        let figures: Vec<Figure> = serde_json::from_slice(&fs::read(root.join(FIGURES))?)?;
        assert_eq!(
            draw(&figures),
            fs::read_to_string(root.join(PICTURE))?,
            "draw it anew: cargo xtask family"
        );
        Ok(())
    }
}
