//! The limits: a channel to a task that sleeps, a list to a client that blocks, a round trip.

use std::time::{Duration, Instant};

use aqueduct::redis::RedisBroker;
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use fred::types::{Builder, ClusterHash, CustomCommand, Value};
use integration::bench::{Measured, now};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::samples::REST;

/// Measures hand-overs to a task that does nothing but wait.
pub(crate) async fn channel(samples: usize) -> anyhow::Result<Vec<Duration>> {
    let (sender, mut receiver) = mpsc::channel::<Instant>(1);
    let mut receiving = JoinSet::new();
    receiving.spawn(async move {
        let mut times = Vec::new();
        while let Some(sent) = receiver.recv().await {
            times.push(now().saturating_duration_since(sent));
        }
        times
    });
    for _ in 0..samples {
        tokio::time::sleep(REST).await;
        sender.send(now()).await?;
    }
    drop(sender);
    let times = receiving.join_next().await;
    Ok(times.transpose()?.unwrap_or_default())
}

/// Measures hand-overs through a list of the server to a client that waits for it.
pub(crate) async fn blpop(server: &Measured, samples: usize) -> anyhow::Result<Vec<Duration>> {
    let (pushing, popping) = (client(server).await?, client(server).await?);
    let (sender, mut receiver) = mpsc::channel(1);
    let mut waiting = JoinSet::new();
    waiting.spawn(async move {
        for _ in 0..samples {
            send(&popping, "BLPOP", &["bare", "0"], true).await?;
            sender.send(now()).await?;
        }
        popping.quit().await?;
        anyhow::Ok(())
    });
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        tokio::time::sleep(REST).await;
        let pushed = now();
        send(&pushing, "RPUSH", &["bare", "x"], false).await?;
        let popped = receiver.recv().await;
        times.extend(popped.map(|popped| popped.saturating_duration_since(pushed)));
    }
    if let Some(waited) = waiting.join_next().await {
        waited??;
    }
    pushing.quit().await?;
    Ok(times)
}

/// Measures round trips of the connection of a broker.
pub(crate) async fn ping(server: &Measured, samples: usize) -> anyhow::Result<Vec<Duration>> {
    let broker = RedisBroker::from_url(&server.url()).await?;
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        tokio::time::sleep(REST).await;
        let began = now();
        broker.ping().await?;
        times.push(began.elapsed());
    }
    Ok(times)
}

async fn client(server: &Measured) -> anyhow::Result<Client> {
    let client = Builder::from_config(Config::from_url(&server.url())?).build()?;
    client.init().await?;
    Ok(client)
}

async fn send(
    client: &Client,
    name: &'static str,
    words: &[&str],
    blocks: bool,
) -> anyhow::Result<Value> {
    let command = CustomCommand::new_static(name, ClusterHash::FirstKey, blocks);
    let words: Vec<Value> = words.iter().map(|&word| word.into()).collect();
    Ok(client.custom::<Value, Value>(command, words).await?)
}
