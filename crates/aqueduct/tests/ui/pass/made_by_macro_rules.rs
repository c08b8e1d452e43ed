//! Tasks that a macro of the user makes.

use aqueduct::{TaskContext, task, tasks};

macro_rules! make {
    ($name:ident, $param:ident: $type:ty) => {
        #[task]
        async fn $name(_ctx: TaskContext, $param: $type) -> $type {
            $param
        }
    };
}

make!(same_number, number: u64);
make!(same_text, text: String);

fn main() {
    let _ = tasks![same_number, same_text];
}
