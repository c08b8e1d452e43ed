//! What a run reports, as a broker keeps it beside the run: two numbers of eight bytes, then words.

use aqueduct_core::Timestamp;
use aqueduct_core::event::Progress;
use aqueduct_core::run::RunProgress;

use super::error::WireError;
use super::read::Reader;

/// Encodes a report.
#[must_use]
pub fn encode_progress(progress: &Progress) -> Vec<u8> {
    let mut bytes = progress.done.to_be_bytes().to_vec();
    bytes.extend_from_slice(&progress.total.to_be_bytes());
    bytes.extend_from_slice(progress.text.as_bytes());
    bytes
}

/// Decodes a report that the broker was told `at`.
///
/// # Errors
///
/// Returns an error that says what is wrong.
pub fn decode_progress(bytes: &[u8], at: Timestamp) -> Result<RunProgress, WireError> {
    let mut reader = Reader::new(bytes, 0);
    let mut number = || Ok(u64::try_from(reader.number(8)?).unwrap_or(u64::MAX));
    let (done, total) = (number()?, number()?);
    let text = reader.take(bytes.len() - reader.at())?;
    let text = std::str::from_utf8(text)
        .map_err(|error| WireError::undecodable("words that are not UTF-8", 16, error))?;
    Ok(RunProgress::new(Progress::new(done, total, text), at))
}
