//! A broker of one's own: three methods, and the rest of the app does not notice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use aqueduct::broker_api::{BrokerError, SimpleBroker};
use aqueduct::memory::SimpleBrokerExt;
use aqueduct::{App, Broker, QueueName, State, TaskRun, task, tasks};
use tokio::sync::Notify;

/// A shelf that runs lie on, in this process; a real one would be a table or a topic.
#[derive(Debug, Default)]
struct Shelf(Mutex<VecDeque<TaskRun>>);

impl Shelf {
    fn with<T>(&self, look: impl FnOnce(&mut VecDeque<TaskRun>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SimpleBroker for Shelf {
    async fn queue_task(&self, run: TaskRun) -> Result<(), BrokerError> {
        self.with(|shelf| shelf.push_back(run));
        Ok(())
    }

    async fn get_task_run(&self) -> Result<Option<TaskRun>, BrokerError> {
        Ok(self.with(VecDeque::pop_front))
    }

    async fn queue_length(&self) -> Result<BTreeMap<QueueName, u64>, BrokerError> {
        let mut lengths = BTreeMap::new();
        self.with(|shelf| {
            for run in shelf.iter() {
                *lengths.entry(run.queue.clone()).or_default() += 1;
            }
        });
        Ok(lengths)
    }
}

#[task]
async fn greet(done: State<Notify>, name: String) -> Result<(), std::io::Error> {
    use std::io::Write;
    writeln!(std::io::stdout(), "hello, {name}")?;
    done.notify_one();
    Ok(())
}

#[task]
async fn wait_for_greeting(done: State<Notify>) {
    done.notified().await;
}

#[aqueduct::main]
async fn main() -> anyhow::Result<()> {
    let broker = Broker::from(Shelf::default().into_broker());
    let app = App::new(broker)
        .tasks(tasks![greet, wait_for_greeting])
        .state(Notify::new());
    let app = app.start().await?;
    let manager = app.task_manager();
    greet::queue(manager, "shelf".to_owned()).await?;
    manager.run(wait_for_greeting::with()).await?; // inline, for the sake of waiting
    app.stop().await?;
    Ok(())
}
