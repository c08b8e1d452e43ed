//! What must be true, step by step.

use super::event::Heard;
use super::view::View;

/// What must be true of every step, and at the end.
pub trait Law: Send {
    /// Judges a step that the broker has taken.
    ///
    /// # Errors
    ///
    /// Returns what is wrong.
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String>;

    /// Judges what is left once everything has healed and come to rest.
    ///
    /// # Errors
    ///
    /// Returns what is wrong.
    fn rest(&mut self, _view: &View) -> Result<(), String> {
        Ok(())
    }
}

/// Returns an error unless something holds.
pub(super) fn check(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}
