//! The object-safe form of [`Broker`].

use std::fmt;

use aqueduct_core::QueueName;

use super::BrokerFuture;
use crate::broker::Broker;
use crate::capabilities::Capabilities;
use crate::checkpoint::{CheckpointRequest, Checkpointed};
use crate::claim::{ClaimRequest, Claimed};
use crate::enqueue::EnqueueRequest;
use crate::extend::{ExtendRequest, Extended};
use crate::lengths::QueueLengths;
use crate::reclaim::{ReclaimRequest, Reclaimed};
use crate::settle::{SettleRequest, Settled};
use crate::wait::{WaitEndedRequest, WaitRequest};
use crate::{Enqueued, WaitAnswer};

pub(super) trait ErasedBroker: fmt::Debug + Send + Sync {
    fn capabilities(&self) -> Capabilities;
    fn enqueue<'a>(&'a self, request: &'a EnqueueRequest) -> BrokerFuture<'a, Vec<Enqueued>>;
    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BrokerFuture<'a, Claimed>;
    fn settle<'a>(&'a self, request: &'a SettleRequest) -> BrokerFuture<'a, Vec<Settled>>;
    fn extend<'a>(&'a self, request: &'a ExtendRequest) -> BrokerFuture<'a, Extended>;
    fn checkpoint<'a>(&'a self, request: &'a CheckpointRequest) -> BrokerFuture<'a, Checkpointed>;
    fn reclaim<'a>(&'a self, request: &'a ReclaimRequest) -> BrokerFuture<'a, Reclaimed>;
    fn wait_ready<'a>(&'a self, request: &'a WaitRequest) -> BrokerFuture<'a, ()>;
    fn wait_ended<'a>(&'a self, request: &'a WaitEndedRequest) -> BrokerFuture<'a, WaitAnswer>;
    fn queue_lengths<'a>(&'a self, queues: &'a [QueueName]) -> BrokerFuture<'a, Vec<QueueLengths>>;
}

impl<B: Broker> ErasedBroker for B {
    fn capabilities(&self) -> Capabilities {
        Broker::capabilities(self)
    }

    fn enqueue<'a>(&'a self, request: &'a EnqueueRequest) -> BrokerFuture<'a, Vec<Enqueued>> {
        Box::pin(Broker::enqueue(self, request))
    }

    fn claim<'a>(&'a self, request: &'a ClaimRequest) -> BrokerFuture<'a, Claimed> {
        Box::pin(Broker::claim(self, request))
    }

    fn settle<'a>(&'a self, request: &'a SettleRequest) -> BrokerFuture<'a, Vec<Settled>> {
        Box::pin(Broker::settle(self, request))
    }

    fn extend<'a>(&'a self, request: &'a ExtendRequest) -> BrokerFuture<'a, Extended> {
        Box::pin(Broker::extend(self, request))
    }

    fn checkpoint<'a>(&'a self, request: &'a CheckpointRequest) -> BrokerFuture<'a, Checkpointed> {
        Box::pin(Broker::checkpoint(self, request))
    }

    fn reclaim<'a>(&'a self, request: &'a ReclaimRequest) -> BrokerFuture<'a, Reclaimed> {
        Box::pin(Broker::reclaim(self, request))
    }

    fn wait_ready<'a>(&'a self, request: &'a WaitRequest) -> BrokerFuture<'a, ()> {
        Box::pin(Broker::wait_ready(self, request))
    }

    fn wait_ended<'a>(&'a self, request: &'a WaitEndedRequest) -> BrokerFuture<'a, WaitAnswer> {
        Box::pin(Broker::wait_ended(self, request))
    }

    fn queue_lengths<'a>(&'a self, queues: &'a [QueueName]) -> BrokerFuture<'a, Vec<QueueLengths>> {
        Box::pin(Broker::queue_lengths(self, queues))
    }
}
