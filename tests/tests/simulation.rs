//! Many seeds of the simulation, and proof that it sees what is wrong.

use integration::simulation::{Defect, Simulation, Weakness, engine};

/// How many seeds of a sound broker and sound consumers are taken.
const SEEDS: u64 = 300;

/// How many seeds of whole processes are taken.
const ENGINE_SEEDS: u64 = 60;

/// How many seeds what is wrong may need to be seen.
const PATIENCE: u64 = 3000;

/// Returns the first seed that shows something wrong, and what.
fn first_failure(simulation: &Simulation, seeds: u64) -> Option<(u64, String)> {
    (0..seeds).find_map(|seed| {
        let plan = simulation.draw(seed);
        let wrong = simulation.take(seed, &plan).err()?;
        Some((seed, wrong))
    })
}

#[test]
fn whatever_happens_nothing_is_lost_and_nothing_counts_twice() {
    let simulation = Simulation::default();
    for seed in 0..SEEDS {
        if let Err(failure) = simulation.run(seed) {
            panic!("{failure}");
        }
    }
}

/// Seeds that have shown something once: a rate that was used up by a clock set back; an answer that came after its lease
/// was over, and another had renewed it; a task that went on past its lease, as its consumer was stopping; a run that
/// came due before the clock was set back.
#[test]
fn what_was_wrong_once_stays_right() {
    let simulation = Simulation::default();
    for seed in [2_992_652_728, 289_195_218] {
        if let Err(failure) = simulation.run(seed) {
            panic!("{failure}");
        }
    }
    for seed in [2_643_804_137, 3_984_755_718] {
        if let Err(failure) = engine::run(seed) {
            panic!("{failure}");
        }
    }
}

#[test]
fn what_a_broker_does_wrong_is_seen() {
    for defect in Defect::ALL {
        let simulation = Simulation::default().with_defect(*defect);
        let seen = first_failure(&simulation, PATIENCE);
        let Some((seed, wrong)) = seen else {
            panic!("{defect:?} is not seen in {PATIENCE} seeds");
        };
        println!("{defect:?}, seed {seed}: {}", first_line(&wrong));
    }
}

#[test]
fn what_a_consumer_does_wrong_is_seen() {
    for weakness in Weakness::ALL {
        let simulation = Simulation::default().with_weakness(*weakness);
        let seen = first_failure(&simulation, PATIENCE);
        let Some((seed, wrong)) = seen else {
            panic!("{weakness:?} is not seen in {PATIENCE} seeds");
        };
        println!("{weakness:?}, seed {seed}: {}", first_line(&wrong));
    }
}

#[test]
fn a_plan_that_fails_is_made_small() {
    let simulation = Simulation::default().with_defect(Defect::FiresTwice);
    let failure = (0..PATIENCE).find_map(|seed| simulation.run(seed).err());
    let failure = failure.expect("it is seen");
    assert!(failure.plan.len() <= 8, "{failure}");
    let again = simulation.take(failure.seed, &failure.plan);
    assert_eq!(
        again,
        Err(failure.wrong.clone()),
        "the same plan, the same end"
    );
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The consumers, schedulers and producers that users run, in virtual time.
#[test]
fn processes_lose_nothing_and_run_nothing_twice_at_a_time() {
    for seed in 0..ENGINE_SEEDS {
        if let Err(failure) = engine::run(seed) {
            panic!("{failure}");
        }
    }
}
