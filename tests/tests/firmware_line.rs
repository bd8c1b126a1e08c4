//! The firmware's serial line, whatever the model: its instruction counter, and how it takes bad
//! requests and bad models. On every machine, in QEMU.

use std::io::Write;
use std::time::Duration;

use embert_wire::{MAX_REQUEST_BYTES, Request};
use xtask::image::Image;
use xtask::machine::Machine;
use xtask::qemu::Session;

const TIMEOUT: Duration = Duration::from_secs(120);

/// Runs `test` on every machine with `blob` as the model.
fn on_every_machine(blob: &[u8], test: impl Fn(Machine, &mut Session)) {
    let mut model = tempfile::NamedTempFile::new().unwrap();
    model.write_all(blob).unwrap();
    for machine in Machine::ALL {
        let image = Image::build(machine).unwrap();
        test(
            machine,
            &mut Session::start(&image, model.path(), TIMEOUT).unwrap(),
        );
    }
}

fn error(result: anyhow::Result<embert_wire::Cost>) -> String {
    result.expect_err("the request should fail").to_string()
}

#[test]
fn instructions_are_counted_exactly() {
    on_every_machine(b"no model", |machine, session| {
        // A loop shorter than a round of SysTick, and one of several rounds: their interrupts count.
        for (iterations, tolerance) in [(1_000_000, 100), (50_000_000, 250)] {
            let executed = 2 * (u64::from(iterations) + 1);
            let counted = session
                .ask(&Request::Spin { iterations }, |_| ())
                .unwrap()
                .instructions;
            assert!(
                (executed..executed + tolerance).contains(&counted),
                "{machine:?}: {executed} executed, {counted} counted"
            );
        }
    });
}

#[test]
fn bad_requests_are_refused_and_do_no_harm() {
    on_every_machine(b"no model", |machine, session| {
        let spin = Request::Spin { iterations: 10 };
        // No valid frame, a frame of no valid request, a frame longer than the firmware's buffer.
        session.send(b"\x05ab\0").unwrap();
        assert!(
            error(session.receive(|_| ())).contains("malformed"),
            "{machine:?}"
        );
        session.send(b"\x03\x7f\x7f\0").unwrap();
        assert!(
            error(session.receive(|_| ())).contains("malformed"),
            "{machine:?}"
        );
        session.send(&vec![b'x'; MAX_REQUEST_BYTES + 1]).unwrap();
        assert!(
            error(session.receive(|_| ())).contains("too long"),
            "{machine:?}"
        );
        session.send(b"\0").unwrap();
        assert!(session.receive(|_| ()).is_err(), "{machine:?}");
        session.ask(&spin, |_| ()).unwrap();
    });
}
