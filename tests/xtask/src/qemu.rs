//! The firmware running in QEMU, and the conversation with it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use embert_wire::{Cost, MAX_REQUEST_BYTES, Request, Response};

use crate::image::Image;

/// A QEMU process that runs one image with one model. It ends with this value.
pub struct Session<'a> {
    image: &'a Image,
    qemu: Child,
    requests: ChildStdin,
    /// Encoded responses, without their terminating zero.
    responses: Receiver<Vec<u8>>,
    timeout: Duration,
}

impl<'a> Session<'a> {
    /// Starts QEMU. `timeout` is how long one request may take on the host's
    /// clock; nothing the firmware computes or reports depends on that clock.
    pub fn start(image: &'a Image, model: &Path, timeout: Duration) -> Result<Self> {
        image.check_room(model)?;
        let machine = image.machine;
        let mut command = Command::new(machine.emulator());
        command
            .args(machine.qemu_arguments())
            .args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
        // One instruction takes one nanosecond of the machine's time, and that
        // time does not follow the host's: runs are exactly repeatable.
        command.args(["-icount", "shift=0,sleep=off"]);
        command.arg("-kernel").arg(&image.path);
        // A comma in a QEMU option's value is written twice.
        let file = model.display().to_string().replace(',', ",,");
        command.args([
            "-device",
            &format!(
                "loader,file={file},addr={:#x},force-raw=on",
                image.model_start
            ),
        ]);
        let mut qemu = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "{} cannot be run; `cargo xtask setup` installs it",
                    machine.emulator()
                )
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
            image,
            qemu,
            requests,
            responses,
            timeout,
        })
    }

    /// Asks for `request` and hands every response but the last to `take`; the
    /// last states the cost. The firmware's log goes to stderr.
    pub fn ask(&mut self, request: &Request, take: impl FnMut(Response)) -> Result<Cost> {
        let mut buffer = vec![0; MAX_REQUEST_BYTES];
        let frame = embert_wire::encode(request, &mut buffer).map_err(|_| {
            anyhow!("the text is too long: one request holds {MAX_REQUEST_BYTES} bytes")
        })?;
        self.send(frame)?;
        self.receive(take)
    }

    /// Puts bytes on the line as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let sent = self
            .requests
            .write_all(bytes)
            .and_then(|()| self.requests.flush());
        sent.map_err(|_| self.death())
    }

    /// Takes the responses to one request, as [`ask`](Self::ask) does.
    pub fn receive(&mut self, mut take: impl FnMut(Response)) -> Result<Cost> {
        let machine = self.image.machine.name();
        let deadline = Instant::now() + self.timeout;
        let mut damaged = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut frame = match self.responses.recv_timeout(left) {
                Ok(frame) if frame.is_empty() => continue,
                Ok(frame) => frame,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{machine}: no answer in {:?}", self.timeout)
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.death()),
            };
            match embert_wire::decode(&mut frame) {
                // A panic cuts off the frame that was under way; its own frame says why.
                Err(_) => damaged = true,
                Ok(Response::Log(record)) => self.log(record),
                Ok(Response::Panic(message) | Response::Error(message)) => {
                    bail!("{machine}: {message}")
                }
                Ok(Response::Done(_)) if damaged => bail!("{machine}: a malformed response"),
                Ok(Response::Done(cost)) => return Ok(cost),
                Ok(part) => take(part),
            }
        }
    }

    fn log(&self, record: &[u8]) {
        let name = self.image.machine.name();
        match self.image.log_table.decode(record) {
            Ok((frame, _)) => eprintln!("[{name}] {}", frame.display(false)),
            Err(_) => eprintln!(
                "[{name}] a log record of {} bytes that cannot be decoded",
                record.len()
            ),
        }
    }

    /// Why QEMU is gone, in its own words: the first line, since registers follow.
    fn death(&mut self) -> anyhow::Error {
        let _ = self.qemu.kill();
        let mut words = String::new();
        if let Some(mut stderr) = self.qemu.stderr.take() {
            let _ = stderr.read_to_string(&mut words);
        }
        let reason = words.lines().next().unwrap_or("no reason given");
        anyhow!("{} has stopped: {reason}", self.image.machine.emulator())
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // The firmware never ends by itself.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
