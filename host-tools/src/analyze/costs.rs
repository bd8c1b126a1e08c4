//! Instructions by operation, as they were counted.
//!
//! `instructions.json` is what `cargo xtask bench` counts in QEMU; the test `instruction_counts`
//! holds it to be true and writes it anew.

use std::collections::BTreeMap;

use super::trace::{Operation, Trace, Work};

/// Instructions of the kernels of one machine and instruction set.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Products of layers, and of attention.
    linear: Product,
    matmul: Product,
    /// Any other operation, an element.
    elements: BTreeMap<Operation, f64>,
    /// What is around the kernels, for each call of one.
    call: f64,
    /// Making a token of text.
    token: f64,
}

/// What a sum takes: so much, and so much for each of its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Product {
    output: f64,
    input: f64,
}

impl Product {
    /// The least squares of what each sum of some depth takes.
    fn fit(points: &[(f64, f64)]) -> Self {
        let count = points.len() as f64;
        let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / count;
        let (depth, cost) = (mean(|p| p.0), mean(|p| p.1));
        let spread: f64 = points.iter().map(|p| (p.0 - depth).powi(2)).sum();
        let slope: f64 = points.iter().map(|p| (p.0 - depth) * (p.1 - cost)).sum();
        let input = slope / spread;
        Product {
            output: cost - input * depth,
            input,
        }
    }
}

/// What is around the kernels, by its names in the counts.
pub const AROUND: [&str; 2] = ["call", "token"];

/// Operations that are no products, by their names in the counts.
const ELEMENTS: [(&str, Operation); 14] = [
    ("Softmax", Operation::Softmax),
    ("Activate", Operation::Activate),
    ("Normalize", Operation::Normalize),
    ("Expand", Operation::Expand),
    ("AddEmbedding", Operation::AddEmbedding),
    ("AddHidden", Operation::AddHidden),
    ("QuantizeHidden", Operation::QuantizeHidden),
    ("Quantize", Operation::Quantize),
    ("QuantizeActivated", Operation::QuantizeActivated),
    ("ScaleDown", Operation::ScaleDown),
    ("Range", Operation::Range),
    ("RangeActivated", Operation::RangeActivated),
    ("MaxAbs", Operation::MaxAbs),
    ("PackValues", Operation::PackValues),
];

impl Costs {
    /// The costs of a machine and set, such as `mps2-an386 dsp`.
    ///
    /// # Panics
    /// If there are no counts of it: a test asks for those of every board.
    pub fn of(target: &str) -> Self {
        let counts = serde_json::from_str(include_str!("instructions.json"));
        Self::from_counts(&counts.expect("counts by name"), target)
    }

    /// The same of other counts, by names such as `mps2-an386 dsp, Linear 128x128x512`.
    ///
    /// # Panics
    /// Likewise.
    pub fn from_counts(counts: &BTreeMap<String, u64>, target: &str) -> Self {
        let (mut linear, mut matmul) = (Vec::new(), Vec::new());
        let (mut elements, mut around) = (BTreeMap::new(), [0.0; 2]);
        for (name, count) in counts {
            let Some(rest) = name
                .strip_prefix(target)
                .and_then(|rest| rest.strip_prefix(", "))
            else {
                continue;
            };
            let (what, shape) = rest.split_once(' ').unwrap_or((rest, ""));
            let sizes: Vec<f64> = shape.split('x').map_while(|n| n.parse().ok()).collect();
            let count = *count as f64;
            match (what, &sizes[..]) {
                ("Linear", &[rows, depth, columns]) => {
                    linear.push((depth, count / rows / columns));
                }
                ("Matmul", &[rows, depth, columns]) => {
                    matmul.push((depth, count / rows / columns));
                }
                (what, &[rows, columns]) => {
                    if let Some((_, operation)) = ELEMENTS.iter().find(|(name, _)| *name == what) {
                        elements.insert(*operation, count / rows / columns);
                    }
                }
                _ => {
                    if let Some(index) = AROUND.iter().position(|&name| name == what) {
                        around[index] = count;
                    }
                }
            }
        }
        assert!(linear.len() > 1, "there are no counts of {target}");
        let [call, token] = around;
        Costs {
            linear: Product::fit(&linear),
            matmul: Product::fit(&matmul),
            elements,
            call,
            token,
        }
    }

    /// What two texts of as many tokens each take around the kernels, by call and by token: from
    /// their work and the instructions that were counted.
    pub fn around(&self, texts: [(&Trace, f64); 2], tokens: usize) -> [f64; 2] {
        let [more, less] = texts.map(|(trace, counted)| {
            let calls: u64 = trace.values().map(|work| work.calls).sum();
            let kernels = trace
                .iter()
                .map(|(&(_, operation, depth), &work)| self.kernels(operation, depth, work));
            (counted - kernels.sum::<f64>(), calls as f64)
        });
        let call = ((more.0 - less.0) / (more.1 - less.1)).max(0.0);
        let token = (less.0 - call * less.1) / tokens as f64;
        match token {
            0.0.. => [call, token],
            // Other inaccuracies are larger than what tokens take.
            _ => [(more.0 + less.0) / (more.1 + less.1), 0.0],
        }
    }

    fn kernels(&self, operation: Operation, depth: usize, work: Work) -> f64 {
        let each = match operation {
            Operation::Linear => self.linear.output + self.linear.input * depth as f64,
            Operation::Matmul => self.matmul.output + self.matmul.input * depth as f64,
            other => self.elements.get(&other).copied().unwrap_or_default(),
        };
        each * work.outputs as f64
    }

    /// Instructions of some work, and of what is around the calls.
    pub fn work(&self, operation: Operation, depth: usize, work: Work) -> f64 {
        self.kernels(operation, depth, work) + self.call * work.calls as f64
    }

    /// Instructions of making tokens.
    pub fn tokens(&self, count: usize) -> f64 {
        self.token * count as f64
    }
}
