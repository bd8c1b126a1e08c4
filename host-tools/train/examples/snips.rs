use embert_tools::checkpoint::Checkpoint;
use embert_train::classifier::Objective;
use embert_train::finetune::{Source, TaskLabels, examples, model};
use embert_train::model::Rates;
use embert_train::predict::{predict, report};
use embert_train::trainer::{Progress, Settings, train};
use std::path::Path;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let checkpoint = Checkpoint::open(
        Path::new(&args[1]),
        Some(embert_tools::checkpoint::HeadChoice::Embedding(
            embert_tools::checkpoint::Pooling::Mean,
        )),
    )
    .unwrap();
    let folder = Path::new(&args[2]);
    let source = Source {
        words: true,
        ..Source::default()
    };
    let rows = |split: &str| source.read(&folder.join(split)).unwrap();
    let training = rows("train");
    let labels = TaskLabels::of(&training, &source);
    let task = labels.task();
    let limit = 64;
    let training = examples(&checkpoint, &labels, training, limit).unwrap();
    let dev = examples(&checkpoint, &labels, rows("dev"), limit).unwrap();
    let test = examples(&checkpoint, &labels, rows("test"), limit).unwrap();
    let mut model = model(&checkpoint, &task, 1);
    let settings = Settings {
        epochs: args[3].parse().unwrap(),
        batch: 32,
        parts: 1,
        learning_rate: args[4].parse().unwrap(),
        warmup: 0.1,
        dropout: 0.1,
        patience: 10,
        seed: 1,
        optimizer: Default::default(),
        objective: Objective {
            hard: 1.0,
            soft: 0.0,
            temperature: 1.0,
            several: false,
            class_weights: None,
            rates: Rates::NONE,
        },
        checkpoint: None,
    };
    let score = |model: &_| report(&task, &dev, &predict(model, &task, &dev)).score();
    train(&mut model, &training, None, &settings, score, |p| match p {
        Progress::Step {
            step,
            steps,
            loss,
            tokens_per_second,
            ..
        } if step % 50 == 0 => {
            println!("{step}/{steps} loss {loss:.4} {tokens_per_second:.0} tokens/s")
        }
        Progress::Epoch { .. } => println!("{p:?}"),
        _ => {}
    })
    .unwrap();
    let result = report(&task, &test, &predict(&model, &task, &test));
    if let embert_train::predict::Report::Joint(j) = &result {
        println!(
            "intent {:.4} slots {:.4} sentence {:.4}",
            j.intent_accuracy, j.slots.micro.f1, j.sentence_accuracy
        );
    }
}
