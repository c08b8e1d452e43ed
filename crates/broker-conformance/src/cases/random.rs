//! Random operations, compared with the model.

use crate::differential::compare;
use crate::fixture::Bench;
use crate::plan::seed;

/// How many operations one comparison has.
const STEPS: usize = 400;

/// Whatever is done, the broker answers as the model does; the seed is printed.
pub async fn the_model_agrees(bench: Bench) {
    let seed = seed();
    eprintln!("seed {seed}: repeat with AQUEDUCT_SEED={seed}");
    compare(&bench, seed, STEPS).await;
}
