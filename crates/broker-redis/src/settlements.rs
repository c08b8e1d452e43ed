//! Settlements as arguments of `claim.lua`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct_broker_api::wire::{self, WireError};
use aqueduct_broker_api::{LeaseToken, Settle, Settled, Settlement};
use aqueduct_core::key::Key;
use aqueduct_core::run::{Failure, FailureKind};
use aqueduct_core::{ConsumerId, QueueName, RunId, TaskName};

use crate::held::Ledger;
use crate::items::millis;
use crate::link::Args;
use crate::whole::Frees;

/// The settlements of a request, in the order in which the script wants them.
#[derive(Debug)]
pub(crate) struct Settlements<'a> {
    /// What the consumer is known to hold before: how many requests it has made, and how many runs it holds.
    known: Option<(u64, usize)>,
    plain: Vec<Group>,
    /// Where plain successes are in the request; their ranks are places in here.
    plain_places: Vec<usize>,
    /// The keys that known successes free, and how many leave each limit.
    keys: Vec<Key>,
    limits: BTreeMap<Vec<u8>, u64>,
    others: Vec<(usize, &'a Settle)>,
}

/// Plain successes that are counted together.
#[derive(Debug)]
struct Group {
    /// `None` if the server has to look.
    kind: Option<(TaskName, QueueName)>,
    attempt: u32,
    members: Vec<RunId>,
    /// Of each run which of the plain successes of the request it is, 2 bytes each: a repeated request has the same
    /// ranks, whatever is known of its runs by then.
    ranks: Vec<u8>,
}

impl<'a> Settlements<'a> {
    /// Sorts the settlements of a consumer, and takes their runs out of its ledger; those with the token of
    /// another are left out.
    pub(crate) fn of(
        consumer: ConsumerId,
        items: &'a [Settle],
        ledger: Option<&mut Ledger>,
    ) -> Self {
        let mut settlements = Self {
            known: ledger
                .as_ref()
                .map(|ledger| (ledger.requests(), ledger.len())),
            plain: Vec::new(),
            plain_places: Vec::new(),
            keys: Vec::new(),
            limits: BTreeMap::new(),
            others: Vec::new(),
        };
        let mut nothing = Ledger::default();
        let ledger = ledger.unwrap_or(&mut nothing);
        for (place, item) in items.iter().enumerate() {
            if item.token.consumer != consumer {
                continue;
            }
            let held = ledger.remove(&item.token);
            if matches!(item.settlement, Settlement::Succeed { result: None })
                && item.hold_back.is_zero()
            {
                let kind = held.and_then(|held| {
                    settlements.free(held.frees?);
                    Some((held.task, held.queue))
                });
                settlements.group(kind, &item.token, place);
            } else {
                settlements.others.push((place, item));
            }
        }
        // What is known frees its keys and places at first: a run that is there twice is looked for when it is gone.
        settlements.plain.sort_by_key(|group| group.kind.is_none());
        // What goes back to the head goes there with the greatest id first: the least is served first.
        settlements.others.sort_by_key(|(_, item)| {
            let is_release = item.settlement == Settlement::Release;
            (is_release, is_release.then_some(Reverse(item.token.run)))
        });
        settlements
    }

    fn free(&mut self, frees: Frees) {
        self.keys.extend(frees.key);
        for limit in frees.limits {
            *self.limits.entry(limit).or_default() += 1;
        }
    }

    fn group(&mut self, kind: Option<(TaskName, QueueName)>, token: &LeaseToken, place: usize) {
        let attempt = attempt_before(token);
        // As many as a batch has, at most.
        let rank = u16::try_from(self.plain_places.len()).unwrap_or(u16::MAX);
        self.plain_places.push(place);
        let is_like = |group: &&mut Group| group.kind == kind && group.attempt == attempt;
        // Most runs are like the one before.
        match self.plain.iter_mut().rev().find(is_like) {
            Some(group) => {
                group.members.push(token.run);
                group.ranks.extend(rank.to_be_bytes());
            }
            None => self.plain.push(Group {
                kind,
                attempt,
                members: vec![token.run],
                ranks: rank.to_be_bytes().to_vec(),
            }),
        }
    }

    pub(crate) fn count_args(&self) -> usize {
        let plain: usize = self.plain.iter().map(|group| 4 + group.members.len()).sum();
        let freed = 2 + self.keys.len() + self.limits.len() * 2;
        4 + plain + freed + self.others.len() * 7
    }

    /// Adds the settlements.
    pub(crate) fn push(&self, args: &mut Args) -> Result<(), WireError> {
        let (requests, held) = self.known.unwrap_or_default();
        args.number(requests).number(held as u64);
        self.push_freed(args);
        args.number(self.plain.len() as u64);
        for Group {
            kind,
            attempt,
            members,
            ranks,
        } in &self.plain
        {
            let (task, queue) = kind
                .as_ref()
                .map_or(("", ""), |(task, queue)| (task.as_str(), queue.as_str()));
            args.text(task)
                .text(queue)
                .bytes(attempt.to_be_bytes().to_vec())
                .bytes(ranks.clone());
            for id in members {
                args.bytes(id.to_bytes().to_vec());
            }
        }
        args.number(self.others.len() as u64);
        for (_, item) in &self.others {
            args.bytes(token_bytes(&item.token));
            push_settlement(args, &item.settlement)?;
            args.number(millis(item.hold_back));
        }
        Ok(())
    }

    fn push_freed(&self, args: &mut Args) {
        args.number(self.keys.len() as u64);
        for key in &self.keys {
            args.text(key.as_str());
        }
        args.number(self.limits.len() as u64);
        for (limit, number) in &self.limits {
            args.bytes(limit.clone()).number(*number);
        }
    }

    /// Puts answers back into the order of the request; what was not sent has lost its lease.
    pub(crate) fn in_order(&self, count: usize, answers: &[Settled]) -> Vec<Settled> {
        let others = self.others.iter().map(|(place, _)| place);
        let places = self.plain_places.iter().chain(others);
        let mut settled = vec![Settled::LeaseLost; count];
        for (place, answer) in places.zip(answers) {
            if let Some(slot) = settled.get_mut(*place) {
                *slot = *answer;
            }
        }
        settled
    }
}

/// Packs a token: the id, and the attempt as it was before the claim.
pub(crate) fn token_bytes(token: &LeaseToken) -> Vec<u8> {
    let mut bytes = token.run.to_bytes().to_vec();
    bytes.extend_from_slice(&attempt_before(token).to_be_bytes());
    bytes
}

/// Returns the attempt as it was before the claim, which is how a held run is stored.
fn attempt_before(token: &LeaseToken) -> u32 {
    token.attempt.wrapping_sub(1)
}

fn push_settlement(args: &mut Args, settlement: &Settlement) -> Result<(), WireError> {
    let (kind, wait, fields) = match settlement {
        Settlement::Succeed { result } => (
            "succeed",
            Duration::ZERO,
            result.as_ref().map(wire::result_field).transpose()?,
        ),
        Settlement::Retry { wait, failure } => {
            let kind = if is_crash(failure) { "crash" } else { "retry" };
            (kind, *wait, Some(wire::failure_field(failure)?))
        }
        Settlement::Park { wait, failure } => ("park", *wait, Some(wire::failure_field(failure)?)),
        Settlement::Fail { failure } => {
            let kind = if is_crash(failure) { "crashed" } else { "fail" };
            (kind, Duration::ZERO, Some(wire::failure_field(failure)?))
        }
        Settlement::Cancel { reason } => {
            ("cancel", Duration::ZERO, Some(wire::reason_field(reason)?))
        }
        Settlement::Snooze { wait } => ("snooze", *wait, None),
        // A kind that a later release adds is given back: nothing is lost.
        Settlement::Release | _ => ("release", Duration::ZERO, None),
    };
    args.word(kind).number(millis(wait));
    let count = u64::from(fields.is_some());
    args.bytes(fields.unwrap_or_default()).number(count);
    let failed = match settlement {
        Settlement::Retry { failure, .. } | Settlement::Fail { failure } => {
            wire::failure_tail(failure)
        }
        _ => Vec::new(),
    };
    args.bytes(failed);
    Ok(())
}

/// Returns whether a failure counts against the crash budget.
fn is_crash(failure: &Failure) -> bool {
    failure.kind() == FailureKind::Crash
}
