//! Which requests are under way, and whether another may begin. Pure.

use crate::broker::{REPLAY_WINDOW, Sequence};

/// The requests of one producer that are not answered yet.
///
/// A request that is repeated for long must not fall out of the replay window of the broker while
/// younger ones overtake it: then nobody could tell whether it was done.
#[derive(Debug)]
pub(super) struct Window {
    last: Sequence,
    /// In the order of their beginning.
    under_way: Vec<Sequence>,
}

/// The most requests under way: few, so that callers share them; several, so that one slow answer
/// holds up little.
pub(super) const MAX_UNDER_WAY: usize = 4;

impl Window {
    pub(super) fn new() -> Self {
        Self {
            last: Sequence::default(),
            under_way: Vec::with_capacity(MAX_UNDER_WAY),
        }
    }

    /// Begins a request if one more may be under way.
    pub(super) fn begin(&mut self) -> Option<Sequence> {
        let next = self.last.next();
        let oldest = self.under_way.first().copied().unwrap_or(next);
        let is_replayable = next.number() - oldest.number() < REPLAY_WINDOW;
        if self.under_way.len() >= MAX_UNDER_WAY || !is_replayable {
            return None;
        }
        self.last = next;
        self.under_way.push(next);
        Some(next)
    }

    /// Ends a request: it was answered, or nobody waits for its answer any more.
    pub(super) fn end(&mut self, sequence: Sequence) {
        self.under_way.retain(|it| *it != sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_requests_are_under_way() {
        let mut window = Window::new();
        let begun: Vec<_> = std::iter::from_fn(|| window.begin()).collect();
        assert_eq!(begun.len(), MAX_UNDER_WAY);
        window.end(begun[2]);
        assert_eq!(window.begin().map(Sequence::number), Some(5));
        assert_eq!(window.begin(), None);
    }

    #[test]
    fn a_slow_request_stays_within_the_replay_window() {
        let mut window = Window::new();
        let slow = window.begin().unwrap();
        let mut overtaking = 0;
        while let Some(sequence) = window.begin() {
            window.end(sequence);
            overtaking += 1;
        }
        assert_eq!(overtaking, REPLAY_WINDOW - 1);
        window.end(slow);
        assert!(window.begin().is_some());
    }
}
