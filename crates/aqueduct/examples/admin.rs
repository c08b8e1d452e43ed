//! Failed runs, looked at and queued anew: what an operator does when a service was down.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aqueduct::admin::RunFilter;
use aqueduct::{Admin, App, Broker, QueueName, State, TaskContext, task, tasks};

/// A mail server that may be down.
struct MailServer {
    is_up: AtomicBool,
}

#[task(queue = "mail", keep_result = "1h")]
async fn send(_ctx: TaskContext, server: State<Arc<MailServer>>, to: String) -> anyhow::Result<()> {
    anyhow::ensure!(server.is_up.load(Ordering::Relaxed), "no answer for {to}");
    Ok(())
}

#[aqueduct::main]
async fn main() -> anyhow::Result<()> {
    let server = Arc::new(MailServer {
        is_up: AtomicBool::new(false),
    });
    let app = App::new(Broker::from_url("memory://").await?)
        .tasks(tasks![send])
        .consumer(|consumer| consumer.queues([QueueName::from_static("mail")]))
        .state(Arc::clone(&server))
        .start()
        .await?;

    let mut handles = Vec::new();
    for to in ["ada", "grace", "joan"] {
        handles.push(send::queue(app.task_manager(), to.to_owned()).await?);
    }
    for handle in &handles {
        let _ = handle.wait().await; // each fails
    }

    let (admin, mut out) = (app.admin()?, std::io::stdout());
    show_failed(&admin, &mut out).await?;
    server.is_up.store(true, Ordering::Relaxed);
    let count = admin.requeue_all(RunFilter::failed())?.to_end().await?;
    writeln!(out, "{} are queued anew", count.changed)?;
    for handle in &handles {
        handle.wait().await?;
    }
    writeln!(out, "all are sent")?;
    app.stop().await?;
    Ok(())
}

/// Shows the failed runs, a page at a time.
async fn show_failed(admin: &Admin, out: &mut (impl Write + Send)) -> anyhow::Result<()> {
    let mut failed = admin.runs(RunFilter::failed());
    while let Some(page) = failed.next_page().await? {
        for run in page {
            writeln!(out, "{} of {}", run.id, run.task)?;
            for failed in run.record.iter().flat_map(|record| &record.history) {
                writeln!(out, "  attempt {}: {}", failed.attempt, failed.failure)?;
            }
        }
    }
    Ok(())
}
