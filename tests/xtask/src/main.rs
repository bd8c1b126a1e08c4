use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::machine::Machine;

/// The repository's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the firmware and the tests need.
    Setup,
    /// Run texts through a model on a microcontroller that QEMU emulates.
    Qemu {
        machine: Machine,
        #[arg(long)]
        model: PathBuf,
        texts: Vec<String>,
    },
    /// Set this machine up and run every check and test.
    Test,
    /// Generate core/src/text/unicode_tables.rs.
    UnicodeTables,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Setup => xtask::setup::emulators_and_compilers(),
        Task::Qemu {
            machine,
            model,
            texts,
        } => (|| {
            let image = xtask::image::Image::build(machine)?;
            let mut session =
                xtask::qemu::Session::start(&image, &model, std::time::Duration::from_secs(60))?;
            for text in &texts {
                let cost = session.ask(&embert_wire::Request::Run { text }, |_| ())?;
                println!("{cost:?}");
            }
            let t = std::time::Instant::now();
            let cost = session.ask(
                &embert_wire::Request::Spin {
                    iterations: 500_000_000,
                },
                |_| (),
            )?;
            println!("{cost:?} {:?}", t.elapsed());
            Ok(())
        })(),
        Task::Test => xtask::check::run(),
        Task::UnicodeTables => xtask::unicode_tables::write().map_err(anyhow::Error::from),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
