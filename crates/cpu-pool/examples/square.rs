//! A pool without a task queue: numbers are squared in worker processes; one piece of work panics.
//!
//! `cargo run --package aqueduct-cpu-pool --example square`
#![cfg(target_os = "linux")]
#![expect(
    clippy::print_stdout,
    reason = "a program speaks to the person who runs it"
)]

use aqueduct_cpu_pool::{Body, Failed, Link, Order, PoolConfig, ProcessPool, Work, Workers};

/// What runs in the workers.
struct Square;

impl Body for Square {
    fn names(&self) -> Vec<String> {
        vec!["square".to_owned()]
    }

    fn prepare(&self) -> Result<(), String> {
        Ok(())
    }

    fn run(&self, work: Work, _link: &Link) -> Result<Vec<u8>, Failed> {
        assert!(!work.params.is_empty(), "nothing to square");
        let square = |it: &u8| it.checked_mul(*it);
        let squares: Option<Vec<u8>> = work.params.iter().map(square).collect();
        squares.ok_or_else(|| Failed::new("a square is too large for a byte"))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // First of all: this program is its own worker.
    if let Some(entry) = aqueduct_cpu_pool::entry()? {
        aqueduct_cpu_pool::serve(entry, Square);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let pool = ProcessPool::new(PoolConfig::default(), vec!["square".to_owned()])?;
        for params in [vec![1, 2, 3], vec![20], vec![]] {
            let work = Work::new("square").with_params(params);
            println!("{:?}", pool.run(Order::plain(work)).await);
        }
        println!("{:?}", pool.metrics());
        pool.close().await;
        Ok(())
    })
}
