use aqueduct::{chain, group, task};

#[task]
async fn number() -> u64 {
    1
}

#[task]
async fn sum(#[input] numbers: Vec<u64>, more: u64) -> u64 {
    numbers.iter().sum::<u64>() + more
}

#[task]
async fn two(#[input] _a: u64, #[input] _b: u64) {}

#[task]
async fn borrowed(#[input] _text: &str) {}

fn main() {
    // What follows one run takes one value.
    let _ = chain(number::with()).then(sum::after(1));
    // What may fail is told of failures.
    let _ = group([number::with()]).then_anyway(sum::after(1));
    // The input is what runs before it, and not given.
    let _ = chain(number::with()).then(sum::after(vec![1], 1));
    // A task without an input follows by `with`.
    let _ = chain(number::with()).then(number::after());
}
