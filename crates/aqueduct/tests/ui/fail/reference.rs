use aqueduct::task;

#[task]
async fn length(text: &str) -> usize {
    text.len()
}

fn main() {}
