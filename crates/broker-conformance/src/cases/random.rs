//! Random operations, compared with the model.

use aqueduct_core::testing::drawn_seed;

use crate::differential::compare;
use crate::fixture::Bench;
use crate::plan::draw;
use crate::shrink::shrink;

/// How many operations one comparison has.
const STEPS: usize = 400;

/// Whatever is done, the broker answers as the model does; the seed is printed.
///
/// If it does not, the plan of the seed is made as small as it can be and still show it.
pub async fn the_model_agrees(bench: Bench) {
    let seed = drawn_seed();
    eprintln!("seed {seed}: repeat with AQUEDUCT_SEED={seed}");
    let plan = draw(seed, STEPS);
    let Some(failure) = compare(&bench, &plan).await else {
        return;
    };
    let fails = async |plan: &[_]| compare(&bench.again().await, plan).await;
    let (plan, failure) = shrink(plan, failure, fails).await;
    let steps: Vec<String> = plan.iter().map(|step| format!("  {step:?}")).collect();
    panic!(
        "broker and model differ with AQUEDUCT_SEED={seed}; of its {STEPS} steps these {} show it:\n{}\n{failure}",
        steps.len(),
        steps.join("\n"),
    );
}
