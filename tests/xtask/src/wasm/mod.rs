//! The WebAssembly module running in an interpreter, on a thread of this process.

mod count;

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use wasmi::{Caller, Engine, Error, Extern, Linker, Module, Store};

use crate::image::Image;
use crate::session::Runner;

const PAGE_BYTES: usize = 64 * 1024;

/// The thread of a module.
pub(crate) struct Wasm {
    requests: Sender<Vec<u8>>,
    responses: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Wasm {
    /// Starts the module with the blob in `model`. The thread ends when the line does.
    pub fn start(image: &Image, model: &Path) -> Result<Self> {
        let module =
            std::fs::read(&image.path).with_context(|| image.path.display().to_string())?;
        let blob = std::fs::read(model).with_context(|| model.display().to_string())?;
        let (requests, received) = channel();
        let (sent, responses) = channel();
        let line = Line {
            requests: received,
            request: Vec::new().into_iter(),
            response: Vec::new(),
            responses: sent,
        };
        let thread = std::thread::spawn(move || serve(&module, &blob, line));
        Ok(Self {
            requests,
            responses,
            thread: Some(thread),
        })
    }
}

impl Runner for Wasm {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = self.requests.send(bytes.to_owned());
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn responses(&self) -> &Receiver<Vec<u8>> {
        &self.responses
    }

    fn death(&mut self) -> anyhow::Error {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => error.context("the module has stopped"),
            _ => anyhow!("the module has stopped: no reason given"),
        }
    }
}

/// The module's serial line.
struct Line {
    requests: Receiver<Vec<u8>>,
    /// What the module has not taken yet of the bytes received.
    request: std::vec::IntoIter<u8>,
    /// What it has sent so far of a frame.
    response: Vec<u8>,
    responses: Sender<Vec<u8>>,
}

fn receive(mut caller: Caller<'_, Line>) -> Result<u32, Error> {
    let line = caller.data_mut();
    loop {
        if let Some(byte) = line.request.next() {
            return Ok(u32::from(byte));
        }
        let bytes = line.requests.recv();
        line.request = bytes
            .map_err(|_| Error::new("the line has ended"))?
            .into_iter();
    }
}

fn send(mut caller: Caller<'_, Line>, byte: u32) -> Result<(), Error> {
    let line = caller.data_mut();
    if byte != 0 {
        line.response.push(byte as u8);
        return Ok(());
    }
    let frame = std::mem::take(&mut line.response);
    let sent = line.responses.send(frame);
    sent.map_err(|_| Error::new("the line has ended"))
}

fn instructions(caller: Caller<'_, Line>) -> Result<u64, Error> {
    let count = caller
        .get_export(count::COUNT)
        .and_then(Extern::into_global);
    let count = count.and_then(|global| global.get(&caller).i64());
    Ok(count.ok_or_else(|| Error::new("the module does not count"))? as u64)
}

/// Runs the module until the line ends.
fn serve(module: &[u8], blob: &[u8], line: Line) -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(&engine, count::counting(module)?)?;
    let mut store = Store::new(&engine, line);
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "receive", receive)?;
    linker.func_wrap("host", "send", send)?;
    linker.func_wrap("host", "instructions", instructions)?;
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    let memory = instance
        .get_memory(&store, "memory")
        .context("the module exports no memory")?;
    let page = memory.grow(&mut store, blob.len().div_ceil(PAGE_BYTES) as u64)?;
    let start = page as usize * PAGE_BYTES;
    memory.write(&mut store, start, blob)?;
    let serve = instance.get_typed_func::<(u32, u32), ()>(&store, "serve")?;
    Ok(serve.call(&mut store, (start as u32, blob.len() as u32))?)
}
