use aqueduct::task;

#[task]
async fn show<T: ToString>(value: T) -> String {
    value.to_string()
}

#[task]
async fn print(value: impl ToString) -> String {
    value.to_string()
}

fn main() {}
