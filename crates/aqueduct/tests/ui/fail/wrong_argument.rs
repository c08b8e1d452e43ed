use aqueduct::{TaskManager, task};

#[task]
async fn add(left: i64, right: i64) -> i64 {
    left + right
}

async fn queue(manager: &TaskManager) {
    let _ = add::queue(manager, 1, "two").await;
    let _ = add::queue(manager, 1).await;
    let _ = add::queue("manager", 1, 2).await;
}

fn main() {}
