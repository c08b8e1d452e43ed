//! The consumers of the model.

use super::broker::{Exchange, Place, Reply, Who};
use super::{CRASHES, Request, STALLS, State, Step};

/// A consumer, as it knows itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Client {
    pub(super) incarnation: u8,
    pub(super) last: u8,
    pub(super) answered: u8,
    pub(super) exchange: Option<Exchange>,
    pub(super) work: Option<Work>,
    pub(super) trusts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Work {
    pub(super) run: usize,
    pub(super) attempt: u8,
    pub(super) has_ended: bool,
    /// Whether the lease was trusted all the time.
    pub(super) is_whole: bool,
}

impl Client {
    pub(super) fn who(&self, place: usize) -> Who {
        let incarnation = self.incarnation;
        Who { place, incarnation }
    }
}

impl State {
    /// Adds the steps that a consumer can take.
    pub(super) fn steps_of(&self, place: usize, client: &Client, steps: &mut Vec<Step>) {
        let who = client.who(place);
        let is_under_way = client
            .exchange
            .is_some_and(|exchange| self.network.contains(&Request::Exchange(who, exchange)));
        let has_to_say = match (&client.exchange, client.work) {
            (Some(_), _) => !is_under_way,
            (None, Some(work)) => work.has_ended,
            (None, None) => self.broker.runs.contains(&Place::Ready),
        };
        if has_to_say {
            steps.push(Step::Send(place));
        }
        if client.work.is_some_and(|work| !work.has_ended) {
            steps.push(Step::Succeed(place));
        }
        steps.push(Step::Beat(place));
        if client.trusts && self.left[STALLS] > 0 {
            steps.push(Step::Distrust(place));
        }
        if self.left[CRASHES] > 0 {
            steps.push(Step::Crash(place));
        }
    }

    pub(super) fn send(&mut self, place: usize) {
        let client = &mut self.clients[place];
        let who = client.who(place);
        let exchange = client.exchange.get_or_insert_with(|| {
            client.last += 1;
            Exchange {
                number: client.last,
                settle: client.work.map(|work| (work.run, work.attempt)),
            }
        });
        self.network.insert(Request::Exchange(who, *exchange));
    }

    pub(super) fn answered(&mut self, who: Who, exchange: Exchange, reply: Reply) {
        let client = &mut self.clients[who.place];
        if client.incarnation != who.incarnation || client.exchange != Some(exchange) {
            return;
        }
        let was_whole = client.trusts && client.work.is_some_and(|work| work.is_whole);
        self.is_wasted |= reply.settled == Some(false) && was_whole;
        client.exchange = None;
        client.answered = exchange.number;
        client.trusts = true;
        client.work = reply.claimed.map(|(run, attempt)| Work {
            run,
            attempt,
            has_ended: false,
            is_whole: true,
        });
    }
}
