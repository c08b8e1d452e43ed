//! Which broker a URL means: the compiled-in ones, and one's own.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::broker::Broker;

/// The brokers that a URL can name, by scheme.
///
/// ```
/// use aqueduct::brokers::BrokerRegistry;
///
/// let registry = BrokerRegistry::compiled_in().with("mine", |_url| async {
///     Ok(aqueduct::Broker::memory())
/// });
/// # let opened = async move { registry.open("mine://somewhere").await };
/// ```
#[derive(Clone, Default)]
pub struct BrokerRegistry(BTreeMap<String, Factory>);

/// The error of a URL that does not open a broker.
#[derive(Debug)]
pub struct BrokerUrlError {
    message: String,
    source: Option<OpenError>,
}

/// What a factory of brokers may return as an error.
pub type OpenError = Box<dyn Error + Send + Sync>;

type Opening = Pin<Box<dyn Future<Output = Result<Broker, OpenError>> + Send>>;
type Factory = Arc<dyn Fn(String) -> Opening + Send + Sync>;

impl BrokerRegistry {
    /// Creates a registry without a broker.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Creates a registry of the brokers whose cargo features are enabled.
    #[must_use]
    pub fn compiled_in() -> Self {
        let registry = Self::empty();
        #[cfg(feature = "memory")]
        let registry = registry.with("memory", open_memory);
        #[cfg(feature = "redis")]
        let registry = REDIS_SCHEMES
            .into_iter()
            .fold(registry, |registry, scheme| {
                registry.with(scheme, open_redis)
            });
        registry
    }

    /// Adds a broker; `open` receives the whole URL.
    ///
    /// An earlier broker of the same scheme is replaced.
    #[must_use]
    pub fn with<F, Fut>(mut self, scheme: &str, open: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Broker, OpenError>> + Send + 'static,
    {
        let factory: Factory = Arc::new(move |url| Box::pin(open(url)));
        self.0.insert(scheme.to_ascii_lowercase(), factory);
        self
    }

    /// Opens the broker that a URL names.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is malformed, its scheme is unknown, or the broker cannot be
    /// reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what it opened.
    pub async fn open(&self, url: &str) -> Result<Broker, BrokerUrlError> {
        let scheme = scheme_of(url)?;
        let factory = self.0.get(&scheme).ok_or_else(|| self.unknown(&scheme))?;
        factory(url.to_owned())
            .await
            .map_err(|source| BrokerUrlError {
                message: format!("the broker behind the `{scheme}` URL cannot be opened"),
                source: Some(source),
            })
    }

    fn unknown(&self, scheme: &str) -> BrokerUrlError {
        let known: Vec<String> = self.0.keys().map(|known| format!("`{known}://`")).collect();
        let hint = match feature_of(scheme) {
            Some(feature) => format!("enable the cargo feature `{feature}` of `aqueduct`"),
            None if known.is_empty() => "no broker is compiled in".to_owned(),
            None => format!("known are {}", known.join(", ")),
        };
        BrokerUrlError {
            message: format!("no broker for `{scheme}://`; {hint}"),
            source: None,
        }
    }
}

/// Takes the scheme off a URL; an error never shows the rest, which may hold a password.
fn scheme_of(url: &str) -> Result<String, BrokerUrlError> {
    let scheme = url
        .split_once("://")
        .map(|(scheme, _)| scheme)
        .filter(|scheme| {
            !scheme.is_empty()
                && scheme.len() <= MAX_SCHEME_BYTES
                && scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        });
    scheme
        .map(str::to_ascii_lowercase)
        .ok_or_else(|| BrokerUrlError {
            message: "a broker URL begins with a scheme, as in `memory://`".to_owned(),
            source: None,
        })
}

#[cfg(feature = "memory")]
async fn open_memory(url: String) -> Result<Broker, OpenError> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    if !matches!(place, "" | "/") {
        return Err(
            "`memory://` takes no place behind it: each opening is a new, empty broker".into(),
        );
    }
    let mut config = aqueduct_broker_memory::MemoryConfig::default();
    for option in options.split('&').filter(|it| !it.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match config.queue_limits.read_option(name, value) {
            Some(read) => read?,
            None => {
                let name: String = name.chars().take(MAX_SHOWN_NAME).collect();
                let name = name.escape_debug();
                return Err(
                    format!("the option `{name}` is not known; known is max_queue_length").into(),
                );
            }
        }
    }
    let clock = aqueduct_core::Clock::system();
    Ok(Broker::new(
        aqueduct_broker_memory::MemoryBroker::with_config(config, clock),
    ))
}

#[cfg(feature = "redis")]
async fn open_redis(url: String) -> Result<Broker, OpenError> {
    let config = aqueduct_broker_redis::RedisConfig::from_url(&url)?;
    Ok(Broker::new(
        aqueduct_broker_redis::RedisBroker::open(config).await?,
    ))
}

impl fmt::Debug for BrokerRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Display for BrokerUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for BrokerUrlError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// Returns the cargo feature behind a scheme that can be compiled in.
fn feature_of(scheme: &str) -> Option<&'static str> {
    match scheme {
        "memory" => Some("memory"),
        _ => REDIS_SCHEMES.contains(&scheme).then_some("redis"),
    }
}

/// The schemes of Redis.
const REDIS_SCHEMES: [&str; 7] = [
    "redis",
    "rediss",
    "redis+unix",
    "redis-sentinel",
    "rediss-sentinel",
    "redis-cluster",
    "rediss-cluster",
];

/// How much of the name of an option is shown.
#[cfg(feature = "memory")]
const MAX_SHOWN_NAME: usize = 40;

/// Longer schemes are malformed.
const MAX_SCHEME_BYTES: usize = 32;
