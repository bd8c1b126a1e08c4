//! Runs of training as a whole: they learn, they go on bit for bit, and what goes wrong loses
//! nothing.

mod resuming;

use embert_tests::tiny::{self, Flavour};
use embert_tools::blob::AlignedBytes;
use embert_tools::checkpoint::{Checkpoint, HeadChoice, Pooling};
use embert_tools::quantize::{Options, Part, quantize};
use embert_tools::transform::factorize::factorize;
use embert_train::data::{Answer, LabelledText, LabelledWords, Question, SourceLine};
use embert_train::evaluate::engine;
use embert_train::evaluate::predict::report;
use embert_train::example::Example;
use embert_train::finetune::{self, Rows, Source, TaskLabels, checkpoint, examples};
use embert_train::loss::objective::Objective;
use embert_train::model::classifier::{Classifier, Workspace};
use embert_train::model::fake_quant::FakeQuant;
use embert_train::student::Student;
use embert_train::task::Task;
use embert_train::teacher::float::predict_soft_targets;
use embert_train::teacher::{SoftTargets, TeacherOutputs};
use embert_train::trainer::labelled::{Data, Labelled};
use embert_train::trainer::optimizer;
use embert_train::trainer::{Progress, Settings, train};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

fn base() -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let tiny = &tiny::SEQUENCE;
    tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
    Checkpoint::open(folder.path(), Some(HeadChoice::Embedding(Pooling::Mean))).unwrap()
}

/// Letters in an order that looks random.
fn words(seed: usize) -> Vec<String> {
    letters(seed, 3 + seed % 9)
}

fn letters(seed: usize, count: usize) -> Vec<String> {
    let letter = |i: usize| char::from(b'a' + ((seed * 31 + i * i * 17 + i * 7) % 26) as u8);
    (0..count).map(|i| letter(i).to_string()).collect()
}

fn place() -> SourceLine {
    SourceLine {
        path: Path::new("words.tsv").into(),
        line: 1,
    }
}

/// Is there a letter before `d`?
fn texts(from: usize, count: usize) -> Rows {
    let row = |seed| {
        let words = words(seed);
        let early = words.iter().any(|word| word.as_str() < "d");
        LabelledText {
            at: place(),
            text: words.join(" "),
            pair: None,
            labels: vec![if early { "early" } else { "late" }.into()],
        }
    };
    Rows::Texts((from..from + count).map(row).collect())
}

/// Vowels are entities.
fn tagged(from: usize, count: usize) -> Rows {
    let row = |seed| {
        let words = words(seed);
        let tag = |word: &String| {
            if "aeiou".contains(word.as_str()) {
                "B-VOWEL"
            } else {
                "O"
            }
        };
        LabelledWords {
            at: place(),
            tags: words.iter().map(|word| tag(word).to_owned()).collect(),
            words,
            intent: None,
        }
    };
    Rows::Words((from..from + count).map(row).collect())
}

/// The answer stands between `— the` and a full stop, one in eight contexts has none; half of them
/// are longer than the 32 tokens that are read at once.
fn asked(from: usize, count: usize) -> Rows {
    let row = |seed: usize| {
        let [before, text, after] = [(0, seed * 7 % 30), (1, 1 + seed % 2), (2, 9)]
            .map(|(more, count)| letters(seed + more, count).join(" "));
        let (context, answers) = match seed % 8 {
            0 => (format!("{before} {after}"), Vec::new()),
            _ => {
                let start = before.len() + " — the ".len();
                let context = format!("{before} — the {text} . {after}");
                (context, vec![Answer { text, start }])
            }
        };
        Question {
            id: seed.to_string(),
            question: "x".into(),
            context,
            impossible: answers.is_empty(),
            answers,
        }
    };
    let questions = (from..from + count).map(row).map(Arc::new).collect();
    Rows::Questions {
        questions,
        stride: 12,
    }
}

struct Run {
    base: Checkpoint,
    task: Task,
    training: Vec<Example>,
    dev: Vec<Example>,
    objective: Objective,
    settings: Settings,
    fake_quant: Option<FakeQuant>,
}

impl Run {
    fn new(base: Checkpoint, rows: fn(usize, usize) -> Rows, epochs: usize) -> Self {
        let source = Source::default();
        let labels = TaskLabels::of(&rows(0, 300), &source);
        let some = |from, count| examples(&base, &labels, rows(from, count), 32).unwrap();
        Run {
            task: labels.task(),
            training: some(0, 300),
            dev: some(1000, 200),
            objective: Objective::default(),
            settings: Settings {
                epochs,
                learning_rate: 3e-3,
                warmup: 0.1,
                dropout: 0.1,
                patience: 100,
                seed: 5,
                optimizer: optimizer::Settings::default(),
                checkpoint: None,
            },
            fake_quant: None,
            base,
        }
    }

    fn lesson<'a>(&'a self, model: &'a mut Classifier) -> Labelled<'a> {
        let data = Data {
            task: &self.task,
            examples: &self.training,
            teacher: None,
            dev: &self.dev,
            objective: self.objective.clone(),
            batch: 16,
            parts: 2,
            seed: 5,
        };
        Labelled::new(model, data)
    }

    fn train(&self, progress: impl FnMut(Progress)) -> (Classifier, f64) {
        let mut model = finetune::model(&self.base, &self.task, 3);
        model.fake_quant.clone_from(&self.fake_quant);
        let best = train(&mut self.lesson(&mut model), &self.settings, progress);
        (model, best.unwrap())
    }

    /// The score of the blob, by the integer engine.
    fn blob_score(&self, model: &Classifier) -> f64 {
        let checkpoint = checkpoint(model, &self.task, &self.base);
        let options = Options {
            int4: self.fake_quant.clone().unwrap_or_default().int4,
            ..Options::default()
        };
        let blob = quantize(&checkpoint, &options, |_| {}).unwrap();
        let blob = AlignedBytes::copy(&blob);
        let blob = embert::Model::parse(&blob).unwrap();
        let predictions = engine::predict(&blob, &self.task, &self.dev).unwrap();
        report(&self.task, &self.dev, &predictions).score()
    }
}

#[test]
fn texts_are_learnt_and_the_blob_knows_them() {
    let run = Run::new(base(), texts, 20);
    let (model, score) = run.train(|_| {});
    assert!(score > 0.9, "{score}");
    let blob = run.blob_score(&model);
    assert!(blob > score - 0.04, "{blob}, float {score}");
}

#[test]
fn words_are_learnt_with_embeddings_of_a_low_rank() {
    let mut base = base();
    factorize(&mut base, 9, &[]).unwrap();
    let run = Run::new(base, tagged, 20);
    let (model, score) = run.train(|_| {});
    assert!(score > 0.95, "{score}");
    let blob = run.blob_score(&model);
    assert!(blob > score - 0.04, "{blob}, float {score}");
}

#[test]
fn questions_are_learnt_through_windows() {
    let run = Run::new(base(), asked, 20);
    let windows = run.dev.len();
    assert!(windows > 250, "{windows} windows of 200 contexts");
    let (model, score) = run.train(|_| {});
    assert!(score > 0.9, "{score}");
    let blob = run.blob_score(&model);
    assert!(blob > score - 0.04, "{blob}, float {score}");
}

/// In 4 bits, the model in training scores what the blob does.
#[test]
fn words_are_learnt_with_the_rounding_of_the_blob() {
    let mut run = Run::new(base(), tagged, 20);
    run.fake_quant = Some(FakeQuant {
        int4: Part::ALL.to_vec(),
    });
    let (mut model, score) = run.train(|_| {});
    assert!(score > 0.95, "{score}");
    let blob = run.blob_score(&model);
    assert!((blob - score).abs() < 0.04, "{blob}, in training {score}");
    // Fake quantization has an effect: without it, the logits differ.
    let logits =
        |model: &Classifier| predict_soft_targets(model, &run.dev, TeacherOutputs::Logits, |_| {});
    let before = logits(&model);
    model.fake_quant = None;
    assert_ne!(before, logits(&model));
}

/// Whether the loss changes as the gradient of some parameters says: along it, by its square.
fn is_gradient(
    model: &mut Classifier,
    ranges: &[Range<usize>],
    loss: impl Fn(&Classifier) -> (f64, Vec<f32>),
) {
    let (_, gradient) = loss(model);
    for range in ranges {
        let part = gradient[range.clone()].to_vec();
        let square: f64 = part.iter().map(|g| f64::from(*g).powi(2)).sum();
        let step = 1e-2 / square.sqrt();
        let mut moved = |sign: f64| {
            let before = model.parameters.values.clone();
            for (value, g) in model.parameters.values[range.clone()].iter_mut().zip(&part) {
                *value += (sign * step * f64::from(*g)) as f32;
            }
            let (loss, _) = loss(model);
            model.parameters.values = before;
            loss
        };
        let found = (moved(1.0) - moved(-1.0)) / (2.0 * step);
        assert!((found / square - 1.0).abs() < 0.02, "{found} for {square}");
    }
}

/// That of the projection of word embeddings, which PyTorch's BERT does not have.
#[test]
fn the_gradient_of_a_low_rank_is_a_gradient() {
    let mut base = base();
    factorize(&mut base, 9, &[]).unwrap();
    let run = Run::new(base, texts, 1);
    let mut model = finetune::model(&run.base, &run.task, 3);
    let some: Vec<&Example> = run.training[..8].iter().collect();
    let projection = model.encoder.embeddings.projection.clone().unwrap();
    let word = model.encoder.embeddings.word.clone();
    let ranges = [projection.weight, projection.bias, word];
    is_gradient(&mut model, &ranges, |model| {
        let mut gradient = vec![0.0; model.parameters.values.len()];
        let mut workspace = Workspace::default();
        let loss = model.learn(&some, None, &run.objective, &mut workspace, &mut gradient);
        (loss, gradient)
    });
}

/// Those of what a student learns from within a teacher of another width: each by itself, and all
/// that a teacher says together.
#[test]
fn the_gradients_of_imitation_are_gradients() {
    let run = Run::new(base(), tagged, 1);
    let some = &run.training[..8];
    let mut teacher = finetune::model(&run.base, &run.task, 4);
    let matrices = teacher.parameters.decaying.clone();
    for range in &matrices {
        teacher
            .parameters
            .draw_matrix(range, 0.3, range.start as u64);
    }
    let mut taught =
        predict_soft_targets(&teacher, some, TeacherOutputs::HiddenStatesAndQkv, |_| {});
    // One that the teacher cuts otherwise.
    taught[3].features = None;
    let taught: Vec<&SoftTargets> = taught.iter().collect();
    let student: Student = "1x12x2x20".parse().unwrap();
    let small = student.of(&run.base, 32, &[], 7).unwrap();
    let mut model = finetune::model(&small, &run.task, 3);
    model.add_feature_distillation(&teacher.encoder.config, 5);
    for range in model.parameters.decaying.clone() {
        model
            .parameters
            .draw_matrix(&range, 0.2, range.start as u64);
    }
    let qkv = &model.encoder.layers[0].qkv;
    let all = 0..model.parameters.values.len();
    let ranges = [
        all,
        qkv.weight.clone(),
        model.encoder.embeddings.word.clone(),
    ];
    let some: Vec<&Example> = some.iter().collect();
    for (label_weight, distill_weight, states, relations) in [
        (0.0, 0.0, 1.0, 0.0),
        (0.0, 0.0, 0.0, 1.0),
        (0.3, 0.7, 2.0, 3.0),
    ] {
        let objective = Objective {
            label_weight,
            distill_weight,
            temperature: 2.0,
            states,
            relations,
            ..run.objective.clone()
        };
        is_gradient(&mut model, &ranges, |model| {
            let mut gradient = vec![0.0; model.parameters.values.len()];
            let mut workspace = Workspace::default();
            let loss = model.learn(
                &some,
                Some(&taught),
                &objective,
                &mut workspace,
                &mut gradient,
            );
            (loss, gradient)
        });
    }
}

/// A student that is its teacher shows the teacher's states from the first step.
#[test]
fn of_ones_own_states_nothing_is_to_be_learnt() {
    let run = Run::new(base(), tagged, 1);
    let some = &run.training[..8];
    let mut model = finetune::model(&run.base, &run.task, 4);
    let taught = predict_soft_targets(&model, some, TeacherOutputs::HiddenStates, |_| {});
    let taught: Vec<&SoftTargets> = taught.iter().collect();
    let config = model.encoder.config.clone();
    model.add_feature_distillation(&config, 5);
    let objective = Objective {
        label_weight: 0.0,
        distill_weight: 0.0,
        states: 1.0,
        ..Objective::default()
    };
    let some: Vec<&Example> = some.iter().collect();
    let mut gradient = vec![0.0; model.parameters.values.len()];
    let mut workspace = Workspace::default();
    let mut loss = |model: &Classifier| {
        model.learn(
            &some,
            Some(&taught),
            &objective,
            &mut workspace,
            &mut gradient,
        )
    };
    assert!(loss(&model) < 1e-5);
    model.parameters.draw(0.05, 6);
    assert!(loss(&model) > 0.1, "but what others show is");
}
