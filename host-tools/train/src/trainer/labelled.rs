//! Learning from labels, and from what a teacher says: epochs of shuffled batches.

use super::fingerprint::fingerprint;
use crate::evaluate::predict::{predict, report};
use crate::example::{self, Example};
use crate::loss::objective::Objective;
use crate::model::classifier::{Classifier, Workspace};
use crate::model::fake_quant::FakeQuant;
use crate::model::{DropoutRates, Parameters};
use crate::ops::Dropout;
use crate::random::Random;
use crate::task::Task;
use crate::teacher::{CachedTargets, SoftTargets};
use crate::trainer::data_parallel::{self, DataParallel};
use crate::trainer::{StepStats, TrainingTask};
use serde::Serialize;

/// A classifier, and what it learns from.
pub struct Labelled<'a> {
    model: &'a mut Classifier,
    data: Data<'a>,
    /// The epoch whose order this is.
    order: (u64, Vec<usize>),
    shares: DataParallel<Workspace>,
}

/// What a classifier learns from, and how.
#[derive(Clone, Debug)]
pub struct Data<'a> {
    pub task: &'a Task,
    pub examples: &'a [Example],
    /// What a teacher says of each example, if there is one.
    pub teacher: Option<&'a CachedTargets>,
    /// What the model is judged by.
    pub dev: &'a [Example],
    /// Of labels and teacher; its dropout is that of the step.
    pub objective: Objective,
    /// Examples of a step.
    pub batch: usize,
    /// Both threads learn from their halves of a batch in so many parts: for batches that memory has
    /// no room for.
    pub parts: usize,
    /// Of the order of examples.
    pub seed: u64,
}

impl<'a> Labelled<'a> {
    pub fn new(model: &'a mut Classifier, data: Data<'a>) -> Self {
        let order = (0, shuffled(data.examples.len(), data.seed, 0));
        Labelled {
            model,
            data,
            order,
            shares: DataParallel::default(),
        }
    }
}

impl TrainingTask for Labelled<'_> {
    fn parameters(&mut self) -> &mut Parameters {
        &mut self.model.parameters
    }

    fn steps(&self) -> u64 {
        self.data.examples.len().div_ceil(self.data.batch) as u64
    }

    /// The mean of what the parts of the batch give, each by its examples.
    fn learn(&mut self, step: u64, dropout: Dropout, gradient: &mut [f32]) -> StepStats {
        let (epoch, place) = (step / self.steps(), step % self.steps());
        let data = &self.data;
        if epoch != self.order.0 {
            self.order = (epoch, shuffled(data.examples.len(), data.seed, epoch));
        }
        let mut batches = self.order.1.chunks(data.batch);
        let chosen = batches.nth(place as usize).unwrap_or_default();
        let parts: Vec<&[usize]> = chosen
            .chunks(data_parallel::part(chosen.len(), data.parts))
            .collect();
        let model = &self.model;
        self.shares
            .learn(&parts, gradient, |index, part, workspace, gradient| {
                let share = part.len() as f32 / chosen.len() as f32;
                let some = of(data.examples, part);
                let targets: Option<Vec<SoftTargets>> = data
                    .teacher
                    .map(|teacher| part.iter().map(|&index| teacher.get(index)).collect());
                let targets: Option<Vec<&SoftTargets>> =
                    targets.as_ref().map(|targets| targets.iter().collect());
                let dropout = dropout.at(index as u32);
                let objective = Objective {
                    label_weight: data.objective.label_weight * share,
                    distill_weight: data.objective.distill_weight * share,
                    states: data.objective.states * share,
                    relations: data.objective.relations * share,
                    rates: DropoutRates {
                        hidden: dropout,
                        attention: dropout,
                    },
                    ..data.objective.clone()
                };
                StepStats {
                    loss: model.learn(&some, targets.as_deref(), &objective, workspace, gradient),
                    tokens: some.iter().map(|example| example.ids.len()).sum::<usize>(),
                }
            })
    }

    fn checksum(&self) -> u32 {
        #[derive(Serialize)]
        struct Description<'a> {
            examples: u32,
            batch: usize,
            seed: u64,
            objective: &'a Objective,
            fake_quant: &'a Option<FakeQuant>,
            teacher: Option<u32>,
        }
        let data = &self.data;
        fingerprint(&Description {
            examples: example::checksum(data.examples.iter().chain(data.dev)),
            batch: data.batch,
            seed: data.seed,
            objective: &data.objective,
            fake_quant: &self.model.fake_quant,
            teacher: data.teacher.map(CachedTargets::checksum),
        })
    }

    fn score(&mut self) -> f64 {
        let Data { task, dev, .. } = self.data;
        report(task, dev, &predict(self.model, task, dev)).score()
    }
}

fn of<'a, T>(all: &'a [T], chosen: &[usize]) -> Vec<&'a T> {
    chosen.iter().map(|&index| &all[index]).collect()
}

/// The numbers below `count` in an order that follows from seed and epoch (Fisher and Yates).
fn shuffled(count: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut random = Random(seed ^ epoch.wrapping_mul(0xd1b5_4a32_d192_ed03));
    let mut order: Vec<usize> = (0..count).collect();
    for end in (1..count).rev() {
        order.swap(end, random.below(end + 1));
    }
    order
}
