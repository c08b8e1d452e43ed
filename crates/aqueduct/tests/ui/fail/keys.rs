use aqueduct::{State, TaskContext, task};

#[task(unique = "sync:{acount}")]
async fn misspelt(_ctx: TaskContext, account: u64) {
    let _ = account;
}

#[task(unique = "sync:{text}/{db}")]
async fn state_is_no_parameter(db: State<u8>, #[serde(rename = "text")] words: String) {
    let _ = (db, words);
}

#[task(unique = "sync:{account")]
async fn not_closed(account: u64) {
    let _ = account;
}

#[task(unique = "sync:{tenant}")]
async fn takes_nothing() {}

fn main() {}
