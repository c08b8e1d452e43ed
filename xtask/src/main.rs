//! Every developer command: `cargo xtask <command>`.
#![expect(clippy::print_stdout, reason = "this is a command-line tool")]

mod bench;
mod chaos;
mod ci;
mod docgen;
mod fuzz;
mod mutants;
mod redis;
mod shell;
mod simulate;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  test [filter…]     all tests, doc tests and examples
  ci                 format, tidy, lints, docs, tests, licences: what CI runs
  tidy               the rules of docs/STYLE.md that a program can check
  docgen [--check]   the generated parts of the documentation
  redis [kind]       throw-away servers until Ctrl-C: standalone, sentinel or cluster
  chaos [id…]        the fault scenarios, slow ones included, with a table of figures
  simulate [processes] [--seeds N] [--seed S] [--minutes M]  random faults, judged step by step
  chaos --list       which test shows each scenario, and each known incident of others
  fuzz [target] [--minutes M]  random input for whatever reads some, with a nightly compiler
  mutants [group…]   changes the pure parts one by one, and looks whether a test sees it
  bench cpu [what…]  worker processes beside a bare pipe: empty, rate, start, large, death, memory, io
  bench memory       the in-memory broker beside bare tokio
  bench redis [what…] the Redis broker beside its limits: drain, enqueue, backlog, idle
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test", filters @ ..] => test::run(filters),
        ["ci"] => ci::run(),
        ["tidy"] => tidy::run(),
        ["docgen"] => docgen::run(false),
        ["docgen", "--check"] => docgen::run(true),
        ["redis"] => redis::run("standalone"),
        ["redis", kind] => redis::run(kind),
        ["chaos", "--list"] => chaos::list::run(),
        ["chaos", ids @ ..] => chaos::run(ids),
        ["fuzz", words @ ..] => fuzz::run(words),
        ["mutants", words @ ..] => mutants::run(words),
        ["simulate", words @ ..] => simulate::run(words),
        ["bench", "memory"] => bench::memory(),
        ["bench", "cpu", only @ ..] => bench::cpu(only),
        ["bench", "redis", only @ ..] => bench::redis(only),
        ["help" | "--help"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(anyhow::anyhow!("unknown command\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
