//! The schedule seam.

use std::time::Duration;

use aqueduct_broker_api::wire;
use aqueduct_broker_api::{
    BrokerError, Enqueued, Fire, Fired, ReplacedDefinition, ScheduleDefinition, ScheduleEntry,
    ScheduleSnapshot, ScheduleStore, ScheduleVersion, TARDY_CLOCK_ALLOWANCE, Upserted,
};
use aqueduct_core::{RunId, ScheduleName, Timestamp};
use bytes::Bytes;
use tracing::error;

use crate::RedisBroker;
use crate::decode;
use crate::enqueue::BRING_TRIES;
use crate::items::{millis, push_tasks, unencodable};
use crate::link::{Args, LinkError, Reply};

/// The operation of firing, for errors.
const FIRE: &str = "fire a tick";

/// The answer to a tick.
enum Answer {
    Fired(Fired),
    /// Nothing was done: these runs are to be stored by their ids before they can be replaced.
    Bring(Vec<RunId>),
}

impl ScheduleStore for RedisBroker {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        const UPSERT: &str = "store schedules";
        let mut args = self.0.keys.args(definitions.len() * 3);
        for definition in definitions {
            let bytes =
                wire::encode_definition(definition).map_err(|error| unencodable(UPSERT, error))?;
            args.text(definition.name.as_str())
                .bytes(version_bytes(definition.version))
                .bytes(bytes);
        }
        let reply = self
            .step(UPSERT, &self.0.scripts.schedule_upsert, args)
            .await?;
        let answers = reply.into_bytes().map_err(|error| error.during(UPSERT))?;
        let answer = |byte: &u8| match byte {
            b'C' => Upserted::Created,
            b'R' => Upserted::Replaced,
            b'U' => Upserted::Unchanged,
            _ => Upserted::Outdated,
        };
        Ok(answers.iter().map(answer).collect())
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        const LIST: &str = "list schedules";
        let reply = self
            .step(LIST, &self.0.scripts.schedule_list, self.0.keys.args(0))
            .await?;
        snapshot(reply).map_err(|error| error.during(LIST))
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        let id = fire.run.as_ref().map(|run| run.id);
        let mut tries = BRING_TRIES;
        loop {
            let args = self.fire_args(fire, tries > 0)?;
            let reply = self.step(FIRE, &self.0.scripts.schedule_fire, args).await?;
            match fired(reply, id).map_err(|error| error.during(FIRE))? {
                Answer::Fired(fired) => return Ok(fired),
                Answer::Bring(runs) => self.bring(FIRE, &runs).await?,
            }
            tries = tries.saturating_sub(1);
        }
    }

    async fn set_enabled(
        &self,
        schedule: &ScheduleName,
        enabled: bool,
    ) -> Result<bool, BrokerError> {
        self.switch(
            "switch a schedule",
            schedule,
            if enabled { "on" } else { "off" },
        )
        .await
    }

    async fn remove(&self, schedule: &ScheduleName) -> Result<bool, BrokerError> {
        self.switch("remove a schedule", schedule, "remove").await
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        const WAIT: &str = "wait for a changed schedule";
        let mut args = Args::default();
        args.text(&self.0.keys.name("schedules:revision"));
        // Registered before the look, so that no change in between is lost.
        let mut changes = self.0.changes.listen();
        let reply = self.command(WAIT, "GET", args).await?;
        let revision = if reply.is_nil() {
            Ok(0)
        } else {
            reply.into_number()
        };
        if revision.map_err(|error| error.during(WAIT))? != seen {
            return Ok(true);
        }
        Ok(tokio::time::timeout(at_most, changes.other_than(seen))
            .await
            .is_ok())
    }
}

impl RedisBroker {
    fn fire_args(&self, fire: &Fire, may_ask: bool) -> Result<Args, BrokerError> {
        let reason =
            wire::reason_field(&fire.reason()).map_err(|error| unencodable(FIRE, error))?;
        let mut args = self.args_with_retention(12);
        args.text(fire.schedule.as_str())
            .bytes(version_bytes(fire.version))
            .number(fire.tick.as_millis())
            .number(millis(TARDY_CLOCK_ALLOWANCE))
            .bytes(self.limits_of(&fire.run))
            .text(&fire.overlap.to_string())
            .bytes(reason)
            .number(u64::from(may_ask));
        if let Some(run) = &fire.run {
            args.bytes(run.id.to_bytes().to_vec());
            let run = std::slice::from_ref(run);
            push_tasks(&mut args, run).map_err(|error| unencodable(FIRE, error))?;
        }
        Ok(args)
    }

    async fn switch(
        &self,
        operation: &'static str,
        schedule: &ScheduleName,
        what: &'static str,
    ) -> Result<bool, BrokerError> {
        let mut args = self.0.keys.args(2);
        args.text(schedule.as_str()).word(what);
        let reply = self
            .step(operation, &self.0.scripts.schedule_switch, args)
            .await?;
        Ok(reply
            .into_number()
            .map_err(|error| error.during(operation))?
            == 1)
    }
}

fn version_bytes(version: ScheduleVersion) -> Vec<u8> {
    version.number().to_be_bytes().to_vec()
}

fn snapshot(reply: Reply) -> Result<ScheduleSnapshot, LinkError> {
    let mut parts = reply.into_list()?;
    let now = Timestamp::from_millis(decode::next(&mut parts)?.into_number()?);
    let revision = decode::next(&mut parts)?.into_number()?;
    let mut entries = Vec::new();
    while let Some(name) = parts.next() {
        let name = name.into_text()?;
        let mut next = || decode::next(&mut parts)?.into_bytes();
        let (stored, last, replaced) = (next()?, next()?, next()?);
        match entry(&name, &stored, &last, &replaced) {
            Ok(entry) => entries.push(entry),
            // One that cannot be read, say of a newer release, must not stop the others.
            Err(problem) => error!(schedule = name, problem, "a schedule cannot be read"),
        }
    }
    entries.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
    Ok(ScheduleSnapshot::new(entries, now, revision))
}

/// Reads an entry (version, 1 if on, 1 if removed, last tick, definition), its last run and ticks that overlapped,
/// and the definition that was replaced.
fn entry(
    name: &str,
    stored: &Bytes,
    last: &Bytes,
    replaced: &Bytes,
) -> Result<ScheduleEntry, String> {
    let short = || "it is cut short".to_owned();
    let (version, rest) = stored.split_first_chunk::<8>().ok_or_else(short)?;
    let (flags, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let (tick, definition) = rest.split_first_chunk::<6>().ok_or_else(short)?;
    let definition = definition_of(name, *version, definition)?;
    let mut entry = ScheduleEntry::new(definition, decode::time(tick));
    entry.enabled = flags.first() == Some(&1);
    if let Some((run, overlaps)) = last.split_first_chunk() {
        let (count, tick) = overlaps.split_at_checked(6).ok_or_else(short)?;
        entry.last_run = Some(RunId::from_bytes(*run));
        entry.overlaps = decode::time(count).as_millis();
        entry.last_overlap = (entry.overlaps > 0).then(|| decode::time(tick));
    }
    if let Some((version, rest)) = replaced.split_first_chunk() {
        let (at, definition) = rest.split_first_chunk::<6>().ok_or_else(short)?;
        // One of a later release is not shown.
        let definition = definition_of(name, *version, definition).ok();
        let replaced = definition.map(|it| ReplacedDefinition::new(it, decode::time(at)));
        entry.replaced = replaced.map(Box::new);
    }
    Ok(entry)
}

fn definition_of(name: &str, version: [u8; 8], bytes: &[u8]) -> Result<ScheduleDefinition, String> {
    let name: ScheduleName = name.parse().map_err(|_| "its name".to_owned())?;
    let version = ScheduleVersion::from_number(u64::from_be_bytes(version));
    wire::decode_definition(name, version, bytes).map_err(|error| error.to_string())
}

fn fired(reply: Reply, id: Option<RunId>) -> Result<Answer, LinkError> {
    let mut parts = reply.into_list()?;
    let word = decode::next(&mut parts)?.into_text()?;
    Ok(Answer::Fired(match word.as_str() {
        "fired" => {
            let answer = decode::next(&mut parts)?.into_bytes()?;
            Fired::Fired(match decode::enqueued(&answer)?.first() {
                Some(Enqueued::Duplicate(run) | Enqueued::Replaced(run)) => Some(*run),
                Some(Enqueued::KeyTaken(_)) => None,
                _ => id,
            })
        }
        "overlap" => Fired::Overlapped {
            run: decode::run_id(&decode::next(&mut parts)?.into_bytes()?)?,
        },
        "done" => Fired::AlreadyDone {
            last_tick: Timestamp::from_millis(decode::next(&mut parts)?.into_number()?),
        },
        "changed" => Fired::Changed,
        "off" => Fired::Off,
        "early" => Fired::TooEarly {
            wait: Duration::from_millis(decode::next(&mut parts)?.into_number()?),
        },
        "full" => Fired::QueueFull,
        "bring" => {
            let runs = decode::next(&mut parts)?.into_bytes()?;
            return Ok(Answer::Bring(decode::run_ids(&runs)));
        }
        _ => return Err(LinkError::unexpected("an answer to a tick")),
    }))
}
