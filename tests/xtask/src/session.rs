//! The conversation with the firmware, wherever it runs.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use embert_protocol::{Cost, MAX_REQUEST_BYTES, Request, Response};

use crate::image::Image;
use crate::qemu::Qemu;
use crate::wasm::Wasm;

/// What runs an image, with the other end of its serial line. It ends with this value.
pub(crate) trait Runner {
    /// Puts bytes on the line as they are.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Encoded responses, without their terminating zero.
    fn responses(&self) -> &Receiver<Vec<u8>>;

    /// Why nothing answers any more.
    fn death(&mut self) -> anyhow::Error;
}

/// One image at work with one model. It ends with this value.
pub struct Session<'a> {
    image: &'a Image,
    runner: Box<dyn Runner>,
    timeout: Duration,
}

impl<'a> Session<'a> {
    /// Starts the image on the machine's usual processor. `timeout` is how long
    /// one request may take on the host's clock; nothing the firmware computes
    /// or reports depends on that clock.
    pub fn start(image: &'a Image, model: &Path, timeout: Duration) -> Result<Self> {
        Self::with_cpu(image, image.machine.cpus()[0], model, timeout)
    }

    /// Starts the image on the processor `cpu`, the board's own if `None`.
    pub fn with_cpu(
        image: &'a Image,
        cpu: Option<&str>,
        model: &Path,
        timeout: Duration,
    ) -> Result<Self> {
        let runner: Box<dyn Runner> = match &image.elf {
            Some(elf) => Box::new(Qemu::start(image, elf, cpu, model)?),
            None => Box::new(Wasm::start(image, model)?),
        };
        Ok(Self {
            image,
            runner,
            timeout,
        })
    }

    /// Asks for `request` and hands every response but the last to `take`; the
    /// last states the cost. The firmware's log goes to stderr.
    pub fn ask(&mut self, request: &Request, take: impl FnMut(Response)) -> Result<Cost> {
        let mut buffer = vec![0; MAX_REQUEST_BYTES];
        let frame = embert_protocol::encode(request, &mut buffer).map_err(|_| {
            anyhow!("the text is too long: one request holds {MAX_REQUEST_BYTES} bytes")
        })?;
        self.send(frame)?;
        self.receive(take)
    }

    /// Puts bytes on the line as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let sent = self.runner.send(bytes);
        sent.map_err(|_| self.runner.death())
    }

    /// Takes the responses to one request, as [`ask`](Self::ask) does.
    pub fn receive(&mut self, mut take: impl FnMut(Response)) -> Result<Cost> {
        let machine = self.image.machine.name();
        let deadline = Instant::now() + self.timeout;
        let mut damaged = false;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut frame = match self.runner.responses().recv_timeout(left) {
                Ok(frame) if frame.is_empty() => continue,
                Ok(frame) => frame,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{machine}: no answer in {:?}", self.timeout)
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.runner.death()),
            };
            match embert_protocol::decode(&mut frame) {
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
        let table = self.image.elf.as_ref().map(|elf| &elf.log_table);
        match table.map(|table| table.decode(record)) {
            Some(Ok((frame, _))) => eprintln!("[{name}] {}", frame.display(false)),
            _ => eprintln!(
                "[{name}] a log record of {} bytes that cannot be decoded",
                record.len()
            ),
        }
    }
}
