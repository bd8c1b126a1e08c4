//! Learning from within a teacher that is deeper and wider: its last hidden states, as a matrix shows
//! them (Jiao et al., TinyBERT, arXiv 1909.10351, section 3.1), and how the queries, keys and values of
//! its last layer relate to each other (Wang et al., MiniLMv2, arXiv 2012.15828).

use crate::loss::objective::Objective;
use crate::model::{Dense, Parameters, Pass, Tape};
use crate::ops::{Heads, gather, relations, scatter, squared_error};
use crate::teacher::{SoftTargets, TeacherFeatures};
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use std::ops::Range;

/// What a student needs in order to imitate a teacher.
#[derive(Clone, Debug)]
pub struct FeatureDistillation {
    /// From the student's states to the teacher's.
    projection: Dense,
    /// How queries, keys and values are cut, of student and teacher: as many heads for both.
    heads: [Heads; 2],
}

impl FeatureDistillation {
    /// For hidden sizes of student and teacher; `heads` are the teacher's, or what both sizes can be
    /// divided by below.
    pub fn new(hidden: [usize; 2], heads: usize, parameters: &mut Parameters, seed: u64) -> Self {
        let [student, teacher] = hidden;
        let projection = Dense::new(student, teacher, parameters);
        match student == teacher {
            // Students of the same width may begin as layers of their teacher.
            true => (0..student).for_each(|at| {
                parameters.values[projection.weight.start + at * (student + 1)] = 1.0;
            }),
            false => parameters.draw_matrix(&projection.weight, 0.02, seed),
        }
        let divides = |heads: &usize| hidden.iter().all(|size| size.is_multiple_of(*heads));
        let heads = (1..=heads).rev().find(divides).unwrap_or(1);
        FeatureDistillation {
            projection,
            heads: hidden.map(|size| Heads {
                heads,
                width: size / heads,
            }),
        }
    }

    /// Adds to the gradients of the last hidden states and of parameters; returns the mean loss and
    /// the gradient of the last layer's queries, keys and values. Examples of which nothing is known
    /// from within do not count. What does not count in the objective is not computed.
    pub fn learn(
        &self,
        pass: &Pass<'_>,
        tape: &mut Tape,
        teacher: &[&SoftTargets],
        objective: &Objective,
        gradient: &mut [f32],
    ) -> (f64, Option<Vec<f32>>) {
        let pairs = pass.batch.sequences.iter().zip(teacher);
        let known = pairs.filter_map(|(tokens, known)| Some((tokens, known.features.as_ref()?)));
        let known: Vec<(&Range<usize>, &TeacherFeatures)> = known.collect();
        let (mut loss, mut dqkv) = (0.0, None);
        if objective.relations > 0.0 {
            let (more, rows) = self.relations(pass, tape, &known, objective.relations);
            (loss, dqkv) = (more, Some(rows));
        }
        if objective.states > 0.0 {
            loss += self.states(pass, tape, &known, objective.states, gradient);
        }
        (loss, dqkv)
    }

    fn relations(
        &self,
        pass: &Pass<'_>,
        tape: &Tape,
        known: &[(&Range<usize>, &TeacherFeatures)],
        share: f32,
    ) -> (f64, Vec<f32>) {
        let qkv = tape.layers.last().map_or(&[][..], |layer| &layer.qkv);
        let width = 3 * pass.config.hidden;
        let tokens: usize = known.iter().map(|(tokens, _)| tokens.len()).sum();
        let scale = share / (3 * self.heads[0].heads * tokens.max(1)) as f32;
        let of_sequence = |(tokens, inner): &(&Range<usize>, &TeacherFeatures)| {
            let rows = &qkv[tokens.start * width..tokens.end * width];
            let mut gradient = vec![0.0; rows.len()];
            let taught = inner.qkv.to_f32_vec();
            let both = [rows, &taught];
            let loss = relations(tokens.len(), self.heads, both, scale, &mut gradient);
            (loss, gradient)
        };
        let parts: Vec<(f64, Vec<f32>)> = known.par_iter().map(of_sequence).collect();
        let mut gradient = vec![0.0; qkv.len()];
        let mut loss = 0.0;
        for ((tokens, _), (part, rows)) in known.iter().zip(&parts) {
            gradient[tokens.start * width..tokens.end * width].copy_from_slice(rows);
            loss += f64::from(scale) * part;
        }
        (loss, gradient)
    }

    /// The loss is a share of the mean square of the teacher's states.
    fn states(
        &self,
        pass: &Pass<'_>,
        tape: &mut Tape,
        known: &[(&Range<usize>, &TeacherFeatures)],
        share: f32,
        gradient: &mut [f32],
    ) -> f64 {
        let hidden = self.projection.inputs;
        let tokens = known.iter().flat_map(|(tokens, _)| (*tokens).clone());
        let tokens: Vec<u32> = tokens.map(|token| token as u32).collect();
        let taught = known
            .iter()
            .flat_map(|(_, inner)| inner.states.to_f32_vec());
        let taught: Vec<f32> = taught.collect();
        let square: f32 = taught.iter().map(|v| v * v).sum();
        let scale = 2.0 * share / square.max(1e-9);
        let (states, dstates) = tape.gradient();
        let mut rows = vec![0.0; tokens.len() * hidden];
        gather(states, hidden, &tokens, &mut rows, false);
        let mut shown = Vec::new();
        self.projection.forward(pass.values, &rows, &mut shown);
        let mut dshown = vec![0.0; shown.len()];
        let loss = squared_error(&shown, &taught, scale, &mut dshown);
        let mut drows = vec![0.0; rows.len()];
        let into = Some((&mut drows[..], false));
        self.projection
            .backward(pass.values, &rows, &dshown, into, gradient);
        scatter(&drows, hidden, &tokens, dstates);
        f64::from(scale) * loss
    }
}
