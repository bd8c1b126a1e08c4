//! The project's own limits: the most instructions that a figure may take.

use super::Row;

/// The most that one figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Instructions per multiply-accumulate or element.
    Each(f64),
    /// Millions of instructions in all.
    Millions(f64),
}

impl Limit {
    /// The same limit with room.
    pub fn times(self, factor: f64) -> Self {
        match self {
            Limit::Each(most) => Limit::Each(most * factor),
            Limit::Millions(most) => Limit::Millions(most * factor),
        }
    }

    /// Whether a figure keeps to it.
    pub fn holds(self, row: &Row) -> bool {
        match (self, row.each(), row.instructions) {
            (Limit::Each(most), Some(each), _) => each <= most,
            (Limit::Millions(most), _, Some(instructions)) => instructions as f64 <= most * 1e6,
            _ => false,
        }
    }
}

/// Whether any figure of an instruction set has a limit.
pub fn has_limits(set: &str) -> bool {
    !matches!(set, "portable" | "rvm" | "scalar")
}

/// The limit of a figure, if it has one.
pub fn limit(row: &Row) -> Option<Limit> {
    let (machine, set) = row.target.split_once(' ')?;
    let sizes: Vec<u32> = row
        .shape
        .split('x')
        .filter_map(|n| n.parse().ok())
        .collect();
    let depth = || sizes.get(1).copied();
    // With few columns, most instructions are those of a row, not of its products.
    if let &[_, _, 16] = &sizes[..] {
        return None;
    }
    let each = match (set, row.what.as_str()) {
        ("muls", "Linear") => match depth()? {
            128 => 3.4,
            _ => 3.0,
        },
        ("mla", "Linear") => match depth()? {
            128 => 2.0,
            _ => 1.9,
        },
        ("dsp", "Linear") => match depth()? {
            128 => 1.05,
            _ => 1.0,
        },
        ("helium", "Linear") => match depth()? {
            128 => 0.17,
            256 => 0.15,
            _ => 0.14,
        },
        ("neon", "Linear") => 0.30,
        ("dotprod", "Linear") => 0.10,
        ("i8mm", "Linear") => 0.07,
        ("rvv", "Linear") => 0.15,
        ("simd128", "Linear") => match depth()? {
            128 => 0.38,
            _ => 0.35,
        },
        ("dsp", "Softmax") if machine == "mps2-an386" => 20.0,
        ("helium", "Softmax") => 6.0,
        ("muls", "text") => return millions(row, [Some(245), Some(145), None]),
        ("mla", "text") => return millions(row, [Some(140), Some(80), None]),
        ("dsp", "text") if machine == "mps2-an386" => {
            return millions(row, [Some(80), Some(50), Some(95)]);
        }
        ("helium", "text") => return millions(row, [Some(13), Some(9), Some(24)]),
        _ => return None,
    };
    Some(Limit::Each(each))
}

/// The limit of a text, in millions: with token labels, with one label for the text, or in int4.
fn millions(row: &Row, [tokens, sequence, int4]: [Option<u32>; 3]) -> Option<Limit> {
    let limit = match row.shape.split(' ').nth(1)? {
        "tokens" => tokens,
        "sequence" => sequence,
        _ => int4,
    };
    limit.map(|most| Limit::Millions(f64::from(most)))
}
