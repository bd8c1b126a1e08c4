//! `embert distill`.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use embert::Model;
use embert_tools::blob::AlignedBytes;
use embert_tools::checkpoint::Checkpoint;
use embert_tools::quantize::{Options, quantize};
use embert_tools::transform::factorize::factorize;
use embert_tools::transform::prune::prune;
use embert_train::augment::{Thesaurus, substitute_words};
use embert_train::evaluate::predict::{predict, report};
use embert_train::example::{Class, Example};
use embert_train::finetune::{self, Rows, TaskLabels, examples};
use embert_train::loss::objective::Objective;
use embert_train::model::classifier::Classifier;
use embert_train::student::Student;
use embert_train::teacher::{CachedTargets, TeacherCache, TeacherOutputs, blob, float};

use crate::output;
use crate::progress::Bar;
use crate::quantize::about;
use crate::texts::lines_of_all;
use crate::training::{Data, Examples, Schedule, Storage, TrainedModel};

const EXAMPLES: &str = "\
Examples:
  embert distill ./sst2 --student tiny --train train.tsv --dev dev.tsv -o tiny --epochs 10 \\
      --learning-rate 5e-4
  embert distill ./sst2 --student from-layers:0,2,5 --train train.tsv --dev dev.tsv -o half
  embert distill ./sst2 --student narrowed:4x128x4x512 --rank 64 --train train.tsv --dev dev.tsv \\
      --lexical-substitution 150000 --teacher-int8 --states 0 --relations 0 -o narrow
  embert distill ./snips --student 2x128x2x512 --words --train snips/train --dev snips/dev \\
      --unlabelled more.txt --rank 64 -o commands";

/// Distill a fine-tuned model (the teacher) into a smaller one (the student).
///
/// The student is trained on the labels of the data and on the teacher's logits, for labelled texts
/// and for texts without labels (Hinton et al., arXiv 1503.02531). Its vocabulary keeps the word
/// pieces that these texts need; teacher and student may tokenize differently. The output folder has
/// the files that `embert finetune` writes; the report has the teacher's scores beside the student's.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Distill {
    /// Folder of the teacher, written by `embert finetune` or Hugging Face
    teacher: PathBuf,
    /// Shape and initial weights of the student: tiny (2x128x2x512), mini (4x256x4x1024), small
    /// (4x512x8x2048) or LAYERSxHIDDENxHEADSxINTERMEDIATE with random layers; from-layers:0,2,5 for
    /// layers of the teacher; narrowed:4x128x4x512 for the teacher's layers reduced to that shape;
    /// from:FOLDER for a pre-trained checkpoint
    #[arg(long)]
    student: Student,
    /// Output folder
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    #[command(flatten)]
    data: Data,
    /// Files of unlabelled texts, one a line, which the teacher labels
    #[arg(long, value_name = "FILE", num_args = 1..)]
    unlabelled: Vec<PathBuf>,
    /// Number of augmented texts: words replaced by neighbours in the teacher's embedding space,
    /// labelled by the teacher. Use about twice the number of training texts where these are few
    #[arg(
        long,
        alias = "rewrite",
        default_value_t = 0,
        value_name = "TEXTS",
        conflicts_with = "words"
    )]
    lexical_substitution: usize,
    #[command(flatten)]
    schedule: Schedule,
    /// Cache file for teacher outputs, reused for the same teacher and texts
    #[arg(long, alias = "knowledge", value_name = "FILE")]
    teacher_cache: Option<PathBuf>,
    /// Compute the teacher's logits with its int8 blob, several times faster than in float. Needs
    /// --states 0 --relations 0
    #[arg(long)]
    teacher_int8: bool,
    /// Weight of the hard-label loss, 0 to 1; the distillation loss gets the rest
    #[arg(long, alias = "labels", default_value_t = 0.3, value_name = "WEIGHT")]
    label_weight: f32,
    /// Temperature of the distillation loss: above 1, the teacher's lower probabilities weigh more
    #[arg(long, default_value_t = 2.0)]
    temperature: f32,
    /// Weight of the loss between the last hidden states of student and teacher; 0 for none
    #[arg(long, default_value_t = 1.0, value_name = "WEIGHT")]
    states: f32,
    /// Weight of the loss between query, key and value relations of the last layers (MiniLMv2); 0 for
    /// none
    #[arg(long, default_value_t = 1.0, value_name = "WEIGHT")]
    relations: f32,
    /// Files of texts, one a line, whose word pieces make the student's vocabulary, instead of all
    /// training texts. Name a file several times to weigh it more
    #[arg(long, value_name = "CORPUS", num_args = 1..)]
    vocab_from: Vec<PathBuf>,
    /// Lowest number of occurrences of a word piece that is kept
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    vocab_min_count: usize,
    /// Rank of the word embeddings: that many channels a word and a projection to the hidden size.
    /// With 4-bit embeddings use a multiple of 32
    #[arg(long, value_name = "CHANNELS")]
    rank: Option<usize>,
    #[command(flatten)]
    storage: Storage,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Distill {
    pub fn run(self) -> Result<()> {
        output::spare(&self.output, [&self.teacher])?;
        if let Some(cache) = &self.teacher_cache {
            let inputs = [&self.teacher].into_iter().chain(&self.unlabelled);
            output::spare(cache, inputs.chain(&self.vocab_from))?;
        }
        ensure!(
            (0.0..=1.0).contains(&self.label_weight) && self.temperature > 0.0,
            "--label-weight must lie between 0 and 1, and --temperature above 0"
        );
        let checkpoint = Checkpoint::open(&self.teacher, None)?;
        let (teacher, labels) = finetune::teacher(&checkpoint).with_context(|| {
            let folder = self.teacher.display();
            format!("{folder} has no classifier to learn from: fine-tune it first")
        })?;
        ensure!(
            !labels.questions && !self.data.columns.questions,
            "a student cannot be taught to answer questions: fine-tune a small model on them instead"
        );
        // The student's tags are those of words, whatever the teacher's are.
        let ours = TaskLabels {
            iob2: !labels.tags.is_empty() && labels.tags.continued().is_some(),
            ..labels.clone()
        };
        let (theirs_task, task) = (labels.task(), ours.task());
        let (data, source) = (&self.data, self.data.columns.source());
        let (training, unlabelled) =
            data.training(&source, self.schedule.seed, &self.unlabelled)?;
        let labelled = training.count();
        let training = training.with(&unlabelled);
        let rewritten = self.substitute_words(&checkpoint, &training.texts());
        let training = training.with(&rewritten);
        let texts = training.texts();
        let dev = source.read(&data.dev)?;
        let test = data.test.as_deref().map(|path| source.read(path));
        let test = test.transpose()?;

        let mut small = self.student.base(&checkpoint)?;
        // A student that goes on has classifiers of its own, if it has learnt these labels.
        let own;
        let classifiers = match self.student {
            Student::Pretrained(_) => {
                own = finetune::teacher(&small).filter(|(_, labels)| labels.task() == task);
                own.as_ref().map(|(own, _)| own)
            }
            _ => Some(&teacher),
        };
        let corpus = lines_of_all(&self.vocab_from)?;
        let corpus = match self.vocab_from.is_empty() {
            true => &texts,
            false => &corpus,
        };
        prune(&mut small, corpus, self.vocab_min_count)?;
        let mut small = self
            .student
            .of(&small, data.max_tokens, &texts, self.schedule.seed)?;
        if let Some(rank) = self.rank {
            factorize(&mut small, rank, &texts)?;
        }
        let read = |checkpoint, labels, rows: &Rows| -> Result<Vec<Example>> {
            Ok(examples(checkpoint, labels, rows.clone(), data.max_tokens)?)
        };
        let both = |rows: &Rows| -> Result<[Vec<Example>; 2]> {
            Ok([
                read(&checkpoint, &labels, rows)?,
                read(&small, &ours, rows)?,
            ])
        };
        self.schedule.begin(&self.output)?;
        let [theirs, mut train] = both(&training)?;
        let others = train.iter_mut().skip(labelled);
        others.for_each(|example| example.class = Class::None);
        let within = self.states > 0.0 || self.relations > 0.0;
        let outputs = match (within, self.teacher_int8) {
            (false, false) => TeacherOutputs::Logits,
            (true, false) if self.relations > 0.0 => TeacherOutputs::HiddenStatesAndQkv,
            (true, false) => TeacherOutputs::HiddenStates,
            (false, true) => TeacherOutputs::Blob,
            (true, true) => {
                bail!(
                    "a blob has no hidden states to compare: give --states 0 --relations 0, or leave out --teacher-int8"
                )
            }
        };
        let mut targets = self.soft_targets(&checkpoint, &teacher, &theirs, outputs)?;
        let pieces = [&checkpoint, &small].map(|c| &c.tokenizer.pieces[..]);
        for (index, (theirs, ours)) in theirs.iter().zip(&train).enumerate() {
            if !theirs.same_pieces(pieces[0], ours, pieces[1]) {
                targets.drop_features(index);
            }
        }
        let judged = |rows: &Rows| -> Result<_> {
            let [theirs, ours] = both(rows)?;
            let scores = report(&task, &theirs, &predict(&teacher, &theirs_task, &theirs));
            Ok((scores, ours))
        };
        let (of_dev, dev) = judged(&dev)?;
        let (of_test, test) = test.as_ref().map(judged).transpose()?.unzip();
        let examples = Examples { train, dev, test };

        let mut model = finetune::model(&small, &task, self.schedule.seed);
        if let Some(classifiers) = classifiers {
            model.init_heads_from(classifiers);
        }
        model.fake_quant = self.storage.rounding();
        if within {
            model.add_feature_distillation(&teacher.encoder.config, self.schedule.seed);
        }
        let objective = Objective {
            label_weight: self.label_weight,
            distill_weight: 1.0 - self.label_weight,
            temperature: self.temperature,
            multi_label: task.multi_label,
            states: self.states,
            relations: self.relations,
            token_dropout: self.schedule.token_dropout,
            unknown: small.tokenizer.unk,
            ..Objective::default()
        };
        let (schedule, folder): (_, &Path) = (&self.schedule, &self.output);
        schedule.train(
            &mut model,
            &task,
            &examples,
            Some(&targets),
            objective,
            folder,
        )?;
        model.fake_quant = None;
        let trained = TrainedModel {
            model: &model,
            task: &task,
            base: &small,
            teacher: Some([Some(of_dev), of_test]),
            options: self
                .storage
                .options(about(&checkpoint, &self.teacher, None)?),
        };
        trained.finish(&examples, folder, self.json)
    }

    /// More texts, from those that there are.
    fn substitute_words(&self, teacher: &Checkpoint, texts: &[String]) -> Vec<String> {
        if self.lexical_substitution == 0 {
            return Vec::new();
        }
        let (pieces, words) = (&teacher.tokenizer.pieces, &teacher.model.word_embeddings);
        let thesaurus = Thesaurus::new(pieces, words, texts);
        substitute_words(
            texts,
            &thesaurus,
            self.lexical_substitution,
            self.schedule.seed,
        )
    }

    /// The teacher's outputs, from the cache file if it has them.
    fn soft_targets(
        &self,
        checkpoint: &Checkpoint,
        teacher: &Classifier,
        examples: &[Example],
        outputs: TeacherOutputs,
    ) -> Result<CachedTargets> {
        let cache = TeacherCache {
            teacher,
            examples,
            outputs,
        };
        let path = self.teacher_cache.as_deref();
        let cannot = |what| {
            let file = path.map_or("a temporary file".into(), |path| path.display().to_string());
            format!("cannot {what} {file}")
        };
        if let Some(path) = path
            && let Some(targets) = cache.open(path).with_context(|| cannot("read"))?
        {
            return Ok(targets);
        }
        let bar = Bar::new(examples.len(), "teacher");
        let done = |count| bar.add(count);
        let targets = match outputs {
            TeacherOutputs::Blob => {
                let blob = quantize(checkpoint, &Options::default(), |_| {})?;
                let aligned = AlignedBytes::copy(&blob);
                let model = Model::parse(&aligned).context("the teacher's blob")?;
                cache.compute(path, |some| {
                    blob::predict_soft_targets(&model, some, done).map_err(io::Error::other)
                })
            }
            _ => cache.compute(path, |some| {
                Ok(float::predict_soft_targets(teacher, some, outputs, done))
            }),
        };
        bar.finish();
        targets.with_context(|| cannot("write"))
    }
}
