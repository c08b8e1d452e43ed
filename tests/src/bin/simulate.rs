//! Many seeds of the simulation: `cargo xtask simulate`. Ends at the first that shows something wrong.
#![expect(clippy::print_stdout, reason = "this is a command-line tool")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use integration::simulation::{Simulation, engine};

/// What is asked for.
struct Asked {
    first: u64,
    seeds: u64,
    time: Duration,
    /// Whether the processes that users run are simulated, in place of little clients.
    processes: bool,
}

const USAGE: &str = "simulate [processes] [--seed FIRST] [--seeds COUNT] [--minutes TIME]";

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
    /// Reads what is asked for; by default, a thousand seeds from a new one on, or the one that is named.
    fn read(words: &[String]) -> Option<Self> {
        let processes = words.first().is_some_and(|word| word == "processes");
        let (mut first, mut seeds, mut minutes) = (None, None, None);
        for pair in words.get(usize::from(processes)..)?.chunks(2) {
            let [name, value] = pair else { return None };
            let number: u64 = value.parse().ok()?;
            let before = match name.as_str() {
                "--seed" => first.replace(number),
                "--seeds" if number > 0 => seeds.replace(number),
                "--minutes" if number > 0 => minutes.replace(number),
                _ => return None,
            };
            if before.is_some() {
                return None;
            }
        }
        let otherwise = match (minutes, first) {
            (Some(_), _) => u64::MAX,
            (None, Some(_)) => 1,
            (None, None) => 1000,
        };
        let minutes = minutes.map(|it| Duration::from_secs(it.saturating_mul(60)));
        Some(Self {
            first: first.unwrap_or_else(|| u64::from(fastrand::u32(..))),
            seeds: seeds.unwrap_or(otherwise),
            time: minutes.unwrap_or(Duration::MAX),
            processes,
        })
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
        let wrong = if asked.processes {
            engine::run(seed).err().map(|it| it.to_string())
        } else {
            simulation.run(seed).err().map(|it| it.to_string())
        };
        if let Some(wrong) = wrong {
            let what = if asked.processes { "processes " } else { "" };
            println!("{wrong}\nto see it again: cargo xtask simulate {what}--seed {seed}");
            return false;
        }
        taken += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{taken} seeds in {seconds:.1} s, nothing is wrong");
    true
}
