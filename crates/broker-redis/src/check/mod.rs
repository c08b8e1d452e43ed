//! What a server must have to be a broker, checked when one is opened.

use aqueduct_broker_api::{BrokerError, BrokerErrorKind};
use tracing::warn;

use crate::config::RedisConfig;
use crate::keys::Keys;
use crate::link::{Args, Link, LinkErrorKind};
use crate::script::Scripts;

/// The layout of the keys that this release writes.
const LAYOUT: &str = "2";

/// The first major version that knows the flags of scripts.
const FIRST_MAJOR: u32 = 7;

const OPEN: &str = "open";

/// Checks a server, and marks the namespace as one of this layout.
pub(crate) async fn server(
    link: &Link,
    config: &RedisConfig,
    scripts: &Scripts,
    keys: &Keys,
) -> Result<(), BrokerError> {
    check_info(link, config).await?;
    let layout = match layout(link, keys).await? {
        Some(layout) => layout,
        None => {
            let mut args = Args::default();
            args.text(&keys.name("meta")).word("layout").word(LAYOUT);
            let marked = link.command("HSETNX", args).await;
            marked.map_err(|error| error.during(OPEN))?;
            layout(link, keys).await?.unwrap_or_default()
        }
    };
    if layout == LAYOUT {
        return check_scripts(link, scripts, keys).await;
    }
    let message = format!(
        "the namespace is of layout {layout}, this release knows {LAYOUT}; use another namespace"
    );
    Err(BrokerError::new(BrokerErrorKind::Config, OPEN, message))
}

/// Reads the layout that a namespace is marked with; a full server can still be read.
async fn layout(link: &Link, keys: &Keys) -> Result<Option<String>, BrokerError> {
    let mut args = Args::default();
    args.text(&keys.name("meta")).word("layout");
    let reply = link
        .command("HGET", args)
        .await
        .map_err(|error| error.during(OPEN))?;
    if reply.is_nil() {
        return Ok(None);
    }
    Ok(Some(reply.into_text().map_err(|error| error.during(OPEN))?))
}

/// Runs a script, so that a user who may not run scripts is told at the start.
async fn check_scripts(link: &Link, scripts: &Scripts, keys: &Keys) -> Result<(), BrokerError> {
    let Err(error) = link.script(&scripts.probe, keys.args(0)).await else {
        return Ok(());
    };
    let message = match error.kind() {
        LinkErrorKind::Denied if scripts.probe.function().is_some() => {
            "this user may not call functions: allow FCALL, and FUNCTION LOAD or have an operator load \
             the library (RedisConfig::function_library)"
        }
        LinkErrorKind::Denied => {
            "this user may not run scripts: allow EVALSHA, EVAL and what crates/broker-redis/acl lists, or say \
             scripts=functions"
        }
        _ => return Err(error.during(OPEN)),
    };
    Err(BrokerError::new(BrokerErrorKind::Config, OPEN, message).with_source(error))
}

async fn check_info(link: &Link, config: &RedisConfig) -> Result<(), BrokerError> {
    let info = match link.command("INFO", Args::default()).await {
        Ok(info) => info.into_text().map_err(|error| error.during(OPEN))?,
        // A locked-down user may not ask; the operator has checked it then.
        Err(error)
            if error.kind() == LinkErrorKind::Denied && error.to_string().starts_with("NOPERM") =>
        {
            warn!("this user may not run INFO: version, eviction and persistence are not checked");
            return Ok(());
        }
        Err(error) => return Err(error.during(OPEN)),
    };
    let problem = problem_of(&info, config);
    if let Some(warning) = warning_of(&info) {
        warn!(warning, "the server can lose runs");
    }
    match problem {
        Some(problem) => Err(BrokerError::new(BrokerErrorKind::Config, OPEN, problem)),
        None => Ok(()),
    }
}

/// Returns why a server cannot be a broker.
fn problem_of(info: &str, config: &RedisConfig) -> Option<String> {
    let version = field(info, "redis_version").unwrap_or("unknown");
    let major: Option<u32> = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    if major.is_none_or(|major| major < FIRST_MAJOR) {
        return Some(format!(
            "the server is Redis {version}; {FIRST_MAJOR}.0 or later is needed"
        ));
    }
    let policy = field(info, "maxmemory_policy").unwrap_or("noeviction");
    if policy != "noeviction" && !config.accepts_eviction() {
        return Some(format!(
            "maxmemory-policy is {policy}, so the server may throw runs away; set it to noeviction \
             (CONFIG SET maxmemory-policy noeviction), or say accept_eviction=yes"
        ));
    }
    None
}

/// Returns what makes a server lose runs.
fn warning_of(info: &str) -> Option<&'static str> {
    let is_off =
        field(info, "aof_enabled") == Some("0") && field(info, "rdb_last_save_time").is_some();
    is_off.then_some("appendonly is off: what was queued since the last snapshot is lost with the server; set appendonly yes")
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    info.lines().find_map(value).map(str::trim)
}

#[cfg(test)]
mod tests;
