//! Who reads, and what becomes of it.

use std::fs::File;
use std::io::Write;

use rustix::pipe::{PipeFlags, pipe_with};

use super::*;
use crate::frame::encode;
use crate::message::{WorkMetaRef, pack};
use crate::work::{Force, StopReason};

/// An intake, and the end of its pipe that the pool has.
fn intake() -> (Intake, File) {
    let (input, pool) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let output = File::options().write(true).open("/dev/null").unwrap();
    let channel = Arc::new(Channel::new(output));
    let decoder = Decoder::new(1 << 20);
    (Intake::new(input, decoder, channel).unwrap(), pool.into())
}

fn work(blob: &[u8]) -> Vec<u8> {
    let meta = WorkMetaRef {
        name: "act",
        remaining_ms: 1000,
        cpu_ms: None,
        detail: &[],
    };
    let mut bytes = encode(Kind::Work, 1, &pack(&meta).unwrap(), blob).unwrap();
    if !crate::frame::is_copied(blob) {
        bytes.extend(blob);
    }
    bytes
}

fn stop(about: u32) -> Vec<u8> {
    let stop = Stop::new(StopReason::TimedOut, Force::Ask);
    encode(Kind::Stop, about, &pack(&stop).unwrap(), &[]).unwrap()
}

#[test]
fn whoever_reads_reads_all_that_is_there() {
    // The first read is filled to the last byte by the work; what stands behind it counts as well.
    let room = Decoder::new(0).space().len();
    let blob = vec![7; room - work(&[]).len()];
    let (intake, mut pool) = intake();
    pool.write_all(&work(&blob)).unwrap();
    pool.write_all(&stop(2)).unwrap();
    pool.write_all(&stop(1)).unwrap();
    let Incoming { about, work, link } = intake.next_work();
    assert_eq!((about, &*work.params), (1, &blob));
    assert!(link.stopped().is_some(), "the stop was read");
}

#[test]
fn work_that_the_listening_thread_reads_is_handed_over() {
    let (intake, mut pool) = intake();
    pool.write_all(&work(b"x")).unwrap();
    intake.listen();
    assert!(wait(&intake.working, Some(Duration::ZERO)).other);
    assert_eq!(*intake.next_work().work.params, b"x");
}

#[test]
fn a_worker_that_leaves_takes_no_work() {
    let (intake, mut pool) = intake();
    assert!(intake.channel.doing().drain(), "it can leave at once");
    pool.write_all(&work(b"x")).unwrap();
    intake.listen();
    assert!(intake.inbox().is_none() && intake.channel.doing().work.is_none());
}
