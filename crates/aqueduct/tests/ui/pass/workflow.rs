//! Workflows: what a task takes from what ran before it.

use aqueduct::workflow::{Chain, Group, Unsuccessful};
use aqueduct::{TaskError, chain, cpu_task, group, task};

#[task]
async fn number(value: u64) -> u64 {
    value
}

#[task]
async fn sum(
    #[input]
    #[serde(default)]
    r#in: Vec<u64>,
    more: u64,
) -> Result<u64, TaskError> {
    Ok(r#in.iter().sum::<u64>() + more)
}

#[cpu_task]
fn square(#[input] value: u64) -> u64 {
    value * value
}

#[task]
async fn told(#[input] outcome: Result<u64, Unsuccessful>) -> bool {
    outcome.is_ok()
}

#[aqueduct::main]
async fn main() {
    // The functions stay callable.
    assert_eq!(sum(vec![1, 2], 3).await.unwrap(), 6);
    let members: Group<u64> = group([1, 2].map(number::with));
    let all: Chain<u64> = members.then(sum::after(1)).then(square::after());
    let _: Chain<bool> = all.then_anyway(told::after());
    let _: Chain<u64> = chain(sum::with(vec![], 1)).then(number::with(2)).then(square::after());
}
