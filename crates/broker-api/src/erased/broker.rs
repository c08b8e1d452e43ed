//! The object-safe form of [`Broker`].

use std::fmt;

use aqueduct_core::QueueName;

use super::BrokerFuture;
use crate::Enqueued;
use crate::broker::Broker;
use crate::capabilities::Capabilities;
use crate::claim::{ClaimRequest, Claimed};
use crate::enqueue::EnqueueRequest;
use crate::extend::{ExtendRequest, Extended};
use crate::lengths::QueueLengths;
use crate::reclaim::{ReclaimRequest, Reclaimed};
use crate::settle::{SettleRequest, Settled};
use crate::wait::WaitRequest;

pub(super) trait ErasedBroker: fmt::Debug + Send + Sync {
    fn capabilities(&self) -> Capabilities;
    fn enqueue(&self, request: EnqueueRequest) -> BrokerFuture<'_, Vec<Enqueued>>;
    fn claim(&self, request: ClaimRequest) -> BrokerFuture<'_, Claimed>;
    fn settle(&self, request: SettleRequest) -> BrokerFuture<'_, Vec<Settled>>;
    fn extend(&self, request: ExtendRequest) -> BrokerFuture<'_, Extended>;
    fn reclaim(&self, request: ReclaimRequest) -> BrokerFuture<'_, Reclaimed>;
    fn wait_ready(&self, request: WaitRequest) -> BrokerFuture<'_, ()>;
    fn queue_lengths<'a>(&'a self, queues: &'a [QueueName]) -> BrokerFuture<'a, Vec<QueueLengths>>;
}

impl<B: Broker> ErasedBroker for B {
    fn capabilities(&self) -> Capabilities {
        Broker::capabilities(self)
    }

    fn enqueue(&self, request: EnqueueRequest) -> BrokerFuture<'_, Vec<Enqueued>> {
        Box::pin(Broker::enqueue(self, request))
    }

    fn claim(&self, request: ClaimRequest) -> BrokerFuture<'_, Claimed> {
        Box::pin(Broker::claim(self, request))
    }

    fn settle(&self, request: SettleRequest) -> BrokerFuture<'_, Vec<Settled>> {
        Box::pin(Broker::settle(self, request))
    }

    fn extend(&self, request: ExtendRequest) -> BrokerFuture<'_, Extended> {
        Box::pin(Broker::extend(self, request))
    }

    fn reclaim(&self, request: ReclaimRequest) -> BrokerFuture<'_, Reclaimed> {
        Box::pin(Broker::reclaim(self, request))
    }

    fn wait_ready(&self, request: WaitRequest) -> BrokerFuture<'_, ()> {
        Box::pin(Broker::wait_ready(self, request))
    }

    fn queue_lengths<'a>(&'a self, queues: &'a [QueueName]) -> BrokerFuture<'a, Vec<QueueLengths>> {
        Box::pin(Broker::queue_lengths(self, queues))
    }
}
