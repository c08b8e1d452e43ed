//! A simulation: consumers, producers and schedulers on one broker, in one thread, from one seed.
//!
//! A [`plan`](plan::Plan) is a list of acts drawn from the seed: a producer queues, a consumer claims, beats, ends an
//! attempt, dies, stands still; a clock jumps; a request is lost, comes late or twice. The network between a client
//! and the broker does what the act says, the [`Observed`] broker hears of each step that is
//! really done, and the laws judge it: against a [`ledger`](ledger::Ledger) that knows who must hold what, and
//! against all that the broker stores. At the end everything heals, and every run must come to its end.
//! A plan that fails is made as small as it can be.
//!
//! [`Simulation`] drives little clients, thousands of seeds a minute; [`engine`] the consumers and schedulers that users run. What is known of one feature is one file of [`concerns`]: what it asks for of queued runs, its
//! acts, its laws.

mod client;
pub mod concerns;
mod court;
mod defect;
mod defective;
pub mod engine;
mod event;
mod law;
pub mod ledger;
mod network;
mod observed;
pub mod plan;
mod view;
mod waiters;
mod world;

pub use client::Weakness;
pub use concerns::Concern;
pub use court::Court;
pub use defect::Defect;
pub use event::{Deed, Heard};
pub use law::Law;
pub use network::Fate;
pub use observed::Observed;
pub use plan::{Failure, Simulation};
pub use view::View;
pub use world::World;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Returns what a future has at once: the broker in memory waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the broker in memory does not wait"),
    }
}
