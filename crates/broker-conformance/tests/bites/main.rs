//! The suite bites: a broker that breaks a promise fails the cases that check it, with a message.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod broken;
mod defect;
mod following;
mod keyed;
mod later;
mod running;
mod steered;
mod table;
mod waiting;

use std::any::Any;
use std::collections::BTreeSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use aqueduct_broker_conformance::{Bench, Fixture, Harness, START, cases, for_each_case};
use aqueduct_core::clock::ManualClock;

use crate::broken::BrokenBroker;
use crate::defect::Defect;
use crate::keyed::KEYED;
use crate::later::LATER_BITES;
use crate::table::BITES;

/// Makes brokers with a defect, or without one.
#[derive(Clone, Copy, Debug)]
struct With(Option<Defect>);

impl Harness for With {
    async fn fixture(&self) -> Fixture {
        let clock = ManualClock::new(START);
        Fixture::new(BrokenBroker::new(clock.clock(), self.0), clock)
    }
}

type Case = fn(Bench) -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! all_cases {
    ({} $($module:ident { $($case:ident: $needs:literal),* $(,)? })*) => {
        /// Every case of the suite, by name.
        fn all_cases() -> Vec<(&'static str, Case)> {
            vec![$($((
                concat!(stringify!($module), "::", stringify!($case)),
                (|bench| Box::pin(cases::$module::$case(bench))) as Case,
            )),*),*]
        }
    };
}

for_each_case!(all_cases, {});

/// The one case whose outcome depends on a seed; it has a test of its own.
const RANDOM: &str = "random::the_model_agrees";

/// No case has anything to wait for as long as this, and what is said of one that does.
const FOR_EVER: Duration = Duration::from_hours(24);
const HANGS: &str = "the case hangs";

/// Runs to its end on a clock that only jumps: a wait that nothing ends costs no time.
fn outcome(work: impl Future<Output = ()>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let work = async { tokio::time::timeout(FOR_EVER, work).await.expect(HANGS) };
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
    ended.map_err(|panic| message(panic.as_ref()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default()
        .to_owned()
}

fn run(case: Case, defect: Option<Defect>) -> Result<(), String> {
    outcome(async move { case(Bench::of(With(defect)).await).await })
}

#[test]
fn an_unbroken_broker_passes() {
    for (name, case) in all_cases() {
        assert_eq!(run(case, None), Ok(()), "{name}");
    }
}

#[test]
fn a_broken_broker_fails_the_cases_of_its_promise() {
    let all = all_cases();
    let mut missed = Vec::new();
    for (defect, expected) in BITES.iter().chain(KEYED).chain(LATER_BITES) {
        for name in *expected {
            let case = all.iter().find(|(known, _)| known == name);
            let (_, case) = case.unwrap_or_else(|| panic!("there is no case {name}"));
            match run(*case, Some(*defect)) {
                Ok(()) => missed.push(format!("{name} passes with {defect:?}")),
                Err(message) if message.is_empty() || message.starts_with(HANGS) => {
                    missed.push(format!("{name} with {defect:?} says only {message:?}"));
                }
                Err(_) => {}
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_case_has_something_to_bite() {
    let bitten: BTreeSet<&str> = BITES
        .iter()
        .chain(KEYED)
        .chain(LATER_BITES)
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    let all = all_cases().into_iter().map(|(name, _)| name);
    let toothless: Vec<&str> = all
        .filter(|name| *name != RANDOM && !bitten.contains(name))
        .collect();
    assert!(
        toothless.is_empty(),
        "nothing shows that these can fail: {toothless:#?}"
    );
}

#[test]
fn a_capability_that_is_denied_must_be_declared() {
    let declared = |without: &'static [&'static str]| {
        outcome(async move {
            cases::declared_capabilities_are_true(With(Some(Defect::CapabilityDenied)), without)
                .await;
        })
    };
    assert!(declared(&[]).is_err());
    assert_eq!(declared(&["unique"]), Ok(()));
    assert!(declared(&["unique", "soap"]).is_err());
}

/// The most steps, of several hundred, that a shrunk plan may have left.
const READABLE: usize = 12;

/// Whatever the seed is, a broker that is this wrong is found out, and by a plan that can be read.
#[test]
fn a_difference_from_the_model_is_shown_with_a_small_plan() {
    let all = all_cases();
    let (_, case) = all.iter().find(|(name, _)| *name == RANDOM).unwrap();
    let defects = [
        Defect::EnqueueStoresNothing,
        Defect::ReleaseGoesToTheTail,
        Defect::RetryEndsTheRun,
    ];
    for defect in defects {
        let message = run(*case, Some(defect)).expect_err("the difference is found");
        assert!(message.contains("AQUEDUCT_SEED="), "{message}");
        let steps = message.lines().filter(|line| line.starts_with("  "));
        let steps = steps.filter(|line| !line.starts_with("  the ")).count();
        assert!(
            steps <= READABLE,
            "{defect:?} takes {steps} steps to show:\n{message}"
        );
    }
}
