//! A picture of size against agreement.

use super::Candidate;
use crate::svg::{Anchor, Svg};

const LEFT: f64 = 80.0;
const TOP: f64 = 50.0;
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;

/// Sorted candidates, the frontier as a line, and the budget.
pub fn svg(candidates: &[Candidate], room: usize, title: &str) -> String {
    let mut svg = Svg::new(LEFT + WIDTH + 30.0, TOP + HEIGHT + 50.0);
    svg.text([LEFT, 26.0], 15.0, Anchor::Start, title);
    let (right, bottom) = (LEFT + WIDTH, TOP + HEIGHT);
    let largest = candidates.iter().map(|c| c.bytes).max().unwrap_or(1);
    let largest = largest as f64 * 1.05;
    let agreements = || candidates.iter().map(|c| c.agreement);
    let (low, high) = (
        agreements().fold(1.0, f64::min),
        agreements().fold(0.0, f64::max),
    );
    let margin = ((high - low) * 0.1).max(1e-4);
    let (low, high) = (low - margin, high + margin);
    let place = |bytes: f64, agreement: f64| {
        [
            LEFT + bytes / largest * WIDTH,
            bottom - (agreement - low) / (high - low) * HEIGHT,
        ]
    };
    for fourth in 0..=4 {
        let part = f64::from(fourth) / 4.0;
        let agreement = low + (high - low) * part;
        let [_, y] = place(0.0, agreement);
        svg.path(&[[LEFT, y], [right, y]], "#dddddd");
        let label = format!("{agreement:.4}");
        svg.text([LEFT - 6.0, y + 4.0], 11.0, Anchor::End, &label);
        let label = format!("{:.0} KiB", largest * part / 1024.0);
        svg.text(
            [LEFT + WIDTH * part, bottom + 18.0],
            11.0,
            Anchor::Middle,
            &label,
        );
    }
    svg.text(
        [LEFT + WIDTH / 2.0, bottom + 38.0],
        12.0,
        Anchor::Middle,
        "size of the blob",
    );
    if (room as f64) < largest {
        let [x, _] = place(room as f64, low);
        svg.path(&[[x, TOP], [x, bottom]], "#d55e00");
        svg.text([x + 4.0, TOP + 12.0], 11.0, Anchor::Start, "budget");
    }
    let frontier: Vec<[f64; 2]> = candidates
        .iter()
        .filter(|c| c.on_frontier)
        .map(|c| place(c.bytes as f64, c.agreement))
        .collect();
    svg.path(&frontier, "#0072b2");
    for candidate in candidates {
        let colour = match candidate.on_frontier {
            true => "#0072b2",
            false => "#999999",
        };
        let what = format!("{:?}, {} bytes", candidate.variant, candidate.bytes);
        let at = place(candidate.bytes as f64, candidate.agreement);
        svg.dot(at, 4.0, colour, &what);
    }
    svg.finish()
}
