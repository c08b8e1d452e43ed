//! Those who wait for the ends of runs: futures, looked at after each step.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use aqueduct::RunId;
use aqueduct::broker_api::{Broker, BrokerError, LONGEST_WAIT, WaitEndedRequest};
use aqueduct::run::WaitAnswer;

use super::observed::Observed;

/// Those who wait.
#[derive(Default)]
pub(super) struct Waiters(Vec<Waiter>);

struct Waiter {
    run: RunId,
    /// How many answers are lost on their way; then it asks again.
    loses: u32,
    wait: Pin<Box<dyn Future<Output = Result<WaitAnswer, BrokerError>>>>,
}

/// How many wait at a time.
const MOST: usize = 16;

impl Waiters {
    /// Begins to wait, unless too many do.
    pub(super) fn begin(&mut self, broker: &Observed, run: RunId, loses: u32) {
        if self.0.len() < MOST {
            let wait = wait(broker.clone(), run);
            self.0.push(Waiter { run, loses, wait });
            self.look(broker);
        }
    }

    /// Looks who has been told; what is told is judged where it is answered.
    pub(super) fn look(&mut self, broker: &Observed) {
        self.0.retain_mut(|waiter| {
            let mut context = Context::from_waker(Waker::noop());
            while let Poll::Ready(answer) = waiter.wait.as_mut().poll(&mut context) {
                if let Err(error) = answer {
                    let wrong = format!("a wait for {} is refused: {error}", waiter.run);
                    broker.court().accuse(wrong);
                }
                if waiter.loses == 0 {
                    return false;
                }
                waiter.loses -= 1;
                waiter.wait = wait(broker.clone(), waiter.run);
            }
            true
        });
    }

    /// Returns the runs that are waited for.
    pub(super) fn runs(&self) -> impl Iterator<Item = RunId> {
        self.0.iter().map(|waiter| waiter.run)
    }
}

fn wait(
    broker: Observed,
    run: RunId,
) -> Pin<Box<dyn Future<Output = Result<WaitAnswer, BrokerError>>>> {
    let request = WaitEndedRequest::new(run, LONGEST_WAIT);
    Box::pin(async move { broker.wait_ended(&request).await })
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.runs()).finish()
    }
}
