//! Looking for runs by id where no index leads to them: in parts of lists, from the tail to the head.
//!
//! A plain run is in its ready list and nowhere else. Short lists are looked through in the same step;
//! long ones in bounded parts. Counted from the tail, what is there stays in its part while others are
//! claimed from the head.

use aqueduct_broker_api::wire::WireError;
use aqueduct_broker_api::{BrokerError, CancelAnswer};
use aqueduct_core::{RunId, TaskRun};
use bytes::Bytes;

use crate::RedisBroker;
use crate::decode;
use crate::decode::admin::cancelled;
use crate::link::{Args, LinkError, Reply};

/// A run as it is stored, and where it was found.
pub(crate) struct Found {
    pub(crate) bytes: Bytes,
    /// Of a held run what it reports, which may be nothing.
    held: Option<Bytes>,
}

/// A request to end runs, and the answers so far.
pub(crate) struct Cancelling<'a> {
    pub(crate) runs: &'a [RunId],
    pub(crate) reason: Bytes,
    pub(crate) answers: Vec<CancelAnswer>,
}

/// A part of a list to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    list: String,
    /// Distances from the tail: the last entry has 1.
    from: u64,
    to: u64,
}

/// The most entries in one part.
const PART: u64 = 1000;

impl Part {
    /// Adds which part to look at, or that all lists are to be looked at if they are short.
    pub(crate) fn push(part: Option<&Self>, args: &mut Args) {
        match part {
            Some(part) => {
                args.text(&part.list)
                    .text(&format!("-{}", part.to))
                    .text(&format!("-{}", part.from));
            }
            None => {
                args.word("").word("0").word("0");
            }
        }
    }
}

impl RedisBroker {
    /// Returns the lists that runs wait in.
    pub(crate) async fn lists(&self) -> Result<Vec<String>, BrokerError> {
        let mut lists = vec![self.0.keys.name("aside")];
        for lengths in aqueduct_broker_api::Broker::queue_lengths(self, &[]).await? {
            for lane in aqueduct_core::Lane::ALL {
                for priority in aqueduct_core::Priority::ALL {
                    lists.push(
                        self.0
                            .keys
                            .name(&format!("ready:{lane}:{priority}:{}", lengths.queue)),
                    );
                }
            }
        }
        Ok(lists)
    }

    /// Returns how many entries a list has.
    pub(crate) async fn length(
        &self,
        operation: &'static str,
        list: &str,
    ) -> Result<u64, BrokerError> {
        let mut args = Args::default();
        args.text(list);
        let length = self.command(operation, "LLEN", args).await?;
        length
            .into_number()
            .map_err(|error| error.during(operation))
    }

    /// Returns the parts of all lists, the tails first.
    pub(crate) async fn parts(&self, operation: &'static str) -> Result<Vec<Part>, BrokerError> {
        let mut parts = Vec::new();
        for list in self.lists().await? {
            let length = self.length(operation, &list).await?;
            let mut from = 1;
            while from <= length {
                parts.push(Part {
                    list: list.clone(),
                    from,
                    to: from + PART - 1,
                });
                from += PART;
            }
        }
        Ok(parts)
    }

    /// Looks runs up: in one step, and in parts of the lists if they are long.
    pub(crate) async fn look_up(
        &self,
        operation: &'static str,
        runs: &[RunId],
    ) -> Result<Vec<Option<Found>>, BrokerError> {
        let mut found = Vec::new();
        found.resize_with(runs.len(), || None);
        if runs.is_empty() || self.look_in(operation, runs, None, &mut found).await? {
            return Ok(found);
        }
        for part in self.parts(operation).await? {
            if found.iter().all(Option::is_some) {
                break;
            }
            self.look_in(operation, runs, Some(&part), &mut found)
                .await?;
        }
        Ok(found)
    }

    /// Looks for what is not found yet; returns whether all places were looked at.
    async fn look_in(
        &self,
        operation: &'static str,
        runs: &[RunId],
        part: Option<&Part>,
        found: &mut [Option<Found>],
    ) -> Result<bool, BrokerError> {
        let missing: Vec<usize> = (0..runs.len())
            .filter(|at| found.get(*at).is_some_and(Option::is_none))
            .collect();
        let mut args = self.0.keys.args(3 + missing.len());
        Part::push(part, &mut args);
        for run in missing.iter().filter_map(|at| runs.get(*at)) {
            args.bytes(run.to_bytes().to_vec());
        }
        let reply = self.step(operation, &self.0.scripts.find, args).await?;
        let (is_complete, entries) = looked(reply).map_err(|error| error.during(operation))?;
        for (at, entry) in missing.into_iter().zip(entries) {
            if let Some(slot) = found.get_mut(at) {
                *slot = entry;
            }
        }
        Ok(is_complete)
    }

    /// Stores runs by their ids that are nowhere but in their lists: in one step, and in parts of the lists if they
    /// are long.
    pub(crate) async fn bring(
        &self,
        operation: &'static str,
        runs: &[RunId],
    ) -> Result<(), BrokerError> {
        if self.bring_in(operation, None, runs).await? {
            return Ok(());
        }
        for part in self.parts(operation).await? {
            if self.bring_in(operation, Some(&part), runs).await? {
                break;
            }
        }
        Ok(())
    }

    /// Brings what is found; returns whether there is nothing more to look for.
    async fn bring_in(
        &self,
        operation: &'static str,
        part: Option<&Part>,
        runs: &[RunId],
    ) -> Result<bool, BrokerError> {
        let mut args = self.0.keys.args(3 + runs.len());
        Part::push(part, &mut args);
        for run in runs {
            args.bytes(run.to_bytes().to_vec());
        }
        let reply = self.step(operation, &self.0.scripts.bring, args).await?;
        let is_done = reply.into_number().map(|done| done == 1);
        is_done.map_err(|error| error.during(operation))
    }

    /// Cancels runs: in one step, and in parts of the lists if they are long.
    pub(crate) async fn cancel_all(
        &self,
        operation: &'static str,
        cancelling: &mut Cancelling<'_>,
    ) -> Result<(), BrokerError> {
        if self.cancel_in(operation, None, cancelling).await? {
            return Ok(());
        }
        for part in self.parts(operation).await? {
            self.cancel_in(operation, Some(&part), cancelling).await?;
        }
        Ok(())
    }

    /// Cancels what is not found yet; returns whether all places were looked at.
    async fn cancel_in(
        &self,
        operation: &'static str,
        part: Option<&Part>,
        cancelling: &mut Cancelling<'_>,
    ) -> Result<bool, BrokerError> {
        let Cancelling {
            runs,
            reason,
            answers,
        } = cancelling;
        let is_unknown = |at: &usize| answers.get(*at) == Some(&CancelAnswer::Unknown);
        let missing: Vec<usize> = (0..runs.len()).filter(is_unknown).collect();
        if missing.is_empty() {
            return Ok(true);
        }
        let mut args = self.args_with_retention(4 + missing.len());
        args.bytes(reason.clone());
        Part::push(part, &mut args);
        for run in missing.iter().filter_map(|at| runs.get(*at)) {
            args.bytes(run.to_bytes().to_vec());
        }
        let reply = self.step(operation, &self.0.scripts.cancel, args).await?;
        let (is_complete, new) = cancelled(reply).map_err(|error| error.during(operation))?;
        for (at, answer) in missing.into_iter().zip(new) {
            if let Some(slot) = answers.get_mut(at) {
                *slot = answer;
            }
        }
        Ok(is_complete)
    }
}

impl Found {
    pub(crate) fn decode(&self) -> Result<TaskRun, WireError> {
        match &self.held {
            Some(report) => decode::held_run(&self.bytes, report),
            None => decode::run(&self.bytes),
        }
    }
}

fn looked(reply: Reply) -> Result<(bool, Vec<Option<Found>>), LinkError> {
    let mut parts = reply.into_list()?;
    let is_complete = decode::next(&mut parts)?.into_number()? == 1;
    let read = |part: Reply| {
        let mut bytes = part.into_bytes()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let place = bytes.split_to(1);
        let is_held = place.first() == Some(&HELD);
        let held = is_held.then(|| take_report(&mut bytes)).transpose()?;
        Ok(Some(Found { bytes, held }))
    };
    Ok((
        is_complete,
        parts.map(read).collect::<Result<_, LinkError>>()?,
    ))
}

/// Takes what a held run reports off the front.
fn take_report(bytes: &mut Bytes) -> Result<Bytes, LinkError> {
    let cut_short = || LinkError::unexpected("a held run is cut short");
    let (length, _) = bytes.split_first_chunk().ok_or_else(cut_short)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if bytes.len() < length + 2 {
        return Err(cut_short());
    }
    Ok(bytes.split_to(length + 2).split_off(2))
}

/// Marks a run that a consumer holds.
const HELD: u8 = 2;
