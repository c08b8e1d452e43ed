//! Reads a configuration from a URL.

use std::path::PathBuf;
use std::time::Duration;

use super::tls::TlsOptions;
use super::{ConfigError, Host, RedisConfig, Secret, Topology};

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_SENTINEL_PORT: u16 = 26379;

/// The parts of a URL, still encoded.
struct Parts<'a> {
    scheme: &'a str,
    /// User and password.
    user: Option<&'a str>,
    hosts: &'a str,
    /// Behind the hosts, without the slash.
    path: &'a str,
    options: &'a str,
}

pub(super) fn parse(url: &str) -> Result<RedisConfig, ConfigError> {
    let parts = split(url)?;
    let scheme = parts.scheme.to_ascii_lowercase();
    let (kind, tls) = match scheme.strip_prefix("rediss") {
        Some(kind) => (kind, true),
        None => (scheme.strip_prefix("redis").unwrap_or("?"), false),
    };
    let (topology, database) = match kind {
        "" => standalone(&parts)?,
        "+unix" if !tls => unix(&parts)?,
        "-sentinel" => sentinel(&parts)?,
        "-cluster" => cluster(&parts)?,
        _ => {
            let known = "use `redis`, `rediss`, `redis+unix`, `redis-sentinel`, `rediss-sentinel`, \
                         `redis-cluster` or `rediss-cluster`";
            return Err(ConfigError::new("scheme", known));
        }
    };
    let mut config = RedisConfig::new(topology);
    config.database = database;
    if let Some(user) = parts.user {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        config.user = Some(decode(name, "user")?).filter(|name| !name.is_empty());
        config.password = Some(decode(password, "password")?)
            .filter(|it| !it.is_empty())
            .map(Secret::new);
    }
    let mut certificates = TlsOptions::default();
    for option in parts.options.split('&').filter(|it| !it.is_empty()) {
        config = apply(config, &mut certificates, option)?;
    }
    config.tls = certificates.resolve(tls)?;
    Ok(config)
}

fn split(url: &str) -> Result<Parts<'_>, ConfigError> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| {
        ConfigError::new("scheme", "a URL begins with a scheme, as in `redis://`")
    })?;
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    // A password may hold a slash or an at sign that nobody has encoded: the last one counts.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    Ok(Parts {
        scheme,
        user,
        hosts,
        path,
        options,
    })
}

fn standalone(parts: &Parts<'_>) -> Result<(Topology, u8), ConfigError> {
    let host = host(parts.hosts, DEFAULT_PORT)?;
    Ok((Topology::Standalone { host }, database(parts.path)?))
}

fn unix(parts: &Parts<'_>) -> Result<(Topology, u8), ConfigError> {
    if !parts.hosts.is_empty() || parts.path.is_empty() {
        return Err(ConfigError::new(
            "path",
            "write `redis+unix:///path/of/socket`",
        ));
    }
    let path = PathBuf::from(format!("/{}", decode(parts.path, "path")?));
    Ok((Topology::Unix { path }, 0))
}

fn sentinel(parts: &Parts<'_>) -> Result<(Topology, u8), ConfigError> {
    let sentinels = hosts(parts.hosts, DEFAULT_SENTINEL_PORT)?;
    let (service, number) = parts.path.split_once('/').unwrap_or((parts.path, ""));
    let service = decode(service, "service")?;
    if service.is_empty() {
        return Err(ConfigError::new(
            "service",
            "write its name behind the hosts, as in `/mymaster`",
        ));
    }
    Ok((
        Topology::Sentinel {
            sentinels,
            service,
            user: None,
            password: None,
        },
        database(number)?,
    ))
}

fn cluster(parts: &Parts<'_>) -> Result<(Topology, u8), ConfigError> {
    if !matches!(parts.path, "" | "0") {
        return Err(ConfigError::new("database", "a cluster has none but 0"));
    }
    Ok((
        Topology::Cluster {
            hosts: hosts(parts.hosts, DEFAULT_PORT)?,
        },
        0,
    ))
}

fn hosts(text: &str, port: u16) -> Result<Vec<Host>, ConfigError> {
    text.split(',').map(|one| host(one, port)).collect()
}

fn host(text: &str, default_port: u16) -> Result<Host, ConfigError> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':')),
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    if name.is_empty() {
        return Err(ConfigError::new("host", "it is missing"));
    }
    let port = match port {
        None => default_port,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| ConfigError::new("port", "it is not a number from 1 to 65535"))?,
    };
    Ok(Host {
        name: name.to_owned(),
        port,
    })
}

fn database(text: &str) -> Result<u8, ConfigError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| ConfigError::new("database", "it is not a number from 0 to 255"))
}

fn apply(
    mut config: RedisConfig,
    certificates: &mut TlsOptions,
    option: &str,
) -> Result<RedisConfig, ConfigError> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let value = decode(value, "options")?;
    match name {
        "namespace" => return config.with_namespace(value),
        "connections" => {
            let number = value
                .parse()
                .map_err(|_| ConfigError::new("connections", "it is not a number"))?;
            return config.with_connections(number);
        }
        "timeout" => config.command_timeout = duration("timeout", &value)?,
        "connect_timeout" => config.connect_timeout = duration("connect_timeout", &value)?,
        "scripts" => {
            config.functions = match value.as_str() {
                "eval" => false,
                "functions" => true,
                _ => return Err(ConfigError::new("scripts", "use `eval` or `functions`")),
            }
        }
        "accept_eviction" => config.accept_eviction = value == "yes",
        "database" => config.database = database(&value)?,
        "ca" => certificates.ca = Some(value),
        "cert" => certificates.cert = Some(value),
        "key" => certificates.key = Some(value),
        "sentinel_user" | "sentinel_password" => {
            let Topology::Sentinel { user, password, .. } = &mut config.topology else {
                return Err(ConfigError::new(
                    "options",
                    "only a sentinel URL has sentinel options",
                ));
            };
            if name == "sentinel_user" {
                *user = Some(value);
            } else {
                *password = Some(Secret::new(value));
            }
        }
        _ => match config.queue_limits.read_option(name, &value) {
            Some(read) => {
                read.map_err(|error| ConfigError::new("max_queue_length", error.to_string()))?;
            }
            None => return Err(unknown(name)),
        },
    }
    Ok(config)
}

/// Says which option is not known; a value may be a password, a name is shown.
fn unknown(name: &str) -> ConfigError {
    let shown: String = name.chars().take(MAX_SHOWN_NAME).collect();
    let message = format!(
        "`{}` is not known; known are namespace, connections, timeout, connect_timeout, scripts, accept_eviction, \
         max_queue_length, database, sentinel_user, sentinel_password, ca, cert, key",
        shown.escape_debug()
    );
    ConfigError::new("options", message)
}

/// How much of the name of an option is shown.
const MAX_SHOWN_NAME: usize = 40;

/// Reads `5s` or `500ms`, from 10 ms to 10 minutes.
fn duration(part: &'static str, text: &str) -> Result<Duration, ConfigError> {
    let millis = match text.strip_suffix("ms") {
        Some(number) => number.parse::<u64>().ok(),
        None => text
            .strip_suffix('s')
            .and_then(|number| number.parse::<u64>().ok()?.checked_mul(1000)),
    };
    millis
        .filter(|millis| (10..=600_000).contains(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            ConfigError::new(
                part,
                "write it as `5s` or `500ms`, from 10 ms to 10 minutes",
            )
        })
}

/// Undoes percent-encoding; the text is not shown in an error, it may be a password.
fn decode(text: &str, part: &'static str) -> Result<String, ConfigError> {
    let wrong = || {
        ConfigError::new(
            part,
            "a `%` is not followed by two hexadecimal digits of UTF-8",
        )
    };
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}
