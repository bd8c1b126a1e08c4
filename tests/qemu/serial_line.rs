//! The firmware apart from its results: its instruction counter, and how it takes bad requests and
//! bad models. On every machine, in QEMU.

use std::io::Write;
use std::time::Duration;

use embert::{HeadKind, Pooling, Shape};
use embert_protocol::{Cost, MAX_REQUEST_BYTES, Request};
use embert_tests::blobs::TOKENS;
use embert_tests::synthetic::{self, Wildness};
use xtask::image::Image;
use xtask::machine::Machine;
use xtask::session::Session;

const TIMEOUT: Duration = Duration::from_secs(300);

/// Runs `test` on the machines with `blob` as the model.
fn on(machines: &[Machine], blob: &[u8], test: impl Fn(Machine, &mut Session)) {
    let mut model = tempfile::NamedTempFile::new().unwrap();
    model.write_all(blob).unwrap();
    for &machine in machines {
        let image = Image::build(machine).unwrap();
        let mut session = Session::start(&image, model.path(), TIMEOUT).unwrap();
        test(machine, &mut session);
    }
}

fn run(session: &mut Session, limit: Option<u32>) -> anyhow::Result<Cost> {
    let request = Request::Run {
        question: None,
        text: "the king sings.",
        limit,
        tokens: false,
        set: None,
        parts: false,
    };
    session.ask(&request, |_| ())
}

#[track_caller]
fn assert_refused(machine: Machine, answer: anyhow::Result<Cost>, reason: &str) {
    let error = answer.expect_err("this should be refused").to_string();
    assert!(error.contains(reason), "{machine:?}: {error}");
}

/// Instructions from one step of the coarsest counter to the next: the nRF51's takes 62.5. Where in
/// a step a request comes depends on the host, so a span can be a step more or less.
const COUNTER_STEP: u64 = 63;

#[test]
fn instructions_are_counted_to_a_step_of_the_counter() {
    on(&Machine::ALL, b"no model", |machine, session| {
        // A loop shorter than a round of SysTick, and one of several: their interrupts count too.
        for (iterations, overhead) in [(1_000_000, 100), (50_000_000, 250)] {
            let executed = 2 * (u64::from(iterations) + 1);
            let cost = session.ask(&Request::Spin { iterations }, |_| ()).unwrap();
            assert!(
                (executed - COUNTER_STEP..=executed + overhead + COUNTER_STEP)
                    .contains(&cost.instructions),
                "{machine:?}: {executed} executed, {} counted",
                cost.instructions
            );
        }
    });
}

#[test]
fn bad_requests_are_refused_and_do_no_harm() {
    on(&Machine::ALL, TOKENS.bytes, |machine, session| {
        // No frame; a frame of no request.
        for noise in [b"\x05ab\0", b"\x03\x7f\x7f\0"] {
            session.send(noise).unwrap();
            assert_refused(machine, session.receive(|_| ()), "malformed");
        }
        session.send(&[b'x'; MAX_REQUEST_BYTES + 1]).unwrap();
        assert_refused(machine, session.receive(|_| ()), "too long");
        session.send(b"\0").unwrap();
        assert_refused(machine, session.receive(|_| ()), "malformed");
        run(session, None).unwrap();
    });
}

#[test]
fn what_is_no_model_is_refused() {
    let mut damaged = TOKENS.bytes.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    for (blob, reason) in [
        (b"no model".as_slice(), "not an embert blob"),
        (&damaged, "checksum"),
    ] {
        on(&Machine::ALL, blob, |machine, session| {
            assert_refused(machine, run(session, None), reason);
        });
    }
}

/// A model whose longest texts need more scratch than the MPS boards have; the others have room.
#[test]
fn too_long_a_limit_is_refused() {
    let shape = Shape {
        layers: 1,
        hidden: 1024,
        heads: 16,
        intermediate: 64,
        vocabulary: 100,
        rank: 0,
        positions: 4096,
        segments: 1,
        labels: 0,
        token_labels: 0,
        iob2: false,
        head: HeadKind::Embedding,
        pooling: Pooling::Mean,
        has_int4: false,
        has_pooler: false,
    };
    let model = synthetic::blob(&shape, 0, 0, 1, Wildness::Tame);
    let mut machines = Machine::ALL.to_vec();
    machines.retain(|machine| machine.name().starts_with("mps"));
    on(&machines, &model.blob, |machine, session| {
        assert_refused(machine, run(session, None), "set a lower limit");
        let cost = run(session, Some(64)).unwrap();
        let expected = embert::scratch_bytes(&shape, 64);
        assert_eq!(cost.scratch_bytes as usize, expected, "{machine:?}");
    });
}
