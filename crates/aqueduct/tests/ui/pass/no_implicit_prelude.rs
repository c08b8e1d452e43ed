//! A module without the prelude.
#![no_implicit_prelude]

mod tasks {
    #[::aqueduct::task(retry(max = 2, backoff = "1s"), schedule = every("1m"))]
    pub(crate) async fn tick(_ctx: ::aqueduct::TaskContext) -> ::std::string::String {
        ::std::string::String::new()
    }
}

fn main() {
    let _ = ::aqueduct::tasks![tasks::tick];
}
