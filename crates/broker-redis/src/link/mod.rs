//! The connections: the only module that knows the client library.
//!
//! The rest of the crate sees [`Link`], which runs commands and scripts, [`Args`], [`Reply`] and
//! [`LinkError`].

mod args;
mod error;
mod reply;
mod settings;
mod silence;
mod tls;

pub(crate) use args::Args;
pub(crate) use error::{LinkError, LinkErrorKind};
pub(crate) use reply::Reply;
pub(crate) use settings::LONGEST_BLOCK;
use settings::SILENCE;
use silence::Silence;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error as ClientError, ErrorKind as ClientErrorKind};
use fred::interfaces::ClientLike;
use fred::types::config::Options;
use fred::types::{ConnectHandle, CustomCommand, Value};
use tokio::time::Instant;

use crate::config::RedisConfig;
use crate::script::{Function, Script};

/// Connections that are opened together, and closed when dropped.
pub(crate) struct Link {
    connections: Vec<Connection>,
    next: AtomicUsize,
    slot: u16,
    /// How long an answer may take.
    patience: Duration,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Scripts, which can be sent again when a reply is lost.
    Scripts,
    /// Commands that block for a while at the server.
    Blocking,
}

struct Connection {
    client: Client,
    task: ConnectHandle,
    silence: Mutex<Silence>,
}

/// Somebody who waits on a connection, until this is dropped.
struct Waiting<'c>(&'c Connection);

/// How long a blocking command may last beyond the time that it asked for.
const GRACE: Duration = Duration::from_secs(2);

impl Link {
    /// Opens `count` connections; `slot` is the one of all keys.
    pub(crate) async fn open(
        config: &RedisConfig,
        slot: u16,
        purpose: Use,
        count: usize,
    ) -> Result<Self, LinkError> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            let client = settings::builder(config, purpose)?
                .build()
                .map_err(|error| LinkError::from_client(&error))?;
            // The client's own time limits do not cover the search for a server.
            let opening = tokio::time::timeout(config.connect_timeout() * 2, client.init()).await;
            let task = opening
                .map_err(|_| LinkError::timeout("the server did not answer in time"))?
                .map_err(|error| LinkError::from_client(&error))?;
            connections.push(Connection {
                client,
                task,
                silence: Mutex::new(Silence::new(config.command_timeout().min(SILENCE))),
            });
        }
        Ok(Self {
            connections,
            next: AtomicUsize::new(0),
            slot,
            patience: config.command_timeout(),
        })
    }

    /// Runs a command.
    pub(crate) async fn command(&self, name: &'static str, args: Args) -> Result<Reply, LinkError> {
        self.send(
            CustomCommand::new_static(name, self.slot, false),
            args.into_values(),
        )
        .await
    }

    /// Runs a command that blocks at the server for at most `blocks`.
    pub(crate) async fn blocking(
        &self,
        name: &'static str,
        args: Args,
        blocks: Duration,
    ) -> Result<Reply, LinkError> {
        let command = CustomCommand::new_static(name, self.slot, true);
        let connection = self.connection()?;
        let options = Options {
            timeout: Some(blocks + GRACE),
            max_attempts: Some(1),
            ..Options::default()
        };
        let client = connection.client.with_options(&options);
        let answer = client.custom::<Value, Value>(command, args.into_values());
        match tokio::time::timeout(blocks + GRACE, answer).await {
            Ok(answer) => answer
                .map(Reply::from)
                .map_err(|error| LinkError::from_client(&error)),
            Err(_) => Err(LinkError::timeout("a blocking command went silent")),
        }
    }

    /// Runs a script, and loads it where the server does not know it.
    pub(crate) async fn script(&self, script: &Script, args: Args) -> Result<Reply, LinkError> {
        let values = args.into_values();
        let call = |how, name: &str| {
            let words = [Value::from(name), Value::from("2")];
            let values = words.into_iter().chain(values.iter().cloned()).collect();
            self.send(CustomCommand::new_static(how, self.slot, false), values)
        };
        if let Some(Function { name, library }) = script.function() {
            return match call("FCALL", name).await {
                Err(error) if error.kind() == LinkErrorKind::NoScript => {
                    let mut args = Args::default();
                    args.word("LOAD").word("REPLACE").text(library);
                    self.command("FUNCTION", args).await?;
                    call("FCALL", name).await
                }
                answer => answer,
            };
        }
        match call("EVALSHA", script.sha()).await {
            Err(error) if error.kind() == LinkErrorKind::NoScript => {
                call("EVAL", script.text()).await
            }
            answer => answer,
        }
    }

    async fn send(&self, command: CustomCommand, values: Vec<Value>) -> Result<Reply, LinkError> {
        let connection = self.connection()?;
        let _waiting = connection.wait_or_leave().await;
        let answer = connection.client.custom::<Value, Value>(command, values);
        let Ok(answer) = tokio::time::timeout(self.patience, answer).await else {
            return Err(LinkError::timeout("the server did not answer in time"));
        };
        if answer.as_ref().map_or_else(is_heard, |_| true) {
            connection.hear();
        }
        answer
            .map(Reply::from)
            .map_err(|error| LinkError::from_client(&error))
    }

    fn connection(&self) -> Result<&Connection, LinkError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len().max(1);
        self.connections
            .get(number)
            .ok_or_else(|| LinkError::timeout("there is no connection"))
    }
}

impl Connection {
    /// Notes that somebody waits from now on; connects anew if nothing was heard for too long.
    ///
    /// The client takes every request that it sends for a sign of life: without this, a server that stands
    /// still is never left as long as somebody asks.
    async fn wait_or_leave(&self) -> Waiting<'_> {
        let is_left = self.silence().begin(Instant::now());
        let waiting = Waiting(self);
        if is_left {
            // Asked for, not waited for.
            let asked = self.client.force_reconnection();
            let _ = tokio::time::timeout(Duration::ZERO, asked).await;
        }
        waiting
    }

    fn hear(&self) {
        self.silence().hear();
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.silence().end(Instant::now());
    }
}

/// Returns whether an error is something that was heard from the server, or from its host.
fn is_heard(error: &ClientError) -> bool {
    !matches!(
        error.kind(),
        ClientErrorKind::Timeout | ClientErrorKind::Backpressure
    )
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

/// Returns the slot of a key in a cluster.
pub(crate) fn slot_of(key: &str) -> u16 {
    fred::util::redis_keyslot(key.as_bytes())
}

/// Returns the digest that a script is called by.
pub(crate) fn digest(text: &str) -> String {
    fred::util::sha1_hash(text)
}
