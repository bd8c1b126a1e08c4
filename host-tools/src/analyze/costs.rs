//! Instructions by operation, as counted in QEMU.
//!
//! `cargo xtask bench --record` writes `instructions.json`; `cargo xtask bench --check` compares.

use std::collections::BTreeMap;

use super::trace::{Operation, Trace, Work};

/// Instructions of the kernels of one machine and instruction set.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Matrix products of dense layers, and of attention.
    linear: Product,
    matmul: Product,
    /// Every other operation, per element.
    elements: BTreeMap<Operation, f64>,
    /// Instructions around a kernel, per call.
    call: f64,
    /// Tokenization, per token.
    token: f64,
}

/// What a product takes: so much for each row, for each of its sums, and for each of their inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Product {
    row: f64,
    output: f64,
    input: f64,
}

/// A product that was counted.
struct Counted {
    depth: f64,
    columns: f64,
    /// Instructions a sum.
    each: f64,
}

impl Product {
    /// The least squares of what each sum takes: `row / columns + output + input * depth`.
    fn fit(products: &[Counted]) -> Self {
        let count = products.len() as f64;
        let mean = |f: fn(&Counted) -> f64| products.iter().map(f).sum::<f64>() / count;
        let (share, depth) = (mean(|p| 1.0 / p.columns), mean(|p| p.depth));
        let each = mean(|p| p.each);
        // Sums of products of what is left of each number without its mean.
        let [mut shares, mut both, mut depths] = [0.0; 3];
        let [mut by_share, mut by_depth] = [0.0; 2];
        for product in products {
            let share = 1.0 / product.columns - share;
            let (depth, each) = (product.depth - depth, product.each - each);
            shares += share * share;
            both += share * depth;
            depths += depth * depth;
            by_share += share * each;
            by_depth += depth * each;
        }
        let determinant = shares * depths - both * both;
        let row = (by_share * depths - by_depth * both) / determinant;
        let input = (by_depth * shares - by_share * both) / determinant;
        Product {
            row,
            output: each - row * share - input * depth,
            input,
        }
    }

    fn cost(&self, depth: usize, work: Work) -> f64 {
        let each = self.output + self.input * depth as f64;
        self.row * work.rows as f64 + each * work.outputs as f64
    }
}

/// What is around the kernels, by its names in the counts.
pub const AROUND: [&str; 2] = ["call", "token"];

/// Operations that are no products, by their names in the counts.
const ELEMENTS: [(&str, Operation); 15] = [
    ("Requantize", Operation::Requantize),
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
                ("Linear" | "Matmul", &[rows, depth, columns]) => {
                    let products = match what {
                        "Linear" => &mut linear,
                        _ => &mut matmul,
                    };
                    products.push(Counted {
                        depth,
                        columns,
                        each: count / rows / columns,
                    });
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
        assert!(linear.len() > 2, "there are no counts of {target}");
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
        match operation {
            Operation::Linear => self.linear.cost(depth, work),
            Operation::Matmul => self.matmul.cost(depth, work),
            other => {
                let each = self.elements.get(&other).copied().unwrap_or_default();
                each * work.outputs as f64
            }
        }
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
