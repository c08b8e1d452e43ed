//! The settings of the client library: none that matters stays at its default.

use std::time::Duration;

use fred::types::Builder;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectError, ReconnectPolicy, Server,
    ServerConfig, UnresponsiveConfig,
};

use super::{GRACE, LinkError, Use};
use crate::config::{Host, RedisConfig, Topology};

/// The most commands that wait for a connection; beyond it callers get an error at once.
const MAX_WAITING_COMMANDS: usize = 10_000;

/// How often a script is sent; a blocking command is sent once.
const SCRIPT_ATTEMPTS: u32 = 3;

/// Pauses between attempts to reconnect, in milliseconds.
const FIRST_PAUSE: u32 = 20;
const LONGEST_PAUSES: std::ops::Range<u32> = 3_000..8_000;

/// How long after a slot has moved the nodes are asked who has it. They hear of it one after the other; without the pause
/// scenario C8, in which it moves again and again, stood still for half a minute.
const SLOT_IS_KNOWN_AFTER: Duration = Duration::from_millis(100);

/// A connection that owes an answer and is silent for so long is closed.
pub(super) const SILENCE: Duration = Duration::from_secs(5);

/// The longest that any command of this crate blocks at the server.
pub(crate) const LONGEST_BLOCK: Duration = Duration::from_secs(5);

pub(super) fn builder(config: &RedisConfig, purpose: Use) -> Result<Builder, LinkError> {
    let mut builder = Builder::from_config(server(config)?);
    let patience = match purpose {
        Use::Scripts => config.command_timeout(),
        Use::Blocking => LONGEST_BLOCK + GRACE,
    };
    builder.set_performance_config(PerformanceConfig {
        default_command_timeout: patience,
        ..PerformanceConfig::default()
    });
    builder.set_connection_config(connection(config, purpose));
    // Many processes lose their server in the same moment; each has a longest pause of its own.
    let longest = LONGEST_PAUSES.start + random(LONGEST_PAUSES.end - LONGEST_PAUSES.start);
    let mut policy = ReconnectPolicy::new_exponential(0, FIRST_PAUSE, longest, 2);
    policy.set_jitter(FIRST_PAUSE);
    builder.set_policy(policy);
    Ok(builder)
}

fn server(config: &RedisConfig) -> Result<Config, LinkError> {
    let mut lowered = Config {
        username: config.user().map(str::to_owned),
        password: config.password().map(str::to_owned),
        server: topology(config.topology()),
        fail_fast: true,
        ..Config::default()
    };
    if !matches!(config.topology(), Topology::Cluster { .. }) {
        lowered.database = Some(config.database());
    }
    lowered.tls = config.tls().map(super::tls::config).transpose()?;
    Ok(lowered)
}

fn topology(topology: &Topology) -> ServerConfig {
    let servers = |hosts: &[Host]| {
        hosts
            .iter()
            .map(|host| Server::new(host.name.clone(), host.port))
            .collect()
    };
    match topology {
        Topology::Standalone { host } => ServerConfig::Centralized {
            server: Server::new(host.name.clone(), host.port),
        },
        Topology::Unix { path } => ServerConfig::Unix { path: path.clone() },
        Topology::Sentinel {
            sentinels,
            service,
            user,
            password,
        } => ServerConfig::Sentinel {
            hosts: servers(sentinels),
            service_name: service.clone(),
            username: user.clone(),
            password: password
                .as_ref()
                .map(|password| password.expose().to_owned()),
        },
        Topology::Cluster { hosts } => ServerConfig::Clustered {
            hosts: servers(hosts),
            policy: fred::types::config::ClusterDiscoveryPolicy::default(),
        },
    }
}

fn connection(config: &RedisConfig, purpose: Use) -> ConnectionConfig {
    let mut lowered = ConnectionConfig {
        connection_timeout: config.connect_timeout(),
        internal_command_timeout: config.connect_timeout(),
        max_command_attempts: if purpose == Use::Scripts {
            SCRIPT_ATTEMPTS
        } else {
            1
        },
        max_command_buffer_len: MAX_WAITING_COMMANDS,
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(if purpose == Use::Scripts {
                SILENCE
            } else {
                LONGEST_BLOCK + GRACE
            }),
            interval: Duration::from_secs(1),
        },
        reconnect_errors: vec![
            ReconnectError::ClusterDown,
            ReconnectError::Loading,
            ReconnectError::MasterDown,
            ReconnectError::ReadOnly,
        ],
        cluster_cache_update_delay: SLOT_IS_KNOWN_AFTER,
        ..ConnectionConfig::default()
    };
    lowered.tcp.nodelay = Some(true);
    lowered
}

/// Returns a number below `end`, from the hasher that the standard library seeds for each process.
fn random(end: u32) -> u32 {
    use std::hash::{BuildHasher, RandomState};
    let number = RandomState::new().hash_one(0_u8) % u64::from(end.max(1));
    u32::try_from(number).unwrap_or(0)
}
