//! A BERT that labels texts, tokens or both, or answers questions: its predictions, and how it
//! learns from a batch.

use crate::example::{Class, Example, batch};
use crate::loss::feature_distillation::FeatureDistillation;
use crate::loss::objective::Objective;
use crate::model::fake_quant::FakeQuant;
use crate::model::{
    Batch, Config, DropoutRates, Encoder, Head, HeadTape, Injected, Logits, Parameters, Pass, Tape,
};
use crate::ops::{
    binary_cross_entropy, cross_entropy, sigmoid, soft_cross_entropy, span_cross_entropy,
};
use crate::teacher::{SoftTargets, TeacherFeatures};
use half::f16;

/// Encoder and head with their parameters.
#[derive(Clone, Debug)]
pub struct Classifier {
    pub encoder: Encoder,
    pub head: Head,
    /// Of a teacher's inner states; nothing of it is part of the model that is learnt.
    pub feature_distillation: Option<FeatureDistillation>,
    /// Of the blob that it is trained for, if it is.
    pub fake_quant: Option<FakeQuant>,
    pub parameters: Parameters,
}

/// Memory of a pass, used again for the next.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    tape: Tape,
    head: HeadTape,
    logits: Logits,
    dlogits: Logits,
    /// Rounded parameters.
    values: Vec<f32>,
}

impl Workspace {
    /// What the last pass left, in the order of its sequences: what is within the model, with the
    /// queries, keys and values of its last layer or without.
    pub fn features(&self, batch: &Batch, qkv: bool) -> Vec<TeacherFeatures> {
        TeacherFeatures::of(&self.tape, &batch.sequences, qkv)
    }

    /// What it said.
    pub fn logits(&self) -> &Logits {
        &self.logits
    }
}

impl Classifier {
    /// A model of this shape, its parameters drawn at random, for so many labels of texts and of
    /// tokens.
    pub fn new(config: Config, labels: [usize; 2], seed: u64) -> Self {
        let mut parameters = Parameters::default();
        let hidden = config.hidden;
        let encoder = Encoder::new(config, &mut parameters);
        let head = Head::new(hidden, labels, &mut parameters);
        parameters.draw(0.02, seed);
        Classifier {
            encoder,
            head,
            feature_distillation: None,
            fake_quant: None,
            parameters,
        }
    }

    /// Makes ready to imitate what is within a teacher of this shape.
    pub fn add_feature_distillation(&mut self, teacher: &Config, seed: u64) {
        let hidden = [self.encoder.config.hidden, teacher.hidden];
        let parameters = &mut self.parameters;
        self.feature_distillation = Some(FeatureDistillation::new(
            hidden,
            teacher.heads,
            parameters,
            seed,
        ));
    }

    /// Takes over those of another model's classifiers that have the shapes of this model's.
    pub fn init_heads_from(&mut self, teacher: &Classifier) {
        let parts = |head: &Head| [&head.pooler, &head.sequence, &head.tokens].map(Clone::clone);
        for (ours, theirs) in parts(&self.head).into_iter().zip(parts(&teacher.head)) {
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                continue;
            };
            if (ours.inputs, ours.outputs) == (theirs.inputs, theirs.outputs) {
                let from = &teacher.parameters.values;
                let to = &mut self.parameters.values;
                to[ours.weight].copy_from_slice(&from[theirs.weight]);
                to[ours.bias].copy_from_slice(&from[theirs.bias]);
            }
        }
    }

    /// Computes the logits of examples: of texts, and of all their tokens one after the other.
    pub fn logits<'w>(&self, batch: &Batch, workspace: &'w mut Workspace) -> &'w Logits {
        let rounded = std::mem::take(&mut workspace.values);
        let rounded = self.rounded(batch, rounded);
        let pass = self.pass(batch, DropoutRates::NONE, &rounded);
        self.forward(&pass, workspace);
        workspace.values = rounded;
        &workspace.logits
    }

    /// The parameters as the blob has them, if the model is trained for one.
    fn rounded(&self, batch: &Batch, mut room: Vec<f32>) -> Vec<f32> {
        if let Some(rounding) = &self.fake_quant {
            room.clone_from(&self.parameters.values);
            rounding.round(&self.encoder, &self.head, &batch.ids, &mut room);
        }
        room
    }

    fn pass<'a>(&'a self, batch: &'a Batch, rates: DropoutRates, rounded: &'a [f32]) -> Pass<'a> {
        let values = match self.fake_quant {
            Some(_) => rounded,
            None => &self.parameters.values,
        };
        Pass {
            rounded: self.fake_quant.is_some(),
            ..self.encoder.pass(values, batch, rates)
        }
    }

    fn forward(&self, pass: &Pass<'_>, workspace: &mut Workspace) {
        let Workspace {
            tape, head, logits, ..
        } = workspace;
        self.encoder.forward(pass, tape);
        self.head.forward(pass, tape.output(), head, logits);
    }

    /// Adds the gradient of the mean loss of some examples; returns the loss. `teacher` has
    /// what a teacher says of each example, where there is one.
    pub fn learn(
        &self,
        examples: &[&Example],
        teacher: Option<&[&SoftTargets]>,
        objective: &Objective,
        workspace: &mut Workspace,
        gradient: &mut [f32],
    ) -> f64 {
        let mut batch = batch(examples.iter().copied());
        objective.hide(&mut batch, examples);
        let rounded = std::mem::take(&mut workspace.values);
        let rounded = self.rounded(&batch, rounded);
        let pass = self.pass(&batch, objective.rates, &rounded);
        self.forward(&pass, workspace);
        let Workspace {
            tape,
            head,
            logits,
            dlogits,
            ..
        } = workspace;
        for (all, gradient) in [
            (&logits.sequence, &mut dlogits.sequence),
            (&logits.tokens, &mut dlogits.tokens),
        ] {
            gradient.clear();
            gradient.resize(all.len(), 0.0);
        }
        let mut loss = self.labels_loss(examples, &batch, objective, logits, dlogits);
        if let Some(teacher) = teacher {
            loss += self.teacher_loss(examples, teacher, objective, logits, dlogits);
        }
        let (_, states) = tape.gradient();
        self.head.backward(&pass, head, dlogits, states, gradient);
        let mut injected = Injected::default();
        if let (Some(imitation), Some(teacher)) = (&self.feature_distillation, teacher) {
            let (more, qkv) = imitation.learn(&pass, tape, teacher, objective, gradient);
            loss += more;
            injected.qkv = vec![None; self.encoder.layers.len() - 1];
            injected.qkv.push(qkv);
        }
        self.encoder.backward(&pass, tape, &injected, gradient);
        workspace.values = rounded;
        loss
    }

    /// Mean over texts, over tokens that have a label, and over starts and ends of answers.
    fn labels_loss(
        &self,
        examples: &[&Example],
        batch: &Batch,
        objective: &Objective,
        logits: &Logits,
        gradient: &mut Logits,
    ) -> f64 {
        if objective.label_weight == 0.0 {
            return 0.0;
        }
        let mut loss = 0.0;
        if let Some(classifier) = &self.head.sequence {
            let labels = classifier.outputs;
            let scale = objective.label_weight / examples.len() as f32;
            let weights = objective.class_weights.as_deref();
            let rows = logits.sequence.chunks_exact(labels);
            let gradients = gradient.sequence.chunks_exact_mut(labels);
            for ((example, logits), gradient) in examples.iter().zip(rows).zip(gradients) {
                loss += f64::from(scale)
                    * match &example.class {
                        Class::None => 0.0,
                        Class::One(class) => {
                            cross_entropy(logits, labels, &[Some(*class)], weights, scale, gradient)
                        }
                        Class::Many(classes) => {
                            binary_cross_entropy(logits, classes, scale, gradient)
                        }
                    };
            }
        }
        let windows = examples
            .iter()
            .filter_map(|example| example.window.as_ref());
        let spans: Vec<[u32; 2]> = windows.map(|window| window.answer).collect();
        if !spans.is_empty() {
            let scale = objective.label_weight / (2 * spans.len()) as f32;
            let (logits, gradient) = (&logits.tokens, &mut gradient.tokens);
            let sum = span_cross_entropy(logits, &batch.sequences, &spans, scale, gradient);
            loss += f64::from(scale) * sum;
        } else if let Some(classifier) = &self.head.tokens {
            let tags = examples.iter().flat_map(|example| example.tags.clone());
            let tags: Vec<Option<u32>> = tags.collect();
            let count = tags.iter().flatten().count().max(1);
            let scale = objective.label_weight / count as f32;
            let labels = classifier.outputs;
            let sum = cross_entropy(
                &logits.tokens,
                labels,
                &tags,
                None,
                scale,
                &mut gradient.tokens,
            );
            loss += f64::from(scale) * sum;
        }
        loss
    }

    /// Mean over texts, and over words.
    fn teacher_loss(
        &self,
        examples: &[&Example],
        teacher: &[&SoftTargets],
        objective: &Objective,
        logits: &Logits,
        gradient: &mut Logits,
    ) -> f64 {
        let Objective {
            distill_weight,
            temperature,
            ..
        } = *objective;
        let mut loss = 0.0;
        if let Some(classifier) = &self.head.sequence {
            let labels = classifier.outputs;
            let taught: Vec<f32> = teacher.iter().flat_map(|t| floats(&t.text)).collect();
            let scale = distill_weight / examples.len() as f32;
            let (logits, gradient) = (&logits.sequence, &mut gradient.sequence);
            let sum = if objective.multi_label {
                let taught: Vec<f32> = taught.into_iter().map(sigmoid).collect();
                binary_cross_entropy(logits, &taught, scale, gradient)
            } else {
                soft_cross_entropy(logits, &taught, labels, temperature, scale, gradient)
            };
            loss += f64::from(scale) * sum;
        }
        if let Some(classifier) = &self.head.tokens {
            let labels = classifier.outputs;
            let words = examples.iter().map(|example| example.words.len());
            let scale = distill_weight / words.sum::<usize>().max(1) as f32;
            let mut first = 0;
            for (example, teacher) in examples.iter().zip(teacher) {
                let rows = example.words.iter().zip(teacher.words.chunks_exact(labels));
                for (word, taught) in rows {
                    let Some(token) = word.token else { continue };
                    let row = (first + token) * labels..(first + token + 1) * labels;
                    let gradient = &mut gradient.tokens[row.clone()];
                    let logits = &logits.tokens[row];
                    let taught: Vec<f32> = floats(taught).collect();
                    // The teacher's text was cut off before the word: it has no opinion.
                    if taught.iter().all(|&logit| logit == 0.0) {
                        continue;
                    }
                    let sum =
                        soft_cross_entropy(logits, &taught, labels, temperature, scale, gradient);
                    loss += f64::from(scale) * sum;
                }
                first += example.ids.len();
            }
        }
        loss
    }
}

fn floats(halves: &[f16]) -> impl Iterator<Item = f32> {
    halves.iter().map(|half| half.to_f32())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dense;

    #[test]
    fn classifiers_of_the_same_shape_are_taken_over() {
        let teacher = Classifier::new(Config::least(3), [3, 5], 1);
        let mut student = Classifier::new(Config::least(1), [4, 5], 2);
        let before = student.clone();
        student.init_heads_from(&teacher);
        let weights = |model: &Classifier, dense: &Option<Dense>| {
            let dense = dense.clone().unwrap();
            model.parameters.values[dense.weight].to_vec()
        };
        let of_tokens = |model: &Classifier| weights(model, &model.head.tokens);
        let of_texts = |model: &Classifier| weights(model, &model.head.sequence);
        assert_eq!(of_tokens(&student), of_tokens(&teacher));
        assert_eq!(of_texts(&student), of_texts(&before), "other labels");
        let encoder = ..student.head.pooler.clone().unwrap().weight.start;
        let [ours, theirs] = [&student, &before].map(|m| &m.parameters.values[encoder]);
        assert_eq!(ours, theirs, "the encoder is its own");
    }
}
