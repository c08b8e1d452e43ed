//! The limit: the same bytes through the same client, with the least that a queue could do.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use fred::types::{Builder, ClusterHash, CustomCommand, Value};
use integration::bench::{Measured, now};
use tokio::task::JoinSet;

/// Values in one command.
const BATCH: usize = 256;

/// Commands under way at once.
const WIDTH: usize = 4;

/// Takes a batch and keeps it in a hash until the next call: what a crash leaves can be found there.
const HOLD: &str = "\
redis.call('DEL', KEYS[2]) \
local got = redis.call('LPOP', KEYS[1], ARGV[1]) \
if not got then return {} end \
local held = {} \
for at, value in ipairs(got) do held[2 * at - 1] = at held[2 * at] = value end \
redis.call('HSET', KEYS[2], unpack(held)) \
return got";

/// A client without a broker.
pub(crate) struct Bare {
    client: Client,
}

impl Bare {
    pub(crate) async fn connect(server: &Measured) -> anyhow::Result<Self> {
        let client = Builder::from_config(Config::from_url(&server.url())?).build()?;
        client.init().await?;
        Ok(Self { client })
    }

    /// Pushes so many values of so many bytes in batches, and returns how long it took.
    pub(crate) async fn push(&self, values: usize, bytes: usize) -> anyhow::Result<Duration> {
        let mut words: Vec<Value> = vec!["bare".into()];
        words.extend(std::iter::repeat_n(Value::from("x".repeat(bytes)), BATCH));
        let words = Arc::new(words);
        self.at_once(values.div_ceil(BATCH), move |client| {
            let words = Arc::clone(&words);
            async move { send(&client, "RPUSH", words.to_vec()).await }
        })
        .await
    }

    /// Pushes so many values from callers at once, a command each.
    pub(crate) async fn push_from_many(
        &self,
        callers: usize,
        each: usize,
        bytes: usize,
    ) -> anyhow::Result<Duration> {
        let value = "x".repeat(bytes);
        let began = now();
        let mut pushing = JoinSet::new();
        for _ in 0..callers {
            let (client, value) = (self.client.clone(), value.clone());
            pushing.spawn(async move {
                for _ in 0..each {
                    send(&client, "RPUSH", vec!["bare".into(), value.as_str().into()]).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(pushed) = pushing.join_next().await {
            pushed??;
        }
        Ok(began.elapsed())
    }

    /// Takes so many values in batches, and keeps none of them: a crash loses them.
    pub(crate) async fn pop(&self, values: usize) -> anyhow::Result<Duration> {
        self.at_once(values.div_ceil(BATCH), |client| async move {
            let words = vec!["bare".into(), BATCH.to_string().into()];
            send(&client, "LPOP", words).await
        })
        .await
    }

    /// Takes so many values in batches; each batch is kept until the next.
    pub(crate) async fn hold(&self, values: usize) -> anyhow::Result<Duration> {
        let script = vec!["LOAD".into(), HOLD.into()];
        let digest = send(&self.client, "SCRIPT", script).await?;
        self.at_once(values.div_ceil(BATCH), move |client| {
            let words = vec![
                digest.clone(),
                "2".into(),
                "bare".into(),
                "held".into(),
                BATCH.to_string().into(),
            ];
            async move { send(&client, "EVALSHA", words).await }
        })
        .await
    }

    async fn at_once<F>(
        &self,
        calls: usize,
        call: impl Fn(Client) -> F + Send + Sync + 'static,
    ) -> anyhow::Result<Duration>
    where
        F: Future<Output = anyhow::Result<Value>> + Send,
    {
        let call = Arc::new(call);
        let began = now();
        let mut calling = JoinSet::new();
        for worker in 0..WIDTH {
            let (client, call) = (self.client.clone(), Arc::clone(&call));
            calling.spawn(async move {
                for _ in (worker..calls).step_by(WIDTH) {
                    call(client.clone()).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(called) = calling.join_next().await {
            called??;
        }
        Ok(began.elapsed())
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        Ok(self.client.quit().await?)
    }
}

async fn send(client: &Client, name: &'static str, words: Vec<Value>) -> anyhow::Result<Value> {
    let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
    Ok(client.custom::<Value, Value>(command, words).await?)
}

/// Returns how many bytes a queued run has in its list.
pub(crate) fn entry(server: &Measured) -> anyhow::Result<usize> {
    const LONGEST: &str = "\
local most = 0 \
for _, key in ipairs(redis.call('KEYS', '*')) do \
  if redis.call('TYPE', key).ok == 'list' then \
    most = math.max(most, #(redis.call('LINDEX', key, 0) or '')) \
  end \
end \
return most";
    Ok(server.ask_words(&["EVAL", LONGEST, "0"])?.trim().parse()?)
}
