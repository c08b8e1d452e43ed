//! A request on its way, with the tasks of one caller or several; one of them sends it.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::manager::ENOUGH_ENQUEUE_BYTES;
use aqueduct_core::queue::{Enqueued, QueuedTask};
use tokio::sync::oneshot;

use super::line::{Answer, Line, Turn, Waiting};
use crate::broker::{Broker, Sequence};
use crate::enqueue::{EnqueueRequest, MAX_ENQUEUE_BATCH};
use crate::error::{BrokerError, BrokerErrorKind};

/// A request on its way.
///
/// If the caller that sends it is dropped, another whose tasks it carries sends it again under the
/// same number, so that the broker does nothing twice.
#[derive(Debug)]
pub(super) struct Flight(Option<Manifest>);

#[derive(Debug)]
struct Manifest {
    line: Arc<Line>,
    request: EnqueueRequest,
    /// Whose tasks the request carries, in order; empty if all are the leader's.
    shares: Vec<Share>,
    /// Whether nobody else may board.
    is_closed: bool,
    /// How much the tasks weigh that boarded.
    bytes: usize,
}

/// The tasks of one caller.
#[derive(Debug)]
struct Share {
    tasks: usize,
    caller: Caller,
}

#[derive(Debug)]
enum Caller {
    /// Waits to lead, or for its answers.
    Waits(oneshot::Sender<Turn>),
    /// Sends the request.
    Leads,
    /// Was dropped while it did.
    IsGone,
}

/// How a flight ended for the caller that led it.
#[derive(Debug)]
pub(super) enum Landed {
    /// With the answers for its tasks.
    Answered(Answer),
    /// The broker refused all that went together: the caller waits for a turn of its own.
    SendAlone(oneshot::Receiver<Turn>),
}

/// The pauses before a request is sent again; after the last one its outcome is reported as unknown.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
];

impl Flight {
    /// Creates a flight whose tasks, if it has any yet, are those of the caller that leads it.
    pub(super) fn new(line: Arc<Line>, request: EnqueueRequest) -> Self {
        Self(Some(Manifest {
            line,
            request,
            shares: Vec::new(),
            is_closed: false,
            bytes: 0,
        }))
    }

    pub(super) fn has_room(&self, next: &Waiting) -> bool {
        let Some(manifest) = &self.0 else {
            return false;
        };
        let tasks = manifest.request.tasks.len();
        let fits =
            tasks + next.tasks.len() <= MAX_ENQUEUE_BATCH && manifest.bytes < ENOUGH_ENQUEUE_BYTES;
        tasks == 0 || (fits && !manifest.is_closed && !next.is_alone)
    }

    pub(super) fn board(&mut self, waiting: Waiting) {
        let Waiting {
            mut tasks,
            turn,
            is_alone,
        } = waiting;
        if let Some(manifest) = &mut self.0 {
            manifest.is_closed |= is_alone;
            manifest.bytes += tasks.iter().map(QueuedTask::weight).sum::<usize>();
            manifest.shares.push(Share {
                tasks: tasks.len(),
                caller: Caller::Waits(turn),
            });
            manifest.request.tasks.append(&mut tasks);
        }
    }

    /// Gives the flight to the first caller that waits; returns its number if there is none.
    pub(super) fn hand_over(mut self) -> Option<Sequence> {
        self.0.take().and_then(Manifest::hand_over)
    }

    /// Sends the request, again if its answer is lost, and tells every caller.
    pub(super) async fn fly(mut self) -> Landed {
        let answer = match &self.0 {
            Some(manifest) => manifest.send().await,
            None => Ok(Vec::new()),
        };
        match self.0.take() {
            Some(manifest) => manifest.land(answer),
            None => Landed::Answered(answer.map_err(Arc::new)),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Some(manifest) = self.0.take() else {
            return;
        };
        let line = Arc::clone(&manifest.line);
        if let Some(untaken) = manifest.hand_over() {
            line.end(untaken, Vec::new());
        }
    }
}

impl Manifest {
    async fn send(&self) -> Result<Vec<Enqueued>, BrokerError> {
        for pause in PAUSES {
            match self.line.broker.enqueue(&self.request).await {
                Err(error) if is_unknown_outcome(&error) => tokio::time::sleep(pause).await,
                answer => return answer,
            }
        }
        self.line.broker.enqueue(&self.request).await
    }

    fn land(self, answer: Result<Vec<Enqueued>, BrokerError>) -> Landed {
        match answer {
            Err(error) if self.shares.len() > 1 && !is_unknown_outcome(&error) => {
                self.part_company()
            }
            answer => {
                self.line.end(self.request.sequence, Vec::new());
                Landed::Answered(self.deal_out(answer.map_err(Arc::new)))
            }
        }
    }

    /// Tells every caller what became of its tasks; returns the part of the leader.
    fn deal_out(self, mut answer: Answer) -> Answer {
        if self.shares.is_empty() {
            return answer;
        }
        let mut own = Ok(Vec::new());
        for Share { tasks, caller } in self.shares {
            let part = match &mut answer {
                Ok(answers) => Ok(answers.drain(..tasks.min(answers.len())).collect()),
                Err(error) => Err(Arc::clone(error)),
            };
            match caller {
                // A caller that is gone does not want to know.
                Caller::Waits(turn) => drop(turn.send(Turn::Answered(part))),
                Caller::Leads => own = part,
                Caller::IsGone => {}
            }
        }
        own
    }

    /// Lets every caller wait for a turn of its own: one of them may be why all were refused.
    fn part_company(self) -> Landed {
        let (own_turn, own) = oneshot::channel();
        let mut own_turn = Some(own_turn);
        let mut tasks = self.request.tasks.into_iter();
        let mut again = Vec::new();
        for share in self.shares {
            let tasks: Vec<QueuedTask> = tasks.by_ref().take(share.tasks).collect();
            let turn = match share.caller {
                Caller::Waits(turn) => Some(turn),
                Caller::Leads => own_turn.take(),
                Caller::IsGone => None,
            };
            again.extend(turn.map(|turn| Waiting {
                tasks,
                turn,
                is_alone: true,
            }));
        }
        self.line.end(self.request.sequence, again);
        Landed::SendAlone(own)
    }

    /// Gives the flight to the first caller that waits; returns its number if there is none.
    fn hand_over(mut self) -> Option<Sequence> {
        while let Some(turn) = self.next_leader() {
            match turn.send(Turn::Lead(Flight(Some(self)))) {
                Err(Turn::Lead(mut refused)) => self = refused.0.take()?,
                Ok(()) | Err(Turn::Answered(_)) => return None,
            }
        }
        Some(self.request.sequence)
    }

    fn next_leader(&mut self) -> Option<oneshot::Sender<Turn>> {
        for share in &mut self.shares {
            match std::mem::replace(&mut share.caller, Caller::IsGone) {
                Caller::Waits(turn) => {
                    share.caller = Caller::Leads;
                    return Some(turn);
                }
                Caller::Leads | Caller::IsGone => {}
            }
        }
        None
    }
}

fn is_unknown_outcome(error: &BrokerError) -> bool {
    matches!(
        error.kind(),
        BrokerErrorKind::Unavailable | BrokerErrorKind::Timeout
    )
}
