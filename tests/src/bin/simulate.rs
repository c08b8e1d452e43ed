//! Many seeds of the simulation: `cargo xtask simulate`. Ends at the first that shows something wrong.
#![expect(clippy::print_stdout, reason = "this is a command-line tool")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use integration::simulation::Simulation;

/// What is asked for.
struct Asked {
    first: u64,
    seeds: u64,
    time: Duration,
}

const USAGE: &str = "simulate [--seed FIRST] [--seeds COUNT] [--minutes TIME]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(asked) = Asked::read(&words) else {
        println!("{USAGE}");
        return ExitCode::FAILURE;
    };
    if simulate(&asked) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Asked {
    /// Reads what is asked for; by default, a thousand seeds from a new one on.
    fn read(words: &[String]) -> Option<Self> {
        let mut asked = Self {
            first: u64::from(fastrand::u32(..)),
            seeds: 1000,
            time: Duration::MAX,
        };
        for pair in words.chunks(2) {
            let [name, value] = pair else { return None };
            match name.as_str() {
                "--seed" => (asked.first, asked.seeds) = (value.parse().ok()?, 1),
                "--seeds" => asked.seeds = value.parse().ok()?,
                "--minutes" => {
                    asked.seeds = u64::MAX;
                    asked.time = Duration::from_mins(1).checked_mul(value.parse().ok()?)?;
                }
                _ => return None,
            }
        }
        Some(asked)
    }
}

/// Takes the seeds; returns whether nothing is wrong.
#[expect(
    clippy::disallowed_methods,
    reason = "a developer wants to know how fast it is"
)]
fn simulate(asked: &Asked) -> bool {
    let simulation = Simulation::default();
    let (began, mut taken) = (Instant::now(), 0);
    println!("from seed {} on", asked.first);
    while taken < asked.seeds && began.elapsed() < asked.time {
        let seed = asked.first.wrapping_add(taken);
        if let Err(failure) = simulation.run(seed) {
            println!("{failure}\nto see it again: cargo xtask simulate --seed {seed}");
            return false;
        }
        taken += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{taken} seeds in {seconds:.1} s, nothing is wrong");
    true
}
