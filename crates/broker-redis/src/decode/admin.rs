//! The replies of administrative scripts and commands.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aqueduct_broker_api::wire;
use aqueduct_broker_api::{
    CancelAnswer, ConsumerInfo, Holder, KeyHolder, Limit, LimitInfo, PauseScope, TaskInfo, TurnInfo,
};
use aqueduct_core::{ConsumerId, RunId, TaskName, Timestamp};
use bytes::Bytes;

use super::{next, run_id, state};
use crate::link::{LinkError, Reply};

pub(crate) fn cancelled(reply: Reply) -> Result<(bool, Vec<CancelAnswer>), LinkError> {
    let mut parts = reply.into_list()?;
    let is_complete = next(&mut parts)?.into_number()? == 1;
    let answer = |byte: &u8| {
        Ok(match byte {
            b'C' => CancelAnswer::Cancelled,
            b'R' => CancelAnswer::Requested,
            b'U' => CancelAnswer::Unknown,
            digit => CancelAnswer::AlreadyEnded(state(digit.wrapping_sub(b'0'))?),
        })
    };
    let bytes = next(&mut parts)?.into_bytes()?;
    Ok((
        is_complete,
        bytes.iter().map(answer).collect::<Result<_, LinkError>>()?,
    ))
}

pub(crate) fn purged(reply: Reply) -> Result<(u64, bool, i64), LinkError> {
    let mut parts = reply.into_list()?;
    Ok((
        next(&mut parts)?.into_number()?,
        next(&mut parts)?.into_number()? == 1,
        next(&mut parts)?.into_signed()?,
    ))
}

pub(crate) fn paused_scopes(reply: Reply) -> Result<Vec<PauseScope>, LinkError> {
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
pub(crate) fn task_infos(reply: Reply) -> Result<Vec<TaskInfo>, LinkError> {
    let mut infos: BTreeMap<TaskName, TaskInfo> = BTreeMap::new();
    let mut parts = reply.into_list()?;
    while let (Some(field), Some(value)) = (parts.next(), parts.next()) {
        let field = field.into_text()?;
        let (kind, name) = field.split_at_checked(1).unwrap_or_default();
        let Ok(name) = name.parse::<TaskName>() else {
            continue;
        };
        let info = infos
            .entry(name.clone())
            .or_insert_with(|| TaskInfo::new(name));
        match kind {
            "s" => info.succeeded = value.into_number()?,
            "f" => info.failed = value.into_number()?,
            "r" => info.retried = value.into_number()?,
            _ => {
                let bytes = value.into_bytes()?;
                if let Some((number, time)) = bytes.split_first() {
                    info.last_state = Some(state(*number)?);
                    info.last_ended_at = Some(super::time(time));
                }
            }
        }
    }
    Ok(infos.into_values().collect())
}

pub(crate) fn consumer_infos(reply: Reply) -> Result<Vec<ConsumerInfo>, LinkError> {
    let mut infos = Vec::new();
    let mut parts = reply.into_list()?;
    while let Some(name) = parts.next() {
        let consumer = consumer_id(&name.into_text()?)?;
        let until = Timestamp::from_millis(next(&mut parts)?.into_number()?);
        let holds = next(&mut parts)?.into_number()?;
        let introduction = next(&mut parts)?.into_bytes()?;
        // A introduction of a later release says nothing here.
        let introduction = wire::decode_introduction(&introduction).ok();
        infos.push(ConsumerInfo::new(consumer, until, holds).with_introduction(introduction));
    }
    Ok(infos)
}

/// Reads who holds runs: for each a consumer and a reason, or nothing.
pub(crate) fn holders(reply: Reply) -> Result<Vec<Option<Holder>>, LinkError> {
    let mut holders = Vec::new();
    let mut parts = reply.into_list()?;
    while let Some(name) = parts.next() {
        let (name, reason) = (name.into_text()?, next(&mut parts)?.into_bytes()?);
        if name.is_empty() {
            holders.push(None);
            continue;
        }
        let reason = (!reason.is_empty()).then(|| wire::read_reason_field(&reason));
        let reason = reason.transpose();
        let reason = reason.map_err(|_| LinkError::unexpected("a reason"))?;
        holders.push(Some(Holder::new(consumer_id(&name)?).asked_to_end(reason)));
    }
    Ok(holders)
}

/// Reads how limits stand; one that is not in use is as it was asked for.
pub(crate) fn limit_infos(reply: Reply, asked: &[Limit]) -> Result<Vec<LimitInfo>, LinkError> {
    let mut infos = Vec::new();
    let mut parts = reply.into_list()?;
    while let Some(name) = parts.next() {
        let name = name.into_text()?;
        let (kind, key) = name.split_at_checked(1).unwrap_or_default();
        let max = next(&mut parts)?.into_signed()?;
        if max < 0 {
            infos.extend(asked.get(infos.len()).cloned().map(LimitInfo::idle));
            parts.by_ref().take(5).for_each(drop);
            continue;
        }
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        let per = Duration::from_millis(next(&mut parts)?.into_number()?);
        let limit = match kind {
            "r" => Limit::rate(key, max, per),
            _ => Limit::concurrency(key, max),
        };
        let limit = limit.map_err(|_| LinkError::unexpected("a limit"))?;
        let mut info = LimitInfo::idle(limit);
        info.running = next(&mut parts)?.into_number()?;
        let opens_at = next(&mut parts)?.into_number()?;
        info.opens_at = (opens_at > 0).then(|| Timestamp::from_millis(opens_at));
        info.waiting = next(&mut parts)?.into_number()?;
        info.held_by = super::run_ids(&next(&mut parts)?.into_bytes()?);
        infos.push(info);
    }
    Ok(infos)
}

/// Reads where a run stands that takes turns; nothing if it does not.
pub(crate) fn turn(reply: Reply) -> Result<Option<TurnInfo>, LinkError> {
    let mut parts = reply.into_list()?;
    let Some(runs) = parts.next() else {
        return Ok(None);
    };
    let turns = next(&mut parts)?.into_signed()?;
    Ok(Some(TurnInfo::new(
        runs.into_number()?,
        u64::try_from(turns).ok(),
    )))
}

pub(crate) fn key_holders(reply: Reply) -> Result<Vec<Option<KeyHolder>>, LinkError> {
    let one = |part: Reply| {
        let hold = part.into_bytes()?;
        if hold.is_empty() {
            return Ok(None);
        }
        let cut = || LinkError::unexpected("the holder of a key");
        let (id, times) = hold.split_first_chunk().ok_or_else(cut)?;
        let (since, until) = times.split_first_chunk::<6>().ok_or_else(cut)?;
        let [since, until] = [since.as_slice(), until].map(time_of);
        let until = (until.as_millis() > 0).then_some(until);
        Ok(Some(
            KeyHolder::new(RunId::from_bytes(*id), since).until(until),
        ))
    };
    reply.into_list()?.map(one).collect()
}

/// Reads a time of big-endian bytes.
fn time_of(bytes: &[u8]) -> Timestamp {
    let millis = bytes
        .iter()
        .fold(0, |time, byte| (time << 8) | u64::from(*byte));
    Timestamp::from_millis(millis)
}

fn consumer_id(name: &str) -> Result<ConsumerId, LinkError> {
    let number = u128::from_str_radix(name, 16);
    let number = number.map_err(|_| LinkError::unexpected("a consumer's name"))?;
    Ok(ConsumerId::from_u128(number))
}

pub(crate) fn scanned(reply: Reply) -> Result<(String, Vec<Bytes>), LinkError> {
    let mut parts = reply.into_list()?;
    let cursor = next(&mut parts)?.into_text()?;
    let values = next(&mut parts)?.into_list()?.skip(1).step_by(2);
    Ok((
        cursor,
        values.map(Reply::into_bytes).collect::<Result<_, _>>()?,
    ))
}

/// Reads what runs of a consumer report, by id.
pub(crate) fn reports(reply: Reply) -> Result<HashMap<RunId, Bytes>, LinkError> {
    let mut reports = HashMap::new();
    let mut parts = reply.into_list()?;
    while let (Some(id), Some(report)) = (parts.next(), parts.next()) {
        reports.insert(run_id(&id.into_bytes()?)?, report.into_bytes()?);
    }
    Ok(reports)
}

pub(crate) fn values(reply: Reply) -> Result<Vec<Bytes>, LinkError> {
    reply.into_list()?.map(Reply::into_bytes).collect()
}

pub(crate) fn texts(reply: Reply) -> Result<Vec<String>, LinkError> {
    reply.into_list()?.map(Reply::into_text).collect()
}
