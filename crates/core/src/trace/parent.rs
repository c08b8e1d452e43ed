//! The header `traceparent`: a trace, a span in it, and flags.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A trace and a span in it, as the W3C header `traceparent` has them.
///
/// Of the flags, `sampled` and `random` are kept; others are reserved, and written as 0. Of a version
/// above 00 only what that has in common with 00 is read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: TraceId,
    span: SpanId,
    flags: u8,
}

/// The identity of a trace: 128 bits, not 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(u128);

/// The identity of a span: 64 bits, not 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(u64);

/// The error of a text that is not a `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a trace parent is `00-<trace: 32 hexadecimal digits>-<span: 16>-<flags: 2>`, in lower case, trace \
     and span not 0"
)]
#[non_exhaustive]
pub struct InvalidTraceParent;

/// Flag: the caller may have recorded the trace.
const SAMPLED: u8 = 1;
/// Flag: the last 56 bits of the trace id are random.
const RANDOM: u8 = 2;

/// The length of version 00, and where its parts stand.
const LENGTH: usize = 55;

impl TraceParent {
    /// Creates a trace parent of identities that exist already, not sampled.
    #[must_use]
    pub const fn new(trace: TraceId, span: SpanId) -> Self {
        Self {
            trace,
            span,
            flags: 0,
        }
    }

    /// Creates the first span of a new trace, sampled.
    #[must_use]
    pub fn root() -> Self {
        Self {
            trace: TraceId(fastrand::u128(1..)),
            span: SpanId::random(),
            flags: SAMPLED | RANDOM,
        }
    }

    /// Returns a new span of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self {
            span: SpanId::random(),
            ..self
        }
    }

    /// Says whether the trace may be recorded.
    #[must_use]
    pub const fn with_sampled(mut self, is_sampled: bool) -> Self {
        self.flags = if is_sampled {
            self.flags | SAMPLED
        } else {
            self.flags & !SAMPLED
        };
        self
    }

    /// Returns the trace.
    #[must_use]
    pub const fn trace_id(self) -> TraceId {
        self.trace
    }

    /// Returns the span.
    #[must_use]
    pub const fn span_id(self) -> SpanId {
        self.span
    }

    /// Returns whether the caller may have recorded the trace.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }
}

impl TraceId {
    /// Creates the identity with that number; `None` for 0.
    #[must_use]
    pub const fn from_u128(number: u128) -> Option<Self> {
        if number == 0 {
            None
        } else {
            Some(Self(number))
        }
    }

    /// Returns the identity as a number.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl SpanId {
    /// Creates the identity with that number; `None` for 0.
    #[must_use]
    pub const fn from_u64(number: u64) -> Option<Self> {
        if number == 0 {
            None
        } else {
            Some(Self(number))
        }
    }

    /// Returns the identity as a number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    fn random() -> Self {
        Self(fastrand::u64(1..))
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        parse(text).ok_or(InvalidTraceParent)
    }
}

fn parse(text: &str) -> Option<TraceParent> {
    let (version, rest) = (text.get(0..2)?, text.get(2..LENGTH)?);
    let version = hex(version)?;
    let may_be_longer = version != 0 && text.as_bytes().get(LENGTH) == Some(&b'-');
    if version == FORBIDDEN_VERSION || (text.len() > LENGTH && !may_be_longer) {
        return None;
    }
    let mut parts = rest.strip_prefix('-')?.split('-');
    let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (trace.len(), span.len(), flags.len()) != (32, 16, 2) {
        return None;
    }
    Some(TraceParent {
        trace: TraceId::from_u128(hex(trace)?)?,
        span: SpanId::from_u64(u64::try_from(hex(span)?).ok()?)?,
        flags: u8::try_from(hex(flags)?).ok()? & (SAMPLED | RANDOM),
    })
}

/// Reads hexadecimal digits, all of them lower case.
fn hex(digits: &str) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !digits.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok()
}

/// The version `ff` is none.
const FORBIDDEN_VERSION: u128 = 0xff;

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, flags } = self;
        write!(f, "00-{trace}-{span}-{flags:02x}")
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceParent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceParent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
