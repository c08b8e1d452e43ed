//! Queueing: one by one, from many callers at once, in batches.

use std::sync::Arc;

use aqueduct::broker_api::{Broker as _, EnqueueRequest, Sequence};
use aqueduct::{Payload, QueuedTask, RunId, TaskName, Timestamp};
use tokio::task::JoinSet;

use crate::drain::{data, producer};
use crate::server::{Measured, now};
use crate::table::{Limit, Table, figure, median};
use crate::{REPETITIONS, RUNS};

/// Runs that are queued one by one.
const SINGLE: usize = 20_000;

/// Callers at once.
const CALLERS: usize = 256;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let mut share = Vec::new();
    let (mut singles, mut concurrent, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        server.flush()?;
        let ping = pings(&server).await?;
        let single = one_by_one(&server).await?;
        share.push(single / ping * 100.0);
        singles.push(single);
        concurrent.push(from_many(&server).await?);
        many.push(in_batches(&server).await?);
    }
    table.add("enqueue one by one", median(singles), "runs/s", Limit::None);
    table.add(
        "enqueue one by one, share of PING",
        median(share),
        "%",
        Limit::AtLeast(80.0),
    );
    table.add(
        "enqueue from 256 tasks at once",
        median(concurrent),
        "runs/s",
        Limit::AtLeast(250_000.0),
    );
    table.add(
        "queue_many",
        median(many),
        "runs/s",
        Limit::AtLeast(500_000.0),
    );
    Ok(())
}

/// What the same connection does with nothing to do: an empty heartbeat of the client, PING.
async fn pings(server: &Measured) -> anyhow::Result<f64> {
    let broker = aqueduct::redis::RedisBroker::from_url(&server.url()).await?;
    let began = now();
    for _ in 0..SINGLE {
        broker.ping().await?;
    }
    Ok(figure(SINGLE) / began.elapsed().as_secs_f64())
}

async fn one_by_one(server: &Measured) -> anyhow::Result<f64> {
    let broker = aqueduct::redis::RedisBroker::from_url(&server.url()).await?;
    let payload = Payload::encode(&std::collections::BTreeMap::from([("data", data())]))?;
    let producer = aqueduct_core::ProducerId::generate();
    let began = now();
    for number in 1..=SINGLE {
        let id = RunId::generate(Timestamp::MIN);
        let mut task = QueuedTask::new(id, TaskName::from_static("no_op"), payload.clone());
        task.has_new_id = true;
        let sequence = Sequence::from_number(number as u64);
        broker
            .enqueue(&EnqueueRequest::new(producer, sequence, vec![task]))
            .await?;
    }
    Ok(figure(SINGLE) / began.elapsed().as_secs_f64())
}

async fn from_many(server: &Measured) -> anyhow::Result<f64> {
    let app = Arc::new(producer(server.broker().await?).await?);
    let each = RUNS / CALLERS;
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
    Ok(figure(each * CALLERS) / began.elapsed().as_secs_f64())
}

async fn in_batches(server: &Measured) -> anyhow::Result<f64> {
    let app = producer(server.broker().await?).await?;
    let began = now();
    crate::drain::queue(&app, RUNS).await?;
    Ok(figure(RUNS) / began.elapsed().as_secs_f64())
}
