//! A workflow: pages are fetched at the same time, and a report is made of all of them.

use std::io::Write;

use aqueduct::workflow::Unsuccessful;
use aqueduct::{App, Broker, TaskError, group, task, tasks};

#[task(retry = none)]
async fn count(url: String) -> Result<usize, TaskError> {
    if url.ends_with(".invalid") {
        return Err(TaskError::msg(format!("nobody answers at {url}")));
    }
    Ok(url.len())
}

/// Takes what the members of the group returned, or why they did not.
#[task]
async fn report(#[input] counts: Vec<Result<usize, Unsuccessful>>, title: String) -> String {
    let line = |count| match count {
        Ok(count) => format!("{count} letters"),
        Err(error) => format!("{error}"),
    };
    let lines: Vec<String> = counts.into_iter().map(line).collect();
    format!("{title}:\n  {}", lines.join("\n  "))
}

#[aqueduct::main]
async fn main() -> anyhow::Result<()> {
    let app = App::new(Broker::from_url("memory://").await?).tasks(tasks![count, report]);
    let app = app.start().await?;
    let urls = ["example.org", "example.invalid", "example.com"];
    let pages = group(urls.map(|url| count::with(url.to_owned())));
    let all = pages.then_anyway(report::after("today".to_owned()));
    let report = all.queue_and_wait(app.task_manager()).await?;
    writeln!(std::io::stdout(), "{report}")?;
    app.stop().await?;
    Ok(())
}
