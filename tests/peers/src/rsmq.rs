//! rsmq_async: a loop of receive and delete, with messages one by one, and in batches from several tasks.

use integration::bench::Measured;
use rsmq_async::{Rsmq as Client, RsmqConnection, RsmqOptions};
use tokio::task::JoinSet;

use crate::peer::{Answer, Done, Job, Peer};

/// With its settings.
pub(crate) struct Rsmq {
    name: &'static str,
    /// Loops at once, and messages in one call.
    loops: usize,
    batch: u32,
}

/// Messages in one call of `send_message_batch`.
const BATCH: usize = 500;

impl Rsmq {
    pub(crate) fn default_settings() -> Self {
        Self {
            name: "rsmq, one loop, one message",
            loops: 1,
            batch: 1,
        }
    }

    pub(crate) fn fast() -> Self {
        Self {
            name: "rsmq, 16 loops, 10 messages",
            loops: 16,
            batch: 10,
        }
    }
}

async fn client(server: &Measured) -> anyhow::Result<Client> {
    let options = RsmqOptions {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        ..RsmqOptions::default()
    };
    Ok(Client::new(options).await?)
}

async fn producer(server: &Measured) -> anyhow::Result<Client> {
    let mut client = client(server).await?;
    client.create_queue("jobs", None, None, None).await?;
    Ok(client)
}

/// Receives, executes and deletes, until it is dropped.
async fn serve(mut client: Client, batch: u32, done: Done) -> anyhow::Result<()> {
    loop {
        let messages = client
            .receive_message_batch::<String>("jobs", None, batch)
            .await?;
        if messages.is_empty() {
            // It polls, as its own worker does.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        for message in messages {
            let job: Job = serde_json::from_str(&message.message)?;
            let _ = (job.id, job.data);
            done.count();
            client.delete_message("jobs", &message.id).await?;
        }
    }
}

impl Peer for Rsmq {
    fn name(&self) -> &str {
        self.name
    }

    fn one_by_one<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a> {
        Box::pin(async move {
            let mut client = producer(server).await?;
            for job in jobs {
                let text = serde_json::to_string(&job)?;
                client.send_message("jobs", text, None).await?;
            }
            Ok(())
        })
    }

    fn many<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a> {
        Box::pin(async move {
            let mut client = producer(server).await?;
            for jobs in jobs.chunks(BATCH) {
                let texts: Vec<String> = jobs
                    .iter()
                    .map(serde_json::to_string)
                    .collect::<Result<_, _>>()?;
                client.send_message_batch("jobs", texts, None).await?;
            }
            Ok(())
        })
    }

    fn consume<'a>(&'a self, server: &'a Measured, done: Done) -> Answer<'a> {
        Box::pin(async move {
            let client = client(server).await?;
            let mut loops = JoinSet::new();
            for _ in 0..self.loops {
                loops.spawn(serve(client.clone(), self.batch, done.clone()));
            }
            while let Some(ended) = loops.join_next().await {
                ended??;
            }
            Ok(())
        })
    }
}
