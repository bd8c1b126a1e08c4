//! `cargo xtask bench`: the instructions of kernels and whole texts on every machine.
//!
//! QEMU counts the same every time. `limits` has what any compiler must keep to, `record` what one
//! compiler gave.

pub mod limits;
mod models;
mod peers;
pub mod record;
mod table;
mod words;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use embert::Model;
use embert_protocol::{Kernel, Request, Response, Work};
use embert_tools::blob::AlignedBytes;
use serde::Serialize;

use embert_tests::blobs;

use crate::image::Image;
use crate::machine::Machine;
use crate::session::Session;

pub use models::{Models, cut};
pub use table::{print, print_json};

/// How long one piece of work may take on the host's clock.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Rows x inner x columns of the products measured.
pub const PRODUCTS: [(u32, u32, u32); 5] = [
    (128, 128, 128),
    (128, 128, 512),
    (128, 512, 128),
    (128, 384, 384),
    (64, 256, 1024),
];

/// Elements of what is no product: as many rows as tokens.
const ROWS: u32 = 128;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Machine and instruction set.
    pub target: String,
    /// A kernel, cutting a text into pieces, a forward pass, or one kernel's share of it.
    pub what: String,
    /// Rows x inner x columns, or pieces, or layers, hidden size and tokens.
    pub shape: String,
    pub instructions: Option<u64>,
    /// Multiply-accumulates of a product, words of a text cut into pieces, elements of anything else.
    pub macs: u64,
    pub ms: Option<f64>,
}

impl Row {
    /// Instructions per multiply-accumulate or element.
    pub fn each(&self) -> Option<f64> {
        self.instructions
            .map(|instructions| instructions as f64 / self.macs as f64)
    }
}

/// Measures `set` on `machine`: kernels, and whole texts with their parts.
pub fn measure(machine: Machine, set: &str, models: &Models) -> Result<Vec<Row>> {
    let image = Image::build(machine)?;
    let target = format!("{} {set}", machine.name());
    let mut rows = Vec::new();
    let mut session = Session::start(&image, models.any(), TIMEOUT)?;
    for work in works() {
        let cost = session
            .ask(&Request::Measure { set, work }, |_| {})
            .with_context(|| format!("{target}: {work}"))?;
        let Work {
            kernel,
            rows: count,
            depth,
            columns,
        } = work;
        let product = matches!(kernel, Kernel::Linear | Kernel::Matmul);
        let (shape, depth) = match product {
            true => (format!("{count}x{depth}x{columns}"), u64::from(depth)),
            false => (format!("{count}x{columns}"), 1),
        };
        rows.push(Row {
            target: target.clone(),
            what: format!("{kernel:?}"),
            shape,
            instructions: Some(cost.instructions),
            macs: u64::from(count) * depth * u64::from(columns),
            ms: None,
        });
    }
    rows.push(models.words.measure(&image, &target, set)?);
    for model in models.all() {
        let mut session = Session::start(&image, &model.path, TIMEOUT)?;
        let blob = AlignedBytes::copy(&fs::read(&model.path)?);
        for tokens in model.tokens {
            let text = cut(&Model::parse(&blob)?, &models.text, *tokens as usize);
            let mut parts = Vec::new();
            let mut run = |parts_wanted| {
                let request = Request::Run {
                    question: None,
                    text: &text,
                    limit: Some(*tokens),
                    tokens: false,
                    set: Some(set),
                    parts: parts_wanted,
                };
                session.ask(&request, |response| {
                    if let Response::Part { kernel, part } = response {
                        parts.push((kernel, part));
                    }
                })
            };
            let cost = run(false)?;
            run(true)?;
            let row = |what: String, instructions| Row {
                target: target.clone(),
                what,
                shape: format!("{} S{tokens}", model.name),
                instructions: Some(instructions),
                macs: model.shape.macs(*tokens as usize),
                ms: None,
            };
            rows.push(row("text".into(), cost.instructions));
            let mut rest = cost.instructions;
            for (kernel, part) in parts {
                rest = rest.saturating_sub(part.instructions);
                rows.push(row(format!("text: {kernel:?}"), part.instructions));
            }
            rows.push(row("text: all else".into(), rest));
        }
    }
    Ok(rows)
}

/// Holds `set` on `machine`, with the processor `cpu`, to the scalar kernels; the number of cases.
pub fn check(machine: Machine, cpu: Option<&str>, set: &str) -> Result<u32> {
    let image = Image::build(machine)?;
    let mut session = Session::with_cpu(&image, cpu, &blobs::path("tiny.embert"), TIMEOUT)?;
    let mut found = 0;
    session
        .ask(&Request::Check { set }, |response| {
            if let Response::Checked { cases } = response {
                found = cases;
            }
        })
        .with_context(|| format!("{} {set}", machine.name()))?;
    Ok(found)
}

/// The kernels' work.
fn works() -> Vec<Work> {
    let mut works = Vec::new();
    for (rows, depth, columns) in PRODUCTS {
        works.push(Work::new(Kernel::Linear, rows, depth, columns));
    }
    // Scores of a head of 64 channels, and mixing.
    works.push(Work::new(Kernel::Matmul, ROWS, 64, 128));
    works.push(Work::new(Kernel::Matmul, ROWS, 128, 64));
    // What a row takes besides its columns shows where these are few, as of int4 weights.
    for kernel in [Kernel::Linear, Kernel::Matmul] {
        works.push(Work::new(kernel, ROWS, 128, 16));
    }
    for kernel in Kernel::ALL {
        match kernel {
            Kernel::Matmul | Kernel::Linear => {}
            // 16 columns of 128 inputs.
            Kernel::Expand => works.push(Work::new(kernel, ROWS / 8, 0, 16 * 128)),
            Kernel::Activate => works.push(Work::new(kernel, ROWS, 15, 512)),
            // Exponents of some ten.
            Kernel::Softmax => works.push(Work::new(kernel, ROWS, 11, 128)),
            Kernel::QuantizeActivated | Kernel::RangeActivated => {
                works.push(Work::new(kernel, ROWS, 0, 512));
            }
            Kernel::Quantize | Kernel::MaxAbs | Kernel::ScaleDown | Kernel::PackValues => {
                works.push(Work::new(kernel, ROWS, 0, 64));
            }
            _ => works.push(Work::new(kernel, ROWS, 0, 128)),
        }
    }
    works
}
