//! Times rten, as `tests/bench/workers/protocol.py` says.

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

#[derive(Parser)]
struct Arguments {
    model: PathBuf,
    #[arg(long)]
    ids: PathBuf,
    #[arg(long)]
    tokens: usize,
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    states: Option<PathBuf>,
}

struct Engine {
    model: Model,
    input: NodeId,
    output: NodeId,
    options: RunOptions,
}

impl Engine {
    fn load(arguments: &Arguments) -> Result<Self> {
        let mut options = ModelOptions::with_all_ops();
        let model = options.prepack_weights(true).load_file(&arguments.model)?;
        let pool = ThreadPool::with_num_threads(arguments.threads);
        Ok(Self {
            input: model.node_id("input_ids")?,
            output: model.node_id("last_hidden_state")?,
            options: RunOptions::default().with_thread_pool(Some(Arc::new(pool))),
            model,
        })
    }

    fn run(&self, ids: &NdTensor<i32, 2>) -> Result<Tensor<f32>> {
        let [states] = self.model.run_n(
            vec![(self.input, ids.view().into())],
            [self.output],
            Some(self.options.clone()),
        )?;
        Ok(states.try_into()?)
    }
}

/// The first tokens of each line of the file.
fn passages(arguments: &Arguments) -> Result<Vec<NdTensor<i32, 2>>> {
    let text = fs::read_to_string(&arguments.ids)?;
    let passage = |line: &str| {
        let ids = line.split(' ').take(arguments.tokens).map(str::parse);
        let ids: Vec<i32> = ids.collect::<Result<_, _>>()?;
        Ok(NdTensor::from_data([1, arguments.tokens], ids))
    };
    text.lines().map(passage).collect()
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let engine = Engine::load(&arguments)?;
    let passages = passages(&arguments)?;
    if let Some(path) = &arguments.states {
        let mut file = File::create(path)?;
        for ids in &passages {
            let states = engine.run(ids)?.to_vec();
            let bytes = states.iter().flat_map(|state| state.to_le_bytes());
            file.write_all(&bytes.collect::<Vec<_>>())?;
        }
        return Ok(());
    }
    let ids = passages.first().context("no ids")?;
    for line in io::stdin().lock().lines() {
        let passes: usize = line?.trim().parse()?;
        let mut ms = Vec::with_capacity(passes);
        for _ in 0..passes {
            let start = Instant::now();
            engine.run(ids)?;
            ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
        println!("{}", serde_json::json!({ "ms": ms }));
    }
    Ok(())
}
