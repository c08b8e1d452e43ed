//! How many unfinished runs a queue may have.

use std::collections::BTreeMap;

use aqueduct_core::QueueName;

/// How many unfinished runs each queue may have: waiting, delayed, running and retrying ones together.
///
/// What would be one more is refused with [`Enqueued::QueueFull`](crate::Enqueued::QueueFull); a tick of a schedule fires
/// later. What is queued already, retried or given back is never refused. The process that queues applies its own setting: give
/// all of them the same.
///
/// ```
/// use aqueduct_broker_api::QueueLimits;
/// use aqueduct_core::QueueName;
///
/// let mail = QueueName::from_static("mail");
/// let limits = QueueLimits::none().with_default(10_000).with_queue(mail.clone(), 500);
/// assert_eq!((limits.of(&mail), limits.of(&QueueName::DEFAULT)), (Some(500), Some(10_000)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueLimits {
    default: Option<u64>,
    queues: BTreeMap<QueueName, u64>,
}

/// The error of an option of a URL that sets no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write `max_queue_length=10000`, or `max_queue_length.mail=500` for one queue, at least 1")]
#[non_exhaustive]
pub struct InvalidQueueLimit;

impl QueueLimits {
    /// Returns no limits.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Sets the limit of each queue that has none of its own; 0 counts as 1.
    #[must_use]
    pub fn with_default(mut self, most: u64) -> Self {
        self.default = Some(most.max(1));
        self
    }

    /// Sets the limit of one queue; 0 counts as 1.
    #[must_use]
    pub fn with_queue(mut self, queue: QueueName, most: u64) -> Self {
        self.queues.insert(queue, most.max(1));
        self
    }

    /// Returns the limit of a queue, if it has one.
    #[must_use]
    pub fn of(&self, queue: &QueueName) -> Option<u64> {
        self.queues.get(queue).copied().or(self.default)
    }

    /// Returns whether no queue has a limit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.default.is_none() && self.queues.is_empty()
    }

    /// Reads an option of a URL, `max_queue_length=10000` or `max_queue_length.mail=500`; `None` if it is another option.
    ///
    /// # Errors
    ///
    /// Returns an error if the option is meant and sets no limit.
    pub fn read_option(
        &mut self,
        name: &str,
        value: &str,
    ) -> Option<Result<(), InvalidQueueLimit>> {
        let rest = name.strip_prefix(OPTION)?;
        let most = value.parse::<u64>().ok().filter(|most| *most > 0);
        let limits = self.clone();
        let limits_with = match (rest, rest.strip_prefix('.')) {
            ("", _) => most.map(|most| limits.with_default(most)),
            (_, Some(queue)) => {
                let queue = queue.parse::<QueueName>().ok();
                most.zip(queue)
                    .map(|(most, queue)| limits.with_queue(queue, most))
            }
            _ => return None,
        };
        Some(
            limits_with
                .map(|limits| *self = limits)
                .ok_or(InvalidQueueLimit),
        )
    }
}

const OPTION: &str = "max_queue_length";
