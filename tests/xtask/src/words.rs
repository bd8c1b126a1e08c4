//! `cargo xtask words`: names that the project has given up, in sources and documents.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::toolchain::workspace_root;

/// A retired name and the standard term for it on each line, with a tab between.
const LIST: &str = "tests/retired_words.txt";

/// Prints each place of a retired name, and fails if there is one.
pub fn run() -> Result<()> {
    let root = workspace_root();
    let list = fs::read_to_string(root.join(LIST)).context(LIST)?;
    let retired: Vec<(&str, &str)> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .collect();
    let files = Command::new("git")
        .args(["ls-files", "-z", "*.rs", "*.md"])
        .current_dir(&root)
        .output()
        .context("git ls-files")?;
    ensure!(files.status.success(), "this is not a git checkout");
    let mut found = 0;
    for path in String::from_utf8_lossy(&files.stdout).split_terminator('\0') {
        // The changelog names what was renamed.
        if path == "CHANGELOG.md" {
            continue;
        }
        // A file that is deleted but not yet committed is listed too.
        let Ok(text) = fs::read_to_string(root.join(path)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for (old, new) in retired_in(line, &retired) {
                println!("{path}:{}: {old}, say {new}", number + 1);
                found += 1;
            }
        }
    }
    ensure!(found == 0, "{found} retired names; {LIST} has the list");
    Ok(())
}

/// The retired names among the identifiers of a line.
fn retired_in<'a>(line: &str, retired: &'a [(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let words: Vec<&str> = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    let used = |(old, _): &&(&str, &str)| words.contains(old);
    retired.iter().filter(used).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::retired_in;

    #[test]
    fn only_whole_identifiers_are_found() {
        let retired = [("old_name", "new_name"), ("Obsolete", "Current")];
        assert_eq!(
            retired_in("let x = old_name(Obsolete::new());", &retired),
            retired
        );
        assert!(retired_in("fn old_name_with(obsoletes: &[u8])", &retired).is_empty());
    }
}
