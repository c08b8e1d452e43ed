//! Ours.

use aqueduct::{App, RunningApp, State, task, tasks};
use integration::bench::Measured;

use crate::peer::{Answer, Done, Job, Peer};

/// With its settings.
pub(crate) struct Ours {
    name: &'static str,
    concurrency: Option<usize>,
}

#[task]
async fn no_op(done: State<Done>, id: u64, data: String) {
    let _ = (id, data);
    done.count();
}

impl Ours {
    pub(crate) fn default_settings() -> Self {
        Self {
            name: "aqueduct, defaults",
            concurrency: None,
        }
    }

    pub(crate) fn fast() -> Self {
        Self {
            name: "aqueduct, 1024 at a time",
            concurrency: Some(1024),
        }
    }
}

async fn producer(server: &Measured) -> anyhow::Result<RunningApp> {
    let app = App::new(server.broker().await?)
        .tasks(tasks![no_op])
        .state(Done::after(0));
    Ok(app.without_consumer().without_scheduler().start().await?)
}

impl Peer for Ours {
    fn name(&self) -> &str {
        self.name
    }

    fn one_by_one<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a> {
        Box::pin(async move {
            let app = producer(server).await?;
            for Job { id, data } in jobs {
                no_op::queue(app.task_manager(), id, data).await?;
            }
            app.stop().await?;
            Ok(())
        })
    }

    fn many<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a> {
        Box::pin(async move {
            let app = producer(server).await?;
            let calls = jobs
                .into_iter()
                .map(|Job { id, data }| no_op::with(id, data));
            app.task_manager().queue_many(calls).await?;
            app.stop().await?;
            Ok(())
        })
    }

    fn consume<'a>(&'a self, server: &'a Measured, done: Done) -> Answer<'a> {
        Box::pin(async move {
            let app = App::new(server.broker().await?)
                .tasks(tasks![no_op])
                .state(done)
                .without_scheduler();
            let concurrency = self.concurrency;
            let app = app.consumer(move |consumer| match concurrency {
                Some(concurrency) => consumer.concurrency(concurrency),
                None => consumer,
            });
            let _running = app.start().await?;
            std::future::pending().await
        })
    }
}
