//! Runs that are interrupted, and those that are not gone on with.

use super::{Run, asked, base, texts};
use embert_train::example::Class;
use embert_train::finetune::{self, Rows};
use embert_train::trainer::{Progress, train};
use std::path::Path;

#[test]
fn an_interrupted_run_goes_on_bit_for_bit() {
    interrupted(texts);
}

#[test]
fn a_run_of_questions_does_so_too() {
    interrupted(asked);
}

fn interrupted(rows: fn(usize, usize) -> Rows) {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["state", "copy"].map(|name| folder.path().join(name));
    let mut run = Run::new(base(), rows, 3);
    run.settings.checkpoint = Some((path.clone(), 7));
    let (whole, score) = run.train(|progress| {
        // What is on the disk when the run is cut off in its 30th step, in the second epoch.
        if matches!(progress, Progress::Step { step: 30, .. }) {
            std::fs::copy(&path, &copy).unwrap();
        }
    });
    assert_eq!(embert_train::trainer::state::steps(&copy).unwrap(), 28);

    for threads in [1, 2] {
        let state = folder.path().join(format!("again{threads}"));
        std::fs::copy(&copy, &state).unwrap();
        run.settings.checkpoint = Some((state, 7));
        let mut first = None;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let (again, same) = pool.install(|| {
            run.train(|progress| {
                if let Progress::Step { step, .. } = progress {
                    first = first.or(Some(step));
                }
            })
        });
        assert_eq!(first, Some(29));
        assert_eq!(score, same);
        assert!(
            whole.parameters.values == again.parameters.values,
            "{threads} threads"
        );
    }
}

#[test]
fn a_run_goes_on_with_what_it_was_begun_with_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let usual = || Run::new(base(), texts, 1);
    propagate_tags(&mut usual(), &path).unwrap();
    let changes: [fn(&mut Run); 6] = [
        |run| run.training[5].class = Class::None,
        |run| run.training[7].ids[1] += 1,
        |run| run.dev.truncate(100),
        |run| run.objective.temperature = 2.0,
        |run| run.settings.epochs = 2,
        |run| run.settings.seed = 6,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut run = usual();
        change(&mut run);
        let error = propagate_tags(&mut run, &path).unwrap_err();
        assert!(error.contains("other texts"), "{index}: {error}");
    }
    propagate_tags(&mut usual(), &path).unwrap();
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let [output, moved] = ["output", "moved"].map(|name| folder.path().join(name));
    std::fs::create_dir(&output).unwrap();
    let mut run = Run::new(base(), texts, 1);
    run.settings.checkpoint = Some((output.join("state.safetensors"), 4));
    let mut model = finetune::model(&run.base, &run.task, 3);
    // After the fifth step the folder is gone: no file can be written to it.
    let result = train(&mut run.lesson(&mut model), &run.settings, |progress| {
        if matches!(progress, Progress::Step { step: 5, .. }) {
            std::fs::rename(&output, &moved).unwrap();
        }
    });
    let path = moved.join("state.safetensors");
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("cannot write") && error.contains("still there"),
        "{error}"
    );
    assert_eq!(embert_train::trainer::state::steps(&path).unwrap(), 4);

    // Nor is a file of another model or no checkpoint at all taken for one.
    for bytes in [
        &b"no checkpoint"[..],
        &std::fs::read(&path).unwrap()[..2000],
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = propagate_tags(&mut run, &path).unwrap_err();
        assert!(error.contains("no checkpoint of this run"), "{error}");
    }
}

/// Trains with the checkpoint in this file, if there is one.
fn propagate_tags(run: &mut Run, path: &Path) -> Result<f64, String> {
    run.settings.checkpoint = Some((path.into(), 4));
    let mut model = finetune::model(&run.base, &run.task, 3);
    let result = train(&mut run.lesson(&mut model), &run.settings, |_| {});
    result.map_err(|error| error.to_string())
}
