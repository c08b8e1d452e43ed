//! apalis-redis: as it comes, and with what its documentation lets one switch off for short jobs.

use ::apalis::prelude::*;
use apalis_redis::{Config, ConnectionManager, RedisStorage};
use integration::bench::Measured;

use crate::peer::{Answer, Done, Job, Peer};

/// With its settings.
pub(crate) struct Apalis {
    name: &'static str,
    is_fast: bool,
}

/// Jobs in one call of `push_bulk`.
const BATCH: usize = 500;

/// A worker's fetch moves all jobs that are due in one command, from Lua, which refuses 8,000 and more: no worker of
/// apalis-redis 1.0.0 gets a job after that.
const BACKLOG: usize = 5_000;

impl Apalis {
    pub(crate) fn default_settings() -> Self {
        Self {
            name: "apalis, defaults",
            is_fast: false,
        }
    }

    pub(crate) fn fast() -> Self {
        Self {
            name: "apalis, batches of 100, nothing kept",
            is_fast: true,
        }
    }

    async fn storage(
        &self,
        server: &Measured,
    ) -> anyhow::Result<RedisStorage<Job, ConnectionManager>> {
        let connection = apalis_redis::connect(server.url()).await?;
        let mut config = Config::default().queue("jobs");
        if self.is_fast {
            config = config
                .batch_size(100)
                .lock_tasks(false)
                .persist_results(false)
                .emit_events(false);
        }
        Ok(RedisStorage::new(connection).with_config(config))
    }
}

async fn no_op(job: Job, done: Data<Done>) -> Result<(), BoxDynError> {
    let _ = (job.id, job.data);
    done.count();
    Ok(())
}

impl Peer for Apalis {
    fn name(&self) -> &str {
        self.name
    }

    fn backlog(&self) -> usize {
        BACKLOG
    }

    fn one_by_one<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a> {
        Box::pin(async move {
            let mut storage = self.storage(server).await?;
            for job in jobs {
                storage
                    .push(job)
                    .await
                    .map_err(|it| anyhow::anyhow!("{it}"))?;
            }
            Ok(())
        })
    }

    fn many<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a> {
        Box::pin(async move {
            let mut storage = self.storage(server).await?;
            for jobs in jobs.chunks(BATCH) {
                let pushed = storage.push_bulk(jobs.to_vec()).await;
                pushed.map_err(|it| anyhow::anyhow!("{it}"))?;
            }
            Ok(())
        })
    }

    fn consume<'a>(&'a self, server: &'a Measured, done: Done) -> Answer<'a> {
        Box::pin(async move {
            let storage = self.storage(server).await?;
            let worker = WorkerBuilder::new("worker").backend(storage).data(done);
            if self.is_fast {
                worker.parallelize(tokio::spawn).build(no_op).run().await?;
            } else {
                worker.build(no_op).run().await?;
            }
            Ok(())
        })
    }
}
