mod unicode_tables;

fn main() -> std::process::ExitCode {
    let verb = std::env::args().nth(1).unwrap_or_default();
    let result = match verb.as_str() {
        "unicode-tables" => unicode_tables::write(),
        _ => Err(std::io::Error::other("usage: cargo xtask unicode-tables")),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
