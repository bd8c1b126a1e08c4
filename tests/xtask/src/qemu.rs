//! The firmware running in QEMU.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use anyhow::{Context, Result, anyhow};

use crate::image::{Elf, Image};
use crate::session::Runner;

/// A QEMU process.
pub(crate) struct Qemu {
    emulator: &'static str,
    qemu: Child,
    requests: ChildStdin,
    responses: Receiver<Vec<u8>>,
}

impl Qemu {
    /// Starts QEMU with the blob in `model` and the processor `cpu`, the board's own if `None`.
    pub fn start(image: &Image, elf: &Elf, cpu: Option<&str>, model: &Path) -> Result<Self> {
        elf.check_room(model, image.machine)?;
        let emulator = image
            .machine
            .emulator()
            .context("QEMU has no such machine")?;
        let machine = image.machine;
        let mut command = Command::new(emulator);
        command
            .args(machine.qemu_arguments())
            .args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
        // One instruction takes one nanosecond of the machine's time, and that
        // time does not follow the host's: runs are exactly repeatable.
        command.args(["-icount", "shift=0,sleep=off"]);
        if let Some(cpu) = cpu {
            command.args(["-cpu", cpu]);
        }
        command.arg("-kernel").arg(&image.path);
        // A comma in a QEMU option's value is written twice.
        let file = model.display().to_string().replace(',', ",,");
        command.args([
            "-device",
            &format!(
                "loader,file={file},addr={:#x},force-raw=on",
                elf.model_start
            ),
        ]);
        let mut qemu = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!("{emulator} cannot be run; `cargo xtask setup` installs it")
            })?;
        let requests = qemu.stdin.take().expect("stdin is piped");
        let mut output = BufReader::new(qemu.stdout.take().expect("stdout is piped"));
        let (frames, responses) = channel();
        std::thread::spawn(move || {
            let mut frame = Vec::new();
            while output.read_until(0, &mut frame).is_ok() && frame.pop() == Some(0) {
                if frames.send(std::mem::take(&mut frame)).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            emulator,
            qemu,
            requests,
            responses,
        })
    }
}

impl Runner for Qemu {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.requests.write_all(bytes)?;
        self.requests.flush()
    }

    fn responses(&self) -> &Receiver<Vec<u8>> {
        &self.responses
    }

    /// In QEMU's own words: the first line, since registers follow.
    fn death(&mut self) -> anyhow::Error {
        let _ = self.qemu.kill();
        let mut words = String::new();
        if let Some(mut stderr) = self.qemu.stderr.take() {
            let _ = stderr.read_to_string(&mut words);
        }
        let reason = words.lines().next().unwrap_or("no reason given");
        anyhow!("{} has stopped: {reason}", self.emulator)
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // The firmware never ends by itself.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
