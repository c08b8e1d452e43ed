//! Placeholder until the real one lands.
/// Placeholder.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Schedule;
