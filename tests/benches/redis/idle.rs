//! What an idle consumer asks of the server for nothing.

use std::time::Duration;

use integration::bench::{Figure, Measured, Report, is_quick};

use crate::drain::consumer;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let watched = Duration::from_secs(if is_quick() { 2 } else { 10 });
    let server = Measured::start()?;
    let app = consumer(server.broker().await?).await?;
    // Its start is not what it does when it is idle.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = server.usage()?;
    tokio::time::sleep(watched).await;
    let used = server.usage()? - before;
    let rate = used.commands / watched.as_secs_f64();
    report.add(Figure::cost("an idle consumer", "commands/s", vec![rate]).bar(3.0));
    app.stop().await?;
    Ok(())
}
