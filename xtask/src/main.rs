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
  chaos --soak [min] random faults for ten minutes, or so many
  chaos --list       which test shows each scenario, and each known incident of others
  simulate [processes] [--seeds N] [--seed S] [--minutes M]  random faults, judged step by step
  fuzz [target] [--seconds N]  random input for whatever reads some, steered by what code it reaches
  mutants [group…]   changes the pure parts one by one, and looks whether a test sees it
  bench              every measurement, and docs/BENCHMARKS.md from it; --quick: a minute; --resume; --docs
  bench memory       the in-memory broker beside bare tokio
  bench latency      how soon idle applications begin and tell: memory, redis
  bench redis [what…] the Redis broker beside bare commands: drain, enqueue, backlog, idle, unique, limited
  bench cpu [what…]  worker processes beside a bare pipe: empty, rate, start, large, death, memory, io
  bench scale [what…] what grows: depth, consumers, tasks, concurrency, payload, namespaces
  bench costs        allocations and instructions a run
  bench peers        queues of others, on the same server in the same run
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
        ["chaos", "--soak"] => chaos::soak::run(10),
        ["chaos", "--soak", minutes] => match minutes.parse() {
            Ok(minutes) => chaos::soak::run(minutes),
            Err(_) => Err(anyhow::anyhow!("{minutes} is no number of minutes")),
        },
        ["chaos", ids @ ..] => chaos::run(ids),
        ["bench", words @ ..] => bench::run(words),
        ["fuzz", words @ ..] => fuzz::run(words),
        ["mutants", words @ ..] => mutants::run(words),
        ["simulate", words @ ..] => simulate::run(words),
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
