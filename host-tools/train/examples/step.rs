//! Times steps of training (forward, backward, AdamW; dropout 0.1) of a BERT with random weights:
//! `step LAYERS HIDDEN SEQUENCES TOKENS COUNT` prints the median of COUNT steps in milliseconds.
//! `tests/bench/train.py` runs it beside PyTorch.

use embert_tools::checkpoint::Activation;
use embert_train::model::{
    Batch, Config, DropoutRates, Encoder, Head, HeadTape, Injected, Logits, Parameters, Tape,
};
use embert_train::ops::{Dropout, cross_entropy};
use embert_train::trainer::optimizer::{AdamW, Settings};
use std::time::Instant;

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .map(|argument| argument.parse().expect("a number"))
        .collect();
    let &[layers, hidden, sequences, tokens, count] = &numbers[..] else {
        panic!("step LAYERS HIDDEN SEQUENCES TOKENS COUNT");
    };
    let config = Config {
        layers,
        hidden,
        heads: (hidden / 64).max(2),
        intermediate: 4 * hidden,
        vocabulary: 30_522,
        rank: None,
        positions: 512,
        segments: 2,
        activation: Activation::GeluErf,
        epsilon: 1e-12,
    };
    let mut parameters = Parameters::default();
    let encoder = Encoder::new(config, &mut parameters);
    let head = Head::new(hidden, [2, 0], &mut parameters);
    parameters.draw(0.02, 1);
    let mut optimizer = AdamW::new(Settings::default(), &parameters);
    let mut gradient = vec![0.0; parameters.values.len()];
    let (mut tape, mut kept) = (Tape::default(), HeadTape::default());
    let (mut logits, mut dlogits) = (Logits::default(), Logits::default());
    let mut times = Vec::new();
    for step in 0..count as u64 + 2 {
        let mut batch = Batch::default();
        for sequence in 0..sequences {
            let ids: Vec<u32> = (0..tokens)
                .map(|token| ((sequence * 7919 + token * 104_729 + 13) % 30_000) as u32)
                .collect();
            batch.push(&ids, tokens);
        }
        let targets: Vec<Option<u32>> = (0..sequences as u32).map(|s| Some(s % 2)).collect();
        let start = Instant::now();
        let dropout = Dropout::new(0.1, 1, step);
        let rates = DropoutRates {
            hidden: dropout,
            attention: dropout,
        };
        let pass = encoder.pass(&parameters.values, &batch, rates);
        encoder.forward(&pass, &mut tape);
        head.forward(&pass, tape.output(), &mut kept, &mut logits);
        dlogits.sequence.clear();
        dlogits.sequence.resize(logits.sequence.len(), 0.0);
        let scale = 1.0 / sequences as f32;
        cross_entropy(
            &logits.sequence,
            2,
            &targets,
            None,
            scale,
            &mut dlogits.sequence,
        );
        let (_, states) = tape.gradient();
        head.backward(&pass, &kept, &dlogits, states, &mut gradient);
        encoder.backward(&pass, &mut tape, &Injected::default(), &mut gradient);
        optimizer.step(1e-4, &mut parameters, &mut gradient);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let mut times = times.split_off(2);
    times.sort_by(f64::total_cmp);
    println!("{:.1}", times[times.len() / 2]);
}
