//! Pre-training as a whole: what vocabularies are learnt, that both tasks are, and that a run goes on
//! bit for bit.

use embert::text::Normalizer;
use embert_tools::checkpoint::{Activation, Checkpoint, HeadChoice, Pooling, TokenizerSpec};
use embert_train::data::Document;
use embert_train::model::Config;
use embert_train::ops::Dropout;
use embert_train::pretrain::{
    BatchSampler, Corpus, Data, LanguageModel, Pretraining, Report, SPECIAL, learn_pieces, spec,
    split, word_counts,
};
use embert_train::trainer::optimizer;
use embert_train::trainer::{Progress, Settings, TrainingTask, train};
use std::collections::BTreeMap;
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    AddedToken, Model, Normalizer as _, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, Tokenizer, Trainer,
};

const UNCASED: Normalizer = Normalizer {
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: true,
    lowercase: true,
};

/// Documents of farms, streets, kitchens and schools: what something does follows from what it is, and
/// a sentence is of its document's place.
fn documents(count: usize) -> Vec<Document> {
    let places = [
        ["cow", "horse", "goat", "hen"],
        ["bus", "tram", "lorry", "bicycle"],
        ["kettle", "ladle", "oven", "café"],
        ["pupil", "teacher", "blackboard", "pencil"],
    ];
    let verbs = ["waits", "moves", "stands", "turns"];
    let document = |d: usize| {
        let things = places[d % places.len()];
        let sentence = |s: usize| {
            let thing = |i: usize| (d * 7 + s * s * 5 + i * 3 + s / 3) % things.len();
            let [a, b] = [thing(0), thing(s)];
            format!("The {} {} by the {}.", things[a], verbs[a], things[b])
        };
        Document {
            sentences: (0..14).map(sentence).collect(),
        }
    };
    (0..count).map(document).collect()
}

struct Run {
    tokenizer: TokenizerSpec,
    corpus: Corpus,
    held_out: Corpus,
    settings: Settings,
}

impl Run {
    fn new(epochs: usize) -> Self {
        let [learnt, held_out] = split(documents(40), 0.2, 1).unwrap();
        let words = word_counts(&learnt, UNCASED);
        let tokenizer = spec(learn_pieces(&words, 120), false).unwrap();
        Run {
            corpus: Corpus::read(&learnt, &tokenizer).unwrap(),
            held_out: Corpus::read(&held_out, &tokenizer).unwrap(),
            tokenizer,
            settings: Settings {
                epochs,
                learning_rate: 5e-3,
                warmup: 0.1,
                dropout: 0.1,
                patience: 100,
                seed: 5,
                optimizer: optimizer::Settings::default(),
                checkpoint: None,
            },
        }
    }

    fn model(&self) -> LanguageModel {
        let config = Config {
            layers: 2,
            hidden: 32,
            heads: 2,
            intermediate: 64,
            vocabulary: self.tokenizer.pieces.len(),
            rank: None,
            positions: 32,
            segments: 2,
            activation: Activation::GeluErf,
            epsilon: 1e-12,
        };
        LanguageModel::new(config, 3)
    }

    fn lesson<'a>(&'a self, model: &'a mut LanguageModel, parts: usize) -> Pretraining<'a> {
        let maker = BatchSampler {
            corpus: &self.corpus,
            spec: &self.tokenizer,
            mask: self.tokenizer.mask.unwrap(),
            tokens: 32,
            whole_words: false,
            seed: 5,
        };
        let data = Data {
            maker,
            held_out: &self.held_out,
            batch: 16,
            parts,
        };
        Pretraining::new(model, data)
    }

    fn train(&self, progress: impl FnMut(Progress)) -> (LanguageModel, f64, Report) {
        let mut model = self.model();
        let mut lesson = self.lesson(&mut model, 2);
        let score = train(&mut lesson, &self.settings, progress).unwrap();
        let report = lesson.report();
        (model, score, report)
    }
}

#[test]
fn both_tasks_are_learnt() {
    let (_, score, report) = Run::new(80).train(|_| {});
    let loss = report.cross_entropy + report.next_cross_entropy;
    assert_eq!(score, -loss, "the report is of the best epoch");
    assert!(
        report.cross_entropy < 0.6 * report.unigram_cross_entropy,
        "{report:?}"
    );
    assert!(report.next_accuracy > 0.75, "{report:?}");
    assert!(report.accuracy > 0.5, "{report:?}");
    assert_eq!(report.perplexity, report.cross_entropy.exp());

    // Knowing nothing is to find every piece as probable as any other.
    let run = Run::new(0);
    let (_, _, report) = run.train(|_| {});
    let uniform = (run.tokenizer.pieces.len() as f64).ln();
    assert!((report.cross_entropy - uniform).abs() < 0.1, "{report:?}");
}

#[test]
fn an_interrupted_run_goes_on_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["state", "copy"].map(|name| folder.path().join(name));
    let mut run = Run::new(5);
    run.settings.checkpoint = Some((path.clone(), 5));
    let (whole, score, report) = run.train(|progress| {
        // What is on the disk when the run is cut off in its 13th step.
        if matches!(progress, Progress::Step { step: 13, .. }) {
            std::fs::copy(&path, &copy).unwrap();
        }
    });
    let steps = embert_train::trainer::state::steps(&copy).unwrap();
    assert!((10..13).contains(&steps), "{steps}");
    for threads in [1, 2] {
        let state = folder.path().join(format!("again{threads}"));
        std::fs::copy(&copy, &state).unwrap();
        run.settings.checkpoint = Some((state, 5));
        let mut first = None;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let (again, same, also) = pool.build().unwrap().install(|| {
            run.train(|progress| {
                if let Progress::Step { step, .. } = progress {
                    first = first.or(Some(step));
                }
            })
        });
        assert_eq!(first, Some(steps + 1));
        assert_eq!((score, report), (same, also));
        assert!(
            whole.parameters.values == again.parameters.values,
            "{threads} threads"
        );
    }
}

#[test]
fn a_run_goes_on_with_the_same_text_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(1);
    run.settings.checkpoint = Some((folder.path().join("state"), 5));
    run.train(|_| {});
    run.corpus.documents[3][0][0] += 1;
    let mut model = run.model();
    let error = train(&mut run.lesson(&mut model, 2), &run.settings, |_| {}).unwrap_err();
    assert!(error.to_string().contains("other texts"), "{error}");
}

/// Each masked word and each pair of a batch counts the same, in however many parts it is learnt.
#[test]
fn parts_of_a_batch_add_up() {
    let run = Run::new(1);
    let of = |parts| {
        let mut model = run.model();
        let mut gradient = vec![0.0; model.parameters.values.len()];
        let learnt = run
            .lesson(&mut model, parts)
            .learn(3, Dropout::NONE, &mut gradient);
        (learnt, gradient)
    };
    let (whole, expected) = of(1);
    // The last part is smaller.
    for parts in [2, 3, 5] {
        let (learnt, gradient) = of(parts);
        assert_eq!(learnt.tokens, whole.tokens);
        assert!((learnt.loss - whole.loss).abs() < 1e-5);
        let most = gradient
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(most < 1e-5, "{parts} parts: {most}");
    }
}

/// What is written is read again, and goes on where it was.
#[test]
fn a_folder_has_all_of_it() {
    let run = Run::new(2);
    let (model, _, report) = run.train(|_| {});
    let (floats, heads) = model.floats();
    let checkpoint = Checkpoint::encoder("mine", floats, run.tokenizer.clone());
    let folder = tempfile::tempdir().unwrap();
    checkpoint.save_pretrained(folder.path(), &heads).unwrap();
    let head = HeadChoice::Embedding(Pooling::Mean);
    let again = Checkpoint::open(folder.path(), Some(head)).unwrap();
    assert_eq!(again.tokenizer, run.tokenizer);
    assert_eq!(again.model, checkpoint.model);
    let mut model = LanguageModel::of(&again.model, Some(&heads), 99);
    assert_eq!(run.lesson(&mut model, 1).report(), report);
}

/// Text of many scripts.
fn texts() -> Document {
    let text = include_str!("../../src/quantize/calibration.txt");
    let more =
        "Ein Käfer; eine Naïveté, ÜBER ältere Häuser. 数学 は 楽しい です. Ελληνικά, Русский!";
    Document {
        sentences: text.lines().chain([more; 3]).map(str::to_owned).collect(),
    }
}

/// Hugging Face's words of a text.
fn theirs(text: &str) -> Vec<String> {
    let mut pieces = PreTokenizedString::from(text);
    let normalizer = BertNormalizer::default();
    pieces.normalize(|part| normalizer.normalize(part)).unwrap();
    BertPreTokenizer.pre_tokenize(&mut pieces).unwrap();
    let words = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
    words
        .into_iter()
        .map(|(word, ..)| word.to_owned())
        .collect()
}

#[test]
fn vocabularies_are_hugging_faces() {
    let text = texts();
    let words = word_counts(std::slice::from_ref(&text), UNCASED);
    let mut expected = BTreeMap::<String, u64>::new();
    for word in text.sentences.iter().flat_map(|sentence| theirs(sentence)) {
        *expected.entry(word).or_default() += 1;
    }
    assert_eq!(words, expected);

    let pieces = learn_pieces(&words, 700);
    assert_eq!(pieces.len(), 700);
    assert_eq!(pieces, learn_pieces(&words, 700), "the same each time");
    // Their trainer breaks ties by the order of a hash map, another in each run.
    let special = SPECIAL.map(|token| AddedToken::from(token, true));
    let mut trainer = WordPieceTrainer::builder()
        .vocab_size(700)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(special.to_vec())
        .build();
    let cut = |text: &str| Ok(theirs(text));
    trainer.feed(text.sentences.iter(), cut).unwrap();
    let mut model = WordPiece::default();
    trainer.train(&mut model).unwrap();
    let vocabulary = model.get_vocab();
    let same = pieces
        .iter()
        .filter(|piece| vocabulary.contains_key(*piece));
    let same = same.count();
    assert!(same >= 670, "{same} of 700");
}

#[test]
fn texts_are_read_as_hugging_face_does() {
    let text = texts();
    let words = word_counts(std::slice::from_ref(&text), UNCASED);
    let pieces = learn_pieces(&words, 700);
    let folder = tempfile::tempdir().unwrap();
    let vocab = folder.path().join("vocab.txt");
    std::fs::write(&vocab, pieces.join("\n")).unwrap();
    let model = WordPiece::from_file(vocab.to_str().unwrap());
    let mut tokenizer = Tokenizer::new(model.build().unwrap());
    tokenizer
        .with_normalizer(Some(BertNormalizer::default()))
        .unwrap();
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let expected = text.sentences.iter().map(|sentence| {
        let encoding = tokenizer.encode(sentence.as_str(), false).unwrap();
        encoding.get_ids().to_vec()
    });
    let expected = expected.filter(|ids| !ids.is_empty()).collect::<Vec<_>>();
    let corpus = Corpus::read(std::slice::from_ref(&text), &spec(pieces, false).unwrap()).unwrap();
    assert_eq!(corpus.documents, [expected]);
}
