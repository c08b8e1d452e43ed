//! Random operations, drawn from a seed.

use std::time::Duration;

/// One operation; numbers pick among what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Queue this many, with a priority and a delay.
    Enqueue {
        count: usize,
        priority: usize,
        delay: Option<Duration>,
        expires: Option<Duration>,
        key: Option<Keyed>,
        repetition: Option<u8>,
        limits: Option<u8>,
        fair: Option<u8>,
        shape: Option<Shape>,
    },
    /// Repeat the last enqueue.
    EnqueueAgain,
    /// One of the consumers claims.
    Claim { consumer: usize, max: usize },
    /// One of the consumers repeats its last claim.
    ClaimAgain { consumer: usize },
    /// One of the consumers settles one of its leases.
    Settle {
        consumer: usize,
        pick: usize,
        how: usize,
        wait: Duration,
    },
    /// One of the consumers settles with the token of another attempt.
    SettleWrong { consumer: usize, pick: usize },
    /// One of the consumers beats, listing what it holds, with reports.
    Extend {
        consumer: usize,
        forget: bool,
        done: u64,
    },
    /// One of the consumers keeps a checkpoint of one of its leases, or of an attempt before it.
    Checkpoint {
        consumer: usize,
        pick: usize,
        number: u32,
        is_current: bool,
    },
    /// Reclaim.
    Beat,
    /// Somebody cancels a run.
    Cancel { pick: usize },
    /// Somebody requeues a run.
    Requeue { pick: usize },
    /// Time passes.
    Advance { by: Duration },
}

/// A unique key, with numbers that pick its scope and what becomes of a conflict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed {
    pub(crate) key: u8,
    pub(crate) scope: usize,
    pub(crate) on_conflict: usize,
    pub(crate) put_off: Option<Duration>,
    pub(crate) window: Duration,
}

/// What the tasks of one enqueue are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each follows the one before.
    Chain,
    /// The last follows all others.
    Chord,
    /// The last follows all others, however they end.
    ChordAnyway,
}

impl Shape {
    pub(crate) const ALL: [Self; 3] = [Self::Chain, Self::Chord, Self::ChordAnyway];
}

/// Draws the steps of a seed.
pub(crate) fn draw(seed: u64, steps: usize) -> Vec<Step> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..steps).map(|_| step(&mut random)).collect()
}

fn step(random: &mut fastrand::Rng) -> Step {
    let consumer = random.usize(..3);
    let pick = random.usize(..1000);
    let wait = Duration::from_millis(random.u64(..4000));
    match random.usize(..100) {
        0..20 => Step::Enqueue {
            count: random.usize(1..6),
            priority: random.usize(..3),
            delay: random.bool().then_some(wait),
            expires: (random.usize(..5) == 0).then_some(Duration::from_millis(random.u64(1..3000))),
            key: (random.usize(..3) == 0).then(|| Keyed {
                key: random.u8(..4),
                scope: random.usize(..3),
                on_conflict: random.usize(..3),
                put_off: random.bool().then_some(wait),
                window: Duration::from_millis(random.u64(1..6000)),
            }),
            repetition: (random.usize(..8) == 0).then(|| random.u8(..3)),
            limits: random.bool().then(|| random.u8(..)),
            fair: random.bool().then(|| random.u8(..)),
            shape: (random.usize(..3) == 0).then(|| Shape::ALL[random.usize(..3)]),
        },
        20..24 => Step::EnqueueAgain,
        24..48 => Step::Claim {
            consumer,
            max: random.usize(..8),
        },
        48..52 => Step::ClaimAgain { consumer },
        52..76 => Step::Settle {
            consumer,
            pick,
            how: random.usize(..10),
            wait,
        },
        76..79 => Step::SettleWrong { consumer, pick },
        79..82 => Step::Checkpoint {
            consumer,
            pick,
            number: random.u32(1..4),
            is_current: random.usize(..4) > 0,
        },
        82..86 => Step::Extend {
            consumer,
            forget: random.usize(..4) == 0,
            done: random.u64(..),
        },
        86..90 => Step::Beat,
        90..93 => Step::Cancel { pick },
        93..95 => Step::Requeue { pick },
        _ => Step::Advance {
            by: Duration::from_millis(random.u64(..3000)),
        },
    }
}
