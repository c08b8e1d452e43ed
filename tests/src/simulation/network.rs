//! What lies between clients and the broker: requests and answers that are lost, come late, or twice.

use aqueduct::broker_api::{
    ClaimRequest, Claimed, EnqueueRequest, ExtendRequest, Extended, Fire, Fired, ReclaimRequest,
};
use aqueduct_core::time::Monotonic;
use fastrand::Rng;

/// What becomes of a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Both arrive at once.
    Arrives,
    /// The request does not arrive.
    Lost,
    /// The answer does not arrive.
    AnswerLost,
    /// Both arrive, and the request arrives once more, so many steps later.
    Twice(u64),
    /// The request arrives so many steps later, when nobody waits for its answer any more.
    Late(u64),
    /// The answer arrives so many steps later.
    SlowAnswer(u64),
}

impl Fate {
    /// Draws a fate: most requests arrive.
    pub fn draw(dice: &mut Rng) -> Self {
        let later = dice.u64(1..40);
        match dice.u32(..24) {
            0 => Self::Lost,
            1 | 2 => Self::AnswerLost,
            3 => Self::Twice(later),
            4 => Self::Late(later),
            5 | 6 => Self::SlowAnswer(later),
            _ => Self::Arrives,
        }
    }
}

/// A request to the broker.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Enqueue(EnqueueRequest),
    Claim(ClaimRequest),
    Extend(ExtendRequest),
    Reclaim(ReclaimRequest),
    Fire(Fire),
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Answer {
    Enqueued(EnqueueRequest),
    Claimed(ClaimRequest, Claimed),
    Extended(ExtendRequest, Extended),
    Fired(Fire, Fired),
    /// There is nothing to tell.
    Nothing,
}

/// Who has asked, by place, and how often the place was taken by somebody new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Producer(usize),
    Consumer(usize, u32),
    Scheduler(usize),
}

/// What is on its way.
#[derive(Debug)]
pub(super) enum Parcel {
    Request(Request),
    Answer {
        to: Address,
        answer: Answer,
        /// When the request was sent.
        sent: Monotonic,
    },
}

/// What is on its way, with the step that it arrives in.
#[derive(Debug, Default)]
pub(super) struct Network(Vec<(u64, Parcel)>);

impl Network {
    pub(super) fn send(&mut self, arrives: u64, parcel: Parcel) {
        self.0.push((arrives, parcel));
    }

    /// Takes out what arrives by a step, the first that was sent first.
    pub(super) fn arrived(&mut self, step: u64) -> Vec<Parcel> {
        let parcels = std::mem::take(&mut self.0).into_iter();
        let (arrived, rest): (Vec<_>, Vec<_>) = parcels.partition(|(at, _)| *at <= step);
        self.0 = rest;
        arrived.into_iter().map(|(_, parcel)| parcel).collect()
    }
}
