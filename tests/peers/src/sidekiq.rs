//! rusty-sidekiq: as it comes, and with more workers.

use integration::bench::Measured;
use sidekiq::{Processor, ProcessorConfig, RedisConnectionManager, RedisPool, Worker};
use tokio::task::JoinSet;

use crate::peer::{Answer, Done, Job, Peer};

/// With its settings.
pub(crate) struct Sidekiq {
    name: &'static str,
    workers: Option<usize>,
}

/// Callers at once: there is no batch.
const CALLERS: usize = 256;

#[derive(Clone)]
struct NoOp(Done);

#[async_trait::async_trait]
impl Worker<Job> for NoOp {
    async fn perform(&self, job: Job) -> sidekiq::Result<()> {
        let _ = (job.id, job.data);
        self.0.count();
        Ok(())
    }
}

impl Sidekiq {
    pub(crate) fn default_settings() -> Self {
        Self {
            name: "rusty-sidekiq, defaults",
            workers: None,
        }
    }

    pub(crate) fn fast() -> Self {
        Self {
            name: "rusty-sidekiq, 10 workers",
            workers: Some(10),
        }
    }
}

async fn pool(server: &Measured, connections: u32) -> anyhow::Result<RedisPool> {
    let manager = RedisConnectionManager::new(server.url())?;
    let pool = bb8::Pool::builder().max_size(connections);
    Ok(pool.build(manager).await?)
}

impl Peer for Sidekiq {
    fn name(&self) -> &str {
        self.name
    }

    fn one_by_one<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a> {
        Box::pin(async move {
            let pool = pool(server, 1).await?;
            for job in jobs {
                NoOp::perform_async(&pool, job).await?;
            }
            Ok(())
        })
    }

    fn many<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a> {
        Box::pin(async move {
            let pool = pool(server, 32).await?;
            let mut callers = JoinSet::new();
            for jobs in jobs.chunks(jobs.len().div_ceil(CALLERS)) {
                let (pool, jobs) = (pool.clone(), jobs.to_vec());
                callers.spawn(async move {
                    for job in jobs {
                        NoOp::perform_async(&pool, job).await?;
                    }
                    anyhow::Ok(())
                });
            }
            while let Some(called) = callers.join_next().await {
                called??;
            }
            Ok(())
        })
    }

    fn consume<'a>(&'a self, server: &'a Measured, done: Done) -> Answer<'a> {
        Box::pin(async move {
            let workers = self.workers;
            let connections = workers.map_or(10, |workers| workers + 4);
            let pool = pool(server, u32::try_from(connections)?).await?;
            let mut processor = Processor::new(pool, vec!["default".to_owned()]);
            if let Some(workers) = workers {
                processor = processor.with_config(ProcessorConfig::default().num_workers(workers));
            }
            processor.register(NoOp(done));
            // It spawns; the token ends what it spawned, however this future is dropped.
            let _stop = processor.get_cancellation_token().drop_guard();
            processor.run().await;
            Ok(())
        })
    }
}
