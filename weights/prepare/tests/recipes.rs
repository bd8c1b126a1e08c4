//! The recipes check their inputs before they start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Recipes with lists of their own; the others call one of these.
const RECIPES: [&str; 5] = [
    "commands-en",
    "entities-en",
    "pii-en",
    "sentiment-en",
    "sst2",
];

fn weights() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn run(recipe: &str, data: &Path, out: &Path) -> Output {
    let script = weights().join(recipe).join("recipe.sh");
    Command::new("sh")
        .arg(script)
        .args([data, data, out])
        .output()
        .unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("embert-recipes-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The names of a list in the format of `sha256sum`.
fn names(list: &Path) -> Vec<String> {
    let text = fs::read_to_string(list).unwrap();
    let entries = text.lines().map(|line| line.split_once("  ").unwrap());
    let names = entries.map(|(hash, name)| {
        assert!(
            hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{hash}"
        );
        name.to_owned()
    });
    names.collect()
}

#[test]
fn every_file_that_a_recipe_names_is_in_its_list() {
    for recipe in RECIPES {
        let listed = names(&weights().join(recipe).join("data.sha256"));
        let script = fs::read_to_string(weights().join(recipe).join("recipe.sh")).unwrap();
        for path in script.split("$data/").skip(1) {
            // Names up to a variable or a pattern: at least one file of the list begins so.
            let end = path.find(['"', '$', ' ', '*', '\n']).unwrap();
            let (name, next) = path.split_at(end);
            assert!(
                listed.iter().any(|file| file.starts_with(name)),
                "{recipe}: {name}{}",
                &next[..1]
            );
        }
        let checkpoints = names(&weights().join(recipe).join("checkpoints.sha256"));
        for name in ["config.json", "model.safetensors", "vocab.txt"] {
            assert!(
                checkpoints.iter().any(|file| file.ends_with(name)),
                "{recipe}: {name}"
            );
        }
    }
}

#[test]
fn missing_files_are_named() {
    let (data, out) = (folder("missing"), folder("missing-out"));
    for recipe in RECIPES
        .into_iter()
        .chain(["commands-en-256k", "sentiment-en-large"])
    {
        let output = run(recipe, &data, &out);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{recipe}: {error}");
        assert!(error.contains("data.sha256"), "{recipe}: {error}");
    }
    let error = String::from_utf8(run("sst2", &data, &out).stderr).unwrap();
    assert!(error.contains("sst2_glue/dev.tsv"), "{error}");
    fs::remove_dir_all(data).unwrap();
    fs::remove_dir_all(out).unwrap();
}

#[test]
fn changed_files_are_named() {
    let (data, out) = (folder("changed"), folder("changed-out"));
    for name in names(&weights().join("sst2/data.sha256")) {
        let file = data.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "other data").unwrap();
    }
    let output = run("sst2", &data, &out);
    let error = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("goemotions/train.tsv: FAILED"), "{error}");
    fs::remove_dir_all(data).unwrap();
    fs::remove_dir_all(out).unwrap();
}
