//! What can go wrong on a connection: the replies of a server and the errors of the client, classified.

use std::error::Error;
use std::fmt;

use aqueduct_broker_api::{BrokerError, BrokerErrorKind};
use fred::error::{Error as ClientError, ErrorKind as ClientErrorKind};

/// The error of a command.
#[derive(Debug)]
pub(crate) struct LinkError {
    kind: LinkErrorKind,
    message: String,
}

/// What a caller does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkErrorKind {
    /// Try again later: the connection, or the server's part in a cluster, is changing.
    Away,
    /// No answer in time.
    Timeout,
    /// The server, or the client's buffer, is full.
    Full,
    /// Who we are, or what we may do, is wrong.
    Denied,
    /// The script is not loaded.
    NoScript,
    /// A defect.
    Unexpected,
}

/// The first words of error replies, and what they mean.
const REPLIES: [(&str, LinkErrorKind); 21] = [
    ("NOSCRIPT", LinkErrorKind::NoScript),
    ("ERR Function not found", LinkErrorKind::NoScript),
    ("READONLY", LinkErrorKind::Away),
    ("MASTERDOWN", LinkErrorKind::Away),
    ("UNBLOCKED", LinkErrorKind::Away),
    ("LOADING", LinkErrorKind::Away),
    ("BUSY", LinkErrorKind::Away),
    ("TRYAGAIN", LinkErrorKind::Away),
    ("CLUSTERDOWN", LinkErrorKind::Away),
    ("MOVED", LinkErrorKind::Away),
    ("ASK", LinkErrorKind::Away),
    ("ERR max number of clients", LinkErrorKind::Away),
    ("OOM", LinkErrorKind::Full),
    ("MISCONF", LinkErrorKind::Full),
    ("NOREPLICAS", LinkErrorKind::Full),
    ("NOAUTH", LinkErrorKind::Denied),
    ("WRONGPASS", LinkErrorKind::Denied),
    ("NOPERM", LinkErrorKind::Denied),
    ("ERR The user executing the script", LinkErrorKind::Denied),
    ("ERR invalid password", LinkErrorKind::Denied),
    ("ERR Client sent AUTH", LinkErrorKind::Denied),
];

/// What the client says of a connection whose certificate one of both sides does not accept.
const TLS_REFUSED: &str = "kind: InvalidData";

impl LinkError {
    /// Classifies an error of the client library.
    pub(super) fn from_client(error: &ClientError) -> Self {
        let details = error.details();
        let by_reply = REPLIES.iter().find(|(words, _)| details.starts_with(words));
        let kind = match (by_reply, error.kind()) {
            (Some((_, kind)), _) => *kind,
            (None, ClientErrorKind::Timeout) => LinkErrorKind::Timeout,
            (None, ClientErrorKind::Backpressure) => LinkErrorKind::Full,
            (None, ClientErrorKind::Auth | ClientErrorKind::Config | ClientErrorKind::Tls) => {
                LinkErrorKind::Denied
            }
            (None, ClientErrorKind::IO) if details.contains(TLS_REFUSED) => LinkErrorKind::Denied,
            (
                None,
                ClientErrorKind::IO
                | ClientErrorKind::Canceled
                | ClientErrorKind::Routing
                | ClientErrorKind::Cluster
                | ClientErrorKind::Sentinel,
            ) => LinkErrorKind::Away,
            (None, _) => LinkErrorKind::Unexpected,
        };
        let message = match by_reply {
            Some(_) => details.to_owned(),
            None => error.to_string(),
        };
        Self { kind, message }
    }

    pub(crate) fn timeout(message: &str) -> Self {
        Self {
            kind: LinkErrorKind::Timeout,
            message: message.to_owned(),
        }
    }

    /// The error of a connection that cannot be had as it is configured.
    pub(super) fn denied(message: String) -> Self {
        Self {
            kind: LinkErrorKind::Denied,
            message,
        }
    }

    /// The error of work whose thread has ended.
    pub(crate) fn gone() -> Self {
        Self {
            kind: LinkErrorKind::Away,
            message: "the connection was closed".to_owned(),
        }
    }

    /// The error of a reply that does not look as it must.
    pub(crate) fn unexpected(message: &str) -> Self {
        Self {
            kind: LinkErrorKind::Unexpected,
            message: format!("unexpected reply: {message}"),
        }
    }

    pub(crate) fn kind(&self) -> LinkErrorKind {
        self.kind
    }

    /// Makes the error of a broker that cannot be opened, at that address.
    pub(crate) fn at_start(self, address: &str) -> BrokerError {
        let message = match self.kind {
            LinkErrorKind::Away => format!("no server can be reached at {address}"),
            LinkErrorKind::Timeout => format!("no server answers at {address} in time"),
            _ => return self.during("open"),
        };
        BrokerError::new(BrokerErrorKind::Unavailable, "open", message).with_source(self)
    }

    /// Makes the error of the operation that failed.
    pub(crate) fn during(self, operation: &'static str) -> BrokerError {
        let (kind, message) = match self.kind {
            LinkErrorKind::Away | LinkErrorKind::NoScript => (
                BrokerErrorKind::Unavailable,
                "the connection or the server went away",
            ),
            LinkErrorKind::Timeout => (
                BrokerErrorKind::Timeout,
                "the server did not answer in time",
            ),
            LinkErrorKind::Full => (
                BrokerErrorKind::LimitExceeded,
                "the server refuses to store more",
            ),
            LinkErrorKind::Denied => (BrokerErrorKind::Config, "access is denied"),
            LinkErrorKind::Unexpected => {
                (BrokerErrorKind::Unexpected, "the server refused the step")
            }
        };
        BrokerError::new(kind, operation, message).with_source(self)
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for LinkError {}
