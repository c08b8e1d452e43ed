//! Placeholder.
/// Placeholder.
pub trait SimpleBrokerExt {}
