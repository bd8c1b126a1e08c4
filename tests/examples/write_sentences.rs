//! Prints the 1,000 sentences that fidelity is measured on, one a line, for `embert validate
//! --texts`: cargo run -p embert-tests --example write_sentences > sentences.txt

fn main() -> std::io::Result<()> {
    for sentence in embert_tests::sentences::thousand()?.unwrap_or_default() {
        println!("{sentence}");
    }
    Ok(())
}
