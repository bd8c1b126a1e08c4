//! What a model takes of a board: flash, memory, instructions and time, before anything is flashed.
//!
//! Memory is exact but for the stack, which is the largest that was measured. Instructions follow
//! from what was counted in QEMU and from the work that the encoder asks of its kernels.
//! Milliseconds rest on an assumption on top, cycles per instruction: see [`boards::Core`].

pub mod boards;
pub mod costs;
pub mod picture;
pub mod trace;

use embert::Model;
use embert::{Plan, TILE};
use serde::Serialize;

use crate::inspect::{Inspection, Section};
use boards::Board;
use costs::Costs;
use trace::{Operation, Part};

/// What a model takes of a board for texts of so many tokens.
#[derive(Clone, Debug, Serialize)]
pub struct Analysis {
    pub board: Board,
    pub tokens: usize,
    /// Whether flash and SRAM suffice.
    pub fits: bool,
    /// The most tokens that the SRAM suffices for; `None` if for none.
    pub most_tokens: Option<usize>,
    pub flash: Flash,
    pub sram: Sram,
    /// The whole text, then its parts in order.
    pub text: Cost,
    pub parts: Vec<PartCost>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Flash {
    pub available: usize,
    pub needed: usize,
    pub code: usize,
    /// Of the blob.
    pub sections: Vec<Section>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Sram {
    pub available: usize,
    pub needed: usize,
    pub scratch: usize,
    pub stack: usize,
    /// What of the scratch is in use, from step to step.
    pub steps: Vec<Step>,
}

/// What a step of the forward pass keeps in the scratch.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    pub name: String,
    pub regions: Vec<Region>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    pub name: &'static str,
    pub bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Multiply-accumulates of products.
    pub macs: u64,
    pub instructions: u64,
    pub milliseconds: f64,
}

/// What one part takes: of a layer, from 1 on, or of what is before and after them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PartCost {
    /// `None`: making tokens.
    pub part: Option<Part>,
    pub layer: Option<usize>,
    #[serde(flatten)]
    pub cost: Cost,
}

impl Analysis {
    /// # Errors
    /// If the model has not so many positions.
    pub fn new(model: &Model<'_>, board: &Board, tokens: usize) -> anyhow::Result<Self> {
        let (shape, core) = (model.shape(), &board.core);
        let parts = part_costs(model, board, tokens)?;
        let mut text = Cost::default();
        for PartCost { cost, .. } in &parts {
            text.macs += cost.macs;
            text.instructions += cost.instructions;
            text.milliseconds += cost.milliseconds;
        }

        let inspection = Inspection::new(model);
        let flash = Flash {
            available: board.flash(),
            needed: inspection.bytes + core.code,
            code: core.code,
            sections: inspection.sections,
        };
        let plan = Plan::new(shape, tokens, TILE, 1);
        let sram = Sram {
            available: board.sram(),
            needed: plan.bytes() + core.stack,
            scratch: plan.bytes(),
            stack: core.stack,
            steps: steps(&plan, shape.layers),
        };
        let room = board.scratch_room();
        Ok(Analysis {
            board: *board,
            tokens,
            fits: flash.needed <= flash.available && sram.needed <= sram.available,
            most_tokens: Plan::largest(shape, room, TILE, 1).map(|plan| plan.tokens),
            flash,
            sram,
            text,
            parts,
        })
    }
}

fn part_costs(model: &Model<'_>, board: &Board, tokens: usize) -> anyhow::Result<Vec<PartCost>> {
    let costs = Costs::of(board.core.counts);
    let cost = |macs: u64, instructions: f64| Cost {
        macs,
        instructions: instructions as u64,
        milliseconds: instructions * board.core.cycles_per_instruction
            / (f64::from(board.mhz) * 1e3),
    };
    let mut parts = vec![PartCost {
        part: None,
        layer: None,
        cost: cost(0, costs.tokens(tokens)),
    }];
    let trace = trace::trace(model, tokens)?;
    let mut places: Vec<trace::Place> = trace.keys().map(|&(place, ..)| place).collect();
    places.dedup();
    let first = |&(part, layer): &trace::Place| match part {
        Part::Embeddings => (0, None, part),
        Part::Attention | Part::FeedForward => (1, layer, part),
        Part::Head => (2, None, part),
    };
    places.sort_by_key(first);
    for place in places {
        let (mut macs, mut instructions) = (0, 0.0);
        for (&(_, operation, depth), &work) in trace.iter().filter(|((at, ..), _)| *at == place) {
            instructions += costs.work(operation, depth, work);
            if matches!(operation, Operation::Linear | Operation::Matmul) {
                macs += work.outputs * depth as u64;
            }
        }
        parts.push(PartCost {
            part: Some(place.0),
            layer: place.1.map(|index| index + 1),
            cost: cost(macs, instructions),
        });
    }
    Ok(parts)
}

/// The steps of the forward pass, with what lives in the scratch meanwhile.
fn steps(plan: &Plan, layers: usize) -> Vec<Step> {
    let regions = plan.regions();
    let tokens = ("tokens", regions.tokens);
    let hidden = ("hidden states", regions.hidden);
    let context = ("attention context", regions.context);
    let cache = ("keys and values", regions.cache);
    let last_context = ("context of a row block", regions.last_context);
    let tile = "a row block";
    let step = |name: String, regions: &[(&'static str, usize)]| Step {
        name,
        regions: regions
            .iter()
            .map(|&(name, bytes)| Region { name, bytes })
            .collect(),
    };
    let mut steps = vec![
        step("text".into(), &[tokens]),
        step("embeddings".into(), &[tokens, hidden]),
    ];
    for layer in 1..=layers {
        let attention = [tokens, hidden, context, cache, (tile, regions.attention)];
        steps.push(step(format!("attention {layer}"), &attention));
        let feed_forward = (tile, regions.feed_forward.max(regions.attention));
        let feed_forward = [tokens, hidden, context, cache, last_context, feed_forward];
        steps.push(step(format!("feed-forward {layer}"), &feed_forward));
    }
    let head = ("results", regions.head);
    steps.push(step("head".into(), &[tokens, hidden, head]));
    steps
}
