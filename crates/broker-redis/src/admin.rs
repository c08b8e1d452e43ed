//! The administrative seam.

use std::collections::BTreeMap;

use aqueduct_broker_api::wire::{self, Header};
use aqueduct_broker_api::{
    BrokerAdmin, BrokerError, CancelAnswer, ConsumerInfo, MAX_PAGE, PauseScope, RunFilter, RunPage, TaskInfo,
};
use aqueduct_core::run::{Reason, Tally, Transition};
use aqueduct_core::{ConsumerId, QueueName, RunId, TaskName, TaskRun, Timestamp};
use bytes::Bytes;

use crate::RedisBroker;
use crate::decode::{self, unreadable};
use crate::items::{self, check_batch, unencodable};
use crate::link::{Args, LinkError, Reply};
use crate::search::Part;

/// A run as it is stored, and where it was found.
struct Found {
    bytes: Bytes,
    is_held: bool,
}

impl BrokerAdmin for RedisBroker {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        const FIND: &str = "find";
        check_batch(FIND, runs.len(), MAX_PAGE)?;
        let found = self.look_up(FIND, runs).await?;
        let decode = |found: &Option<Found>| found.as_ref().map(Found::decode).transpose();
        found.iter().map(decode).collect::<Result<_, _>>().map_err(|error| unreadable(FIND, error))
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        let mut page = Page::new(filter);
        self.list_stored(&mut page).await?;
        self.list_held(&mut page).await?;
        self.list_waiting(&mut page).await?;
        Ok(page.finish())
    }

    async fn cancel(&self, runs: &[RunId], reason: Reason) -> Result<Vec<CancelAnswer>, BrokerError> {
        const CANCEL: &str = "cancel";
        check_batch(CANCEL, runs.len(), MAX_PAGE)?;
        let reason = wire::reason_field(&reason).map_err(|error| unencodable(CANCEL, error))?;
        let reason = Bytes::from(reason);
        let mut answers = vec![CancelAnswer::Unknown; runs.len()];
        let is_complete = self.cancel_in(CANCEL, runs, &reason, None, &mut answers).await?;
        if !is_complete {
            for part in self.parts(CANCEL).await? {
                if !answers.contains(&CancelAnswer::Unknown) {
                    break;
                }
                self.cancel_in(CANCEL, runs, &reason, Some(&part), &mut answers).await?;
            }
        }
        Ok(answers)
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        check_batch("requeue", runs.len(), MAX_PAGE)?;
        let mut requeued = Vec::with_capacity(runs.len());
        for run in runs {
            requeued.push(self.requeue_one(*run).await?);
        }
        Ok(requeued)
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        const PURGE: &str = "purge";
        let (mut removed, mut rank) = (0, -1);
        loop {
            let mut args = self.0.keys.args(3);
            args.text(queue.as_str()).number(MAX_PAGE as u64 - removed).text(&rank.to_string());
            let reply = self.step(PURGE, &self.0.scripts.purge, args).await?;
            let step = purged(reply).map_err(|error| error.during(PURGE))?;
            removed += step.0;
            rank = step.1;
            if rank < 0 {
                return Ok(usize::try_from(removed).unwrap_or(usize::MAX));
            }
        }
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        const PAUSE: &str = "pause";
        let Some(scope) = scope_text(scope) else {
            return Ok(());
        };
        let (mut what, mut left) = (if paused { "pause" } else { "resume" }, 0);
        loop {
            let mut args = self.0.keys.args(3);
            args.text(&scope).word(what).number(left);
            let reply = self.step(PAUSE, &self.0.scripts.pause, args).await?;
            left = reply.into_number().map_err(|error| error.during(PAUSE))?;
            what = "continue";
            if left == 0 {
                return Ok(());
            }
        }
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        const PAUSED: &str = "tell what is paused";
        let mut args = Args::default();
        args.text(&self.0.keys.name("paused"));
        let reply = self.command(PAUSED, "HKEYS", args).await?;
        let mut scopes = paused_scopes(reply).map_err(|error| error.during(PAUSED))?;
        scopes.sort();
        Ok(scopes)
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        const TASKS: &str = "tell of tasks";
        let mut args = Args::default();
        args.text(&self.0.keys.name("tasks"));
        let reply = self.command(TASKS, "HGETALL", args).await?;
        task_infos(reply).map_err(|error| error.during(TASKS))
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        const CONSUMERS: &str = "tell of consumers";
        let reply = self.step(CONSUMERS, &self.0.scripts.consumers, self.0.keys.args(0)).await?;
        consumer_infos(reply).map_err(|error| error.during(CONSUMERS))
    }
}

impl RedisBroker {
    /// Looks runs up: in one step, and in parts of the lists if they are long.
    async fn look_up(&self, operation: &'static str, runs: &[RunId]) -> Result<Vec<Option<Found>>, BrokerError> {
        let mut found = Vec::new();
        found.resize_with(runs.len(), || None);
        if runs.is_empty() || self.look_in(operation, runs, None, &mut found).await? {
            return Ok(found);
        }
        for part in self.parts(operation).await? {
            if found.iter().all(Option::is_some) {
                break;
            }
            self.look_in(operation, runs, Some(&part), &mut found).await?;
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
        let missing: Vec<usize> = (0..runs.len()).filter(|at| found.get(*at).is_some_and(Option::is_none)).collect();
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

    /// Cancels what is not found yet; returns whether all places were looked at.
    async fn cancel_in(
        &self,
        operation: &'static str,
        runs: &[RunId],
        reason: &Bytes,
        part: Option<&Part>,
        answers: &mut [CancelAnswer],
    ) -> Result<bool, BrokerError> {
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

    async fn requeue_one(&self, id: RunId) -> Result<bool, BrokerError> {
        const REQUEUE: &str = "requeue";
        for _ in 0..REQUEUE_TRIES {
            let Some(found) = self.look_up(REQUEUE, &[id]).await?.pop().flatten() else {
                return Ok(false);
            };
            let mut run = found.decode().map_err(|error| unreadable(REQUEUE, error))?;
            if run.state.after(Transition::Requeue).is_none() {
                return Ok(false);
            }
            run.tally = Tally { attempt: run.tally.attempt, ..Tally::default() };
            run.record = None;
            if let Some(options) = &mut run.options {
                options.deadline = None;
            }
            let unique = run.options.as_ref().and_then(|options| options.unique.clone());
            let bytes = wire::encode(&run).map_err(|error| unencodable(REQUEUE, error))?;
            let mut args = self.0.keys.args(5);
            args.bytes(id.to_bytes().to_vec()).bytes(found.bytes).bytes(bytes);
            args.bytes(items::side_of(&run)).text(unique.as_ref().map_or("", |key| key.as_str()));
            let reply = self.step(REQUEUE, &self.0.scripts.requeue, args).await?;
            match reply.into_number().map_err(|error| error.during(REQUEUE))? {
                0 => return Ok(false),
                1 => return Ok(true),
                _ => {}
            }
        }
        Ok(false)
    }

    /// Lists what is stored by id: delayed, with options, or ended.
    async fn list_stored(&self, page: &mut Page<'_>) -> Result<(), BrokerError> {
        let mut cursor = "0".to_owned();
        loop {
            let mut args = Args::default();
            args.text(&self.0.keys.name("runs")).text(&cursor).word("COUNT").number(MAX_PAGE as u64);
            let reply = self.command(LIST, "HSCAN", args).await?;
            let (next, values) = scanned(reply).map_err(|error| error.during(LIST))?;
            values.iter().for_each(|bytes| page.offer(bytes, false));
            cursor = next;
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    /// Lists what consumers hold.
    async fn list_held(&self, page: &mut Page<'_>) -> Result<(), BrokerError> {
        let mut args = Args::default();
        args.text(&self.0.keys.name("consumers")).word("0").word("-1");
        let reply = self.command(LIST, "ZRANGE", args).await?;
        for consumer in texts(reply).map_err(|error| error.during(LIST))? {
            let mut args = Args::default();
            args.text(&self.0.keys.name(&format!("own:{consumer}")));
            let reply = self.command(LIST, "HVALS", args).await?;
            let values = values(reply).map_err(|error| error.during(LIST))?;
            values.iter().for_each(|bytes| page.offer(bytes, true));
        }
        Ok(())
    }

    /// Lists what is in ready lists.
    async fn list_waiting(&self, page: &mut Page<'_>) -> Result<(), BrokerError> {
        for part in self.parts(LIST).await? {
            let mut args = Args::default();
            Part::push(Some(&part), &mut args);
            let reply = self.command(LIST, "LRANGE", args).await?;
            let entries = values(reply).map_err(|error| error.during(LIST))?;
            entries.iter().for_each(|bytes| page.offer(bytes, false));
        }
        Ok(())
    }
}

impl Found {
    fn decode(&self) -> Result<TaskRun, wire::WireError> {
        if self.is_held { decode::held_run(&self.bytes) } else { wire::decode(&self.bytes) }
    }
}

/// A page in the making: the least ids that match, and one more.
struct Page<'a> {
    filter: &'a RunFilter,
    runs: BTreeMap<RunId, TaskRun>,
}

impl<'a> Page<'a> {
    fn new(filter: &'a RunFilter) -> Self {
        Self { filter, runs: BTreeMap::new() }
    }

    /// Takes a stored run if it belongs to the page; the id in place of a run in a list does not.
    fn offer(&mut self, bytes: &[u8], is_held: bool) {
        let Ok(header) = Header::read(bytes) else {
            return;
        };
        let is_before = self.filter.after.is_some_and(|after| header.id <= after);
        let is_full = self.runs.len() > self.filter.page_size();
        if is_before || (is_full && self.runs.last_key_value().is_some_and(|(last, _)| header.id > *last)) {
            return;
        }
        let run = if is_held { decode::held_run(bytes) } else { wire::decode(bytes) };
        if let Ok(run) = run
            && self.filter.matches(&run)
        {
            self.runs.insert(run.id, run);
            if self.runs.len() > self.filter.page_size() + 1 {
                self.runs.pop_last();
            }
        }
    }

    fn finish(mut self) -> RunPage {
        let mut page = RunPage::default();
        if self.runs.len() > self.filter.page_size() {
            self.runs.pop_last();
            page.next = self.runs.last_key_value().map(|(last, _)| *last);
        }
        page.runs = self.runs.into_values().collect();
        page
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
        Ok(Some(Found { bytes, is_held: place.first() == Some(&HELD) }))
    };
    Ok((is_complete, parts.map(read).collect::<Result<_, LinkError>>()?))
}

fn cancelled(reply: Reply) -> Result<(bool, Vec<CancelAnswer>), LinkError> {
    let mut parts = reply.into_list()?;
    let is_complete = decode::next(&mut parts)?.into_number()? == 1;
    let answer = |byte: &u8| {
        Ok(match byte {
            b'C' => CancelAnswer::Cancelled,
            b'R' => CancelAnswer::Requested,
            b'U' => CancelAnswer::Unknown,
            digit => CancelAnswer::AlreadyEnded(decode::state(digit.wrapping_sub(b'0'))?),
        })
    };
    let bytes = decode::next(&mut parts)?.into_bytes()?;
    Ok((is_complete, bytes.iter().map(answer).collect::<Result<_, LinkError>>()?))
}

fn purged(reply: Reply) -> Result<(u64, i64), LinkError> {
    let mut parts = reply.into_list()?;
    Ok((decode::next(&mut parts)?.into_number()?, decode::next(&mut parts)?.into_signed()?))
}

fn scope_text(scope: &PauseScope) -> Option<String> {
    match scope {
        PauseScope::Queue(queue) => Some(format!("q{queue}")),
        PauseScope::Task(task) => Some(format!("t{task}")),
        // A scope of a later release is not known here.
        _ => None,
    }
}

fn paused_scopes(reply: Reply) -> Result<Vec<PauseScope>, LinkError> {
    let mut scopes = Vec::new();
    for text in texts(reply)? {
        let (kind, name) = text.split_at_checked(1).unwrap_or_default();
        match kind {
            "q" => scopes.extend(name.parse().map(PauseScope::Queue)),
            _ => scopes.extend(name.parse().map(PauseScope::Task)),
        }
    }
    Ok(scopes)
}

/// Reads what is known of tasks: fields of a letter and the task's name.
fn task_infos(reply: Reply) -> Result<Vec<TaskInfo>, LinkError> {
    let mut infos: BTreeMap<TaskName, TaskInfo> = BTreeMap::new();
    let mut parts = reply.into_list()?;
    while let (Some(field), Some(value)) = (parts.next(), parts.next()) {
        let field = field.into_text()?;
        let (kind, name) = field.split_at_checked(1).unwrap_or_default();
        let Ok(name) = name.parse::<TaskName>() else {
            continue;
        };
        let info = infos.entry(name.clone()).or_insert_with(|| TaskInfo::new(name));
        match kind {
            "s" => info.succeeded = value.into_number()?,
            "f" => info.failed = value.into_number()?,
            "r" => info.retried = value.into_number()?,
            _ => {
                let bytes = value.into_bytes()?;
                if let Some((state, time)) = bytes.split_first() {
                    info.last_state = Some(decode::state(*state)?);
                    let millis = time.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
                    info.last_ended_at = Some(Timestamp::from_millis(millis));
                }
            }
        }
    }
    Ok(infos.into_values().collect())
}

fn consumer_infos(reply: Reply) -> Result<Vec<ConsumerInfo>, LinkError> {
    let mut infos = Vec::new();
    let mut parts = reply.into_list()?;
    while let (Some(name), Some(until), Some(holds)) = (parts.next(), parts.next(), parts.next()) {
        let number = u128::from_str_radix(&name.into_text()?, 16);
        let number = number.map_err(|_| LinkError::unexpected("a consumer's name"))?;
        let until = Timestamp::from_millis(until.into_number()?);
        infos.push(ConsumerInfo::new(ConsumerId::from_u128(number), until, holds.into_number()?));
    }
    Ok(infos)
}

fn scanned(reply: Reply) -> Result<(String, Vec<Bytes>), LinkError> {
    let mut parts = reply.into_list()?;
    let cursor = decode::next(&mut parts)?.into_text()?;
    let values = decode::next(&mut parts)?.into_list()?.skip(1).step_by(2);
    Ok((cursor, values.map(Reply::into_bytes).collect::<Result<_, _>>()?))
}

fn values(reply: Reply) -> Result<Vec<Bytes>, LinkError> {
    reply.into_list()?.map(Reply::into_bytes).collect()
}

fn texts(reply: Reply) -> Result<Vec<String>, LinkError> {
    reply.into_list()?.map(Reply::into_text).collect()
}

/// Marks a run that a consumer holds.
const HELD: u8 = 2;

/// How often a requeue looks again when the run has changed meanwhile.
const REQUEUE_TRIES: u32 = 3;

/// The operation of listing, for errors.
const LIST: &str = "list";
