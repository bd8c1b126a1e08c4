//! Writes the tiny checkpoints into a folder, for `tests/golden/make_golden.py` to read.

use embert_tests::tiny::{ALL, Flavour};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or_else(|| std::io::Error::other("give a folder"))?;
    for tiny in ALL {
        let folder = std::path::Path::new(&folder).join(tiny.name);
        std::fs::create_dir_all(&folder)?;
        tiny.write(&folder, Flavour::usual(&tiny))?;
    }
    Ok(())
}
