//! The limit of large payloads: the same bytes with nothing of ours in the way.

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use fred::types::{Builder, ClusterHash, CustomCommand, Value};
use integration::bench::{Measured, now, per_second};
use tokio::sync::mpsc;

use crate::load::{Load, Place};

/// Values in one command, as far as they are small.
const BATCH: usize = 256;

/// Bytes in one command: what a request of a broker may have.
const BYTES: usize = 1 << 20;

/// Returns how many values of these bytes go through in a second.
pub(crate) async fn rate(place: &Place<'_>, load: &Load) -> anyhow::Result<f64> {
    match place {
        Place::Memory => channel(load).await,
        Place::Redis(server) => list(server, load).await,
    }
}

/// A task for each value, which sends it through a channel.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
async fn channel(load: &Load) -> anyhow::Result<f64> {
    let (sender, mut receiver) = mpsc::channel::<String>(1024);
    let (runs, bytes) = (load.runs, load.bytes);
    let began = now();
    tokio::spawn(async move {
        for _ in 0..runs {
            let (sender, value) = (sender.clone(), "x".repeat(bytes));
            tokio::spawn(async move { sender.send(value).await });
        }
    });
    for _ in 0..runs {
        anyhow::ensure!(receiver.recv().await.is_some(), "the channel closed early");
    }
    Ok(per_second(runs, began.elapsed()))
}

/// Pushed to a list, and taken from it, in batches, one after the other.
async fn list(server: &Measured, load: &Load) -> anyhow::Result<f64> {
    server.flush()?;
    let client = Builder::from_config(Config::from_url(&server.url())?).build()?;
    client.init().await?;
    let batch = (BYTES / load.bytes).clamp(1, BATCH).min(load.runs);
    let mut push: Vec<Value> = vec!["bare".into()];
    push.extend(std::iter::repeat_n(
        Value::from("x".repeat(load.bytes)),
        batch,
    ));
    let began = now();
    for _ in 0..load.runs.div_ceil(batch) {
        send(&client, "RPUSH", push.clone()).await?;
    }
    for _ in 0..load.runs.div_ceil(batch) {
        let pop = vec!["bare".into(), batch.to_string().into()];
        send(&client, "LPOP", pop).await?;
    }
    let rate = per_second(load.runs, began.elapsed());
    client.quit().await?;
    Ok(rate)
}

async fn send(client: &Client, name: &'static str, words: Vec<Value>) -> anyhow::Result<Value> {
    let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
    Ok(client.custom::<Value, Value>(command, words).await?)
}
