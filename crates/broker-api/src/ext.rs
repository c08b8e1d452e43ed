//! Sugar for one item at a time, in the user's words.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::{ConsumerId, Lane, QueueName, QueuedTask};

use crate::broker::{Broker, Sequence};
use crate::claim::{ClaimRequest, LaneWant};
use crate::enqueue::EnqueueRequest;
use crate::error::{BrokerError, BrokerErrorKind};
use crate::lease::Lease;
use crate::settle::{SettleRequest, Settled};
use crate::{Enqueued, Settlement};

/// Sugar over [`Broker`] for one item at a time; implemented for every broker.
pub trait BrokerExt: Broker {
    /// Queues one task.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker refused it or did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the task queued or not.
    fn queue_task(
        &self,
        task: QueuedTask,
    ) -> impl Future<Output = Result<Enqueued, BrokerError>> + Send {
        async {
            let producer = aqueduct_core::ProducerId::generate();
            let request = EnqueueRequest::new(producer, Sequence::FIRST, vec![task]);
            let answers = self.enqueue(&request).await?;
            answers
                .into_iter()
                .next()
                .ok_or_else(|| missing("queue_task"))
        }
    }

    /// Claims the next run of the default queue, for a consumer that lives for `lease`.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// A run that was claimed for a dropped future comes back when the lease runs out.
    fn get_task_run(
        &self,
        lease: Duration,
    ) -> impl Future<Output = Result<Option<Lease>, BrokerError>> + Send {
        async move {
            let queues: Arc<[QueueName]> = Arc::from([QueueName::DEFAULT]);
            for lane in Lane::ALL {
                let want = LaneWant::new(lane, Arc::clone(&queues), 1);
                let consumer = ConsumerId::generate();
                let request = ClaimRequest::new(consumer, Sequence::FIRST, lease).want(want);
                if let Some(lease) = self.claim(&request).await?.leases.into_iter().next() {
                    return Ok(Some(lease));
                }
            }
            Ok(None)
        }
    }

    /// Settles one lease that [`BrokerExt::get_task_run`] returned.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the run settled or not.
    fn settle_task_run(
        &self,
        lease: Lease,
        settlement: Settlement,
    ) -> impl Future<Output = Result<Settled, BrokerError>> + Send {
        async move {
            let consumer = lease.token().consumer;
            let items = vec![lease.settle(settlement)];
            let request = SettleRequest::new(consumer, Sequence::FIRST.next(), items);
            let answers = self.settle(&request).await?;
            answers
                .into_iter()
                .next()
                .ok_or_else(|| missing("settle_task_run"))
        }
    }

    /// Returns how many runs are ready, by queue.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    fn queue_length(
        &self,
    ) -> impl Future<Output = Result<BTreeMap<QueueName, u64>, BrokerError>> + Send {
        async {
            let lengths = self.queue_lengths(&[]).await?;
            Ok(lengths
                .into_iter()
                .map(|length| (length.queue, length.queued))
                .collect())
        }
    }
}

impl<B: Broker> BrokerExt for B {}

fn missing(operation: &'static str) -> BrokerError {
    BrokerError::new(
        BrokerErrorKind::Unexpected,
        operation,
        "no answer for the item",
    )
}
