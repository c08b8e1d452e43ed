//! `cargo xtask bench costs`, second part: a fixed number of runs, for a tool that counts instructions.
//!
//! It is executed twice, with few runs and with more: the difference is what runs cost, without the start.
//! Everything is on one thread, so that the count hardly depends on chance.

#[path = "../memory/throughput.rs"]
#[expect(
    dead_code,
    reason = "the other measurements of time are not needed here"
)]
mod throughput;

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'));
    // Without words this is only to show that it works.
    let what = words.next().unwrap_or_else(|| "many".to_owned());
    let runs = words.next().map_or(Ok(100), |runs| runs.parse::<usize>())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match what.as_str() {
        "bare" => runtime.block_on(throughput::bare_tokio(runs)),
        "many" => runtime.block_on(throughput::queue_many(runs)),
        "each" => runtime.block_on(throughput::queue_each(runs)),
        _ => Err(anyhow::anyhow!("say bare, many or each")),
    }
    .context("of the measurement")
    .map(drop)
}
