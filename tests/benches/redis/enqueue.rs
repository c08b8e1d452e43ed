//! Queueing: one by one, from many callers at once, in batches.

use std::sync::Arc;

use aqueduct::broker_api::{Broker as _, EnqueueRequest, Sequence};
use aqueduct::redis::RedisBroker;
use aqueduct::{Payload, QueuedTask, RunId, TaskName, Timestamp};
use integration::bench::{Figure, Measured, Report, now, per_second, repetitions, size};
use tokio::task::JoinSet;

use crate::bare::{self, Bare};
use crate::drain::{data, producer, queue};
use crate::{REPETITIONS, RUNS};

/// Runs that are queued one by one.
const SINGLE: usize = 20_000;

/// Callers at once.
const CALLERS: usize = 256;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let (mut pings, mut singles) = (Vec::new(), Vec::new());
    let (mut bare_callers, mut callers) = (Vec::new(), Vec::new());
    let (mut bare_batches, mut batches) = (Vec::new(), Vec::new());
    for _ in 0..repetitions(REPETITIONS) {
        server.flush()?;
        pings.push(self::pings(&server).await?);
        singles.push(one_by_one(&server).await?);
        callers.push(from_many(&server).await?);
        batches.push(in_batches(&server).await?);
        let bytes = bare::entry(&server)?;
        server.flush()?;
        let bare = Bare::connect(&server).await?;
        let each = size(RUNS) / CALLERS;
        let took = bare.push_from_many(CALLERS, each, bytes).await?;
        bare_callers.push(per_second(each * CALLERS, took));
        let took = bare.push(size(RUNS), bytes).await?;
        bare_batches.push(per_second(size(RUNS), took));
        bare.close().await?;
    }
    let single = Figure::rate("enqueue one by one", "runs/s", singles);
    report.add(
        single
            .beside("PING on the same connection", &pings)
            .ratio_bar(0.8),
    );
    let many = Figure::rate("enqueue from 256 tasks at once", "runs/s", callers);
    let limit = "bare RPUSH from 256 tasks";
    report.add(many.beside(limit, &bare_callers).bar(250_000.0));
    let many = Figure::rate("queue_many", "runs/s", batches);
    let limit = "bare RPUSH of 256 at once";
    report.add(many.beside(limit, &bare_batches).bar(500_000.0));
    Ok(())
}

/// What the same connection does with nothing to do: an empty heartbeat of the client, PING.
async fn pings(server: &Measured) -> anyhow::Result<f64> {
    let broker = RedisBroker::from_url(&server.url()).await?;
    let began = now();
    for _ in 0..size(SINGLE) {
        broker.ping().await?;
    }
    Ok(per_second(size(SINGLE), began.elapsed()))
}

async fn one_by_one(server: &Measured) -> anyhow::Result<f64> {
    let broker = RedisBroker::from_url(&server.url()).await?;
    let payload = Payload::encode(&std::collections::BTreeMap::from([("data", data())]))?;
    let producer = aqueduct_core::ProducerId::generate();
    let began = now();
    for number in 1..=size(SINGLE) {
        let id = RunId::generate(Timestamp::MIN);
        let mut task = QueuedTask::new(id, TaskName::from_static("no_op"), payload.clone());
        task.has_new_id = true;
        let sequence = Sequence::from_number(number as u64);
        broker
            .enqueue(&EnqueueRequest::new(producer, sequence, vec![task]))
            .await?;
    }
    Ok(per_second(size(SINGLE), began.elapsed()))
}

async fn from_many(server: &Measured) -> anyhow::Result<f64> {
    let app = Arc::new(producer(server.broker().await?).await?);
    let each = size(RUNS) / CALLERS;
    let began = now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let manager = app.task_manager().clone();
        callers.spawn(async move {
            for _ in 0..each {
                manager
                    .queue("no_op", aqueduct::params! { data: data() })
                    .await?;
            }
            Ok::<(), aqueduct::QueueError>(())
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller??;
    }
    Ok(per_second(each * CALLERS, began.elapsed()))
}

async fn in_batches(server: &Measured) -> anyhow::Result<f64> {
    let app = producer(server.broker().await?).await?;
    let began = now();
    queue(&app, size(RUNS)).await?;
    Ok(per_second(size(RUNS), began.elapsed()))
}
