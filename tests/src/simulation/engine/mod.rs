//! The simulation of what users run: consumers, schedulers and producers, in virtual time, on one thread.
//!
//! The laws are those of the [`simulation`](super): they judge the same broker. Besides, no run has two attempts
//! under way at a time, unless a clock jumped or everything stood still.

mod process;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin, PauseScope};
use aqueduct::run::Reason;
use aqueduct::testing::{TestKit, run_seeded};
use aqueduct::{QueueName, RunId};
use aqueduct_broker_conformance::shrink;
use fastrand::Rng;

pub use process::Fault;
use process::Process;
use stage::Stage;

/// Something that somebody does, or that happens.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Act {
    /// A process queues so many runs; what they do follows from a number.
    Queue(usize, u32, u64),
    /// So many milliseconds pass.
    Pass(u64),
    /// A process dies, and another is started in its place.
    Crash(usize),
    /// A process is stopped, and another is started in its place.
    Stop(usize),
    /// The network of a process does something wrong from now on, or no more.
    Network(usize, Fault),
    /// The clock of every process and of the broker is set by so many milliseconds.
    Jump(i64),
    /// Everything stands still for so many milliseconds.
    Suspend(u64),
    /// Somebody asks for the end of a run.
    Cancel(usize),
    /// Somebody queues an ended run anew.
    Requeue(usize),
    /// Somebody pauses the queue, or resumes it.
    Pause(bool),
    /// A process waits for the end of a run.
    Wait(usize, usize),
}

impl Act {
    fn draw(dice: &mut Rng) -> Self {
        let place = dice.usize(..PROCESSES);
        match dice.u32(..100) {
            0..25 => Self::Queue(place, dice.u32(1..4), dice.u64(..)),
            25..65 => Self::Pass(dice.u64(..1500)),
            65..68 => Self::Crash(place),
            68..71 => Self::Stop(place),
            71..83 => Self::Network(place, Fault::draw(dice)),
            83..85 => Self::Jump(dice.i64(-4000..4000)),
            85..87 => Self::Suspend(dice.u64(..5000)),
            87..93 => Self::Cancel(dice.usize(..1000)),
            93..95 => Self::Requeue(dice.usize(..1000)),
            95..98 => Self::Wait(place, dice.usize(..1000)),
            _ => Self::Pause(dice.u32(..3) == 0),
        }
    }
}

/// How many processes there are at a time.
const PROCESSES: usize = 3;

/// How many acts a plan has.
const ACTS: usize = 60;

/// How long it may take until everything has ended after everything has healed.
const PATIENCE: Duration = Duration::from_mins(10);

/// A plan that shows something wrong, as small as it can be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The acts.
    pub plan: Vec<Act>,
    /// What is wrong.
    pub wrong: String,
}

/// Draws and takes the plan of a seed; makes one that fails as small as it can be.
///
/// # Errors
///
/// Returns the plan and what is wrong.
pub fn run(seed: u64) -> Result<(), Box<Failure>> {
    let mut dice = Rng::with_seed(seed);
    let plan: Vec<Act> = (0..ACTS).map(|_| Act::draw(&mut dice)).collect();
    let Err(wrong) = take(seed, &plan) else {
        return Ok(());
    };
    let fails = async |plan: &[Act]| take(seed, plan).err();
    let (plan, wrong) = super::at_once(shrink(plan, wrong, fails));
    Err(Box::new(Failure { seed, plan, wrong }))
}

/// Takes the acts of a plan; returns what is wrong.
///
/// # Errors
///
/// Returns the first thing that is wrong.
pub fn take(seed: u64, plan: &[Act]) -> Result<(), String> {
    run_seeded(seed, async |kit| {
        let mut world = World::start(kit).await;
        for act in plan {
            world.take(*act).await;
            world.stage.verdict()?;
        }
        world.heal().await
    })
}

/// The processes, and what they share.
struct World {
    kit: TestKit,
    stage: Arc<Stage>,
    processes: Vec<Process>,
}

impl World {
    async fn start(kit: TestKit) -> Self {
        let stage = Arc::new(Stage::new(kit.clock()));
        let mut processes = Vec::new();
        for _ in 0..PROCESSES {
            processes.push(Process::start(&stage).await);
        }
        Self {
            kit,
            stage,
            processes,
        }
    }

    async fn take(&mut self, act: Act) {
        match act {
            Act::Queue(place, count, script) => self.processes[place].queue(count, script),
            Act::Pass(millis) => self.kit.advance(Duration::from_millis(millis)).await,
            Act::Crash(place) => {
                let fresh = Process::start(&self.stage).await;
                std::mem::replace(&mut self.processes[place], fresh).crash();
            }
            Act::Stop(place) => {
                let fresh = Process::start(&self.stage).await;
                std::mem::replace(&mut self.processes[place], fresh)
                    .stop()
                    .await;
            }
            Act::Network(place, fault) => self.processes[place].set_fault(fault),
            Act::Jump(millis) => {
                let by = Duration::from_millis(millis.unsigned_abs());
                let now = self.kit.now();
                self.stage.note_jump();
                self.kit.set_time(if millis < 0 {
                    now.saturating_sub(by)
                } else {
                    now.saturating_add(by)
                });
            }
            Act::Suspend(millis) => {
                let time = Duration::from_millis(millis);
                self.stage.note_standstill(time);
                self.kit.suspend(time).await;
            }
            Act::Cancel(pick) => {
                let run = self.pick(pick);
                let cancelled = self.stage.broker.cancel(&run, Reason::new("enough"));
                cancelled.await.expect("an answer");
            }
            Act::Requeue(pick) => {
                let run = self.pick(pick);
                self.stage.broker.requeue(&run).await.expect("an answer");
            }
            Act::Pause(paused) => self.pause(paused).await,
            Act::Wait(place, pick) => {
                for run in self.pick(pick) {
                    self.processes[place].wait(run);
                }
            }
        }
    }

    async fn pause(&self, paused: bool) {
        let scope = PauseScope::Queue(QueueName::DEFAULT);
        let paused = self.stage.broker.set_paused(&scope, paused);
        paused.await.expect("an answer");
    }

    fn pick(&self, pick: usize) -> Vec<RunId> {
        let runs = self.stage.runs();
        runs.get(pick % runs.len().max(1))
            .copied()
            .into_iter()
            .collect()
    }

    /// Lets everything heal, and every run come to its end.
    async fn heal(&mut self) -> Result<(), String> {
        for process in &self.processes {
            process.set_fault(Fault::None);
        }
        self.pause(false).await;
        let began = tokio::time::Instant::now();
        self.stage.stop_schedules().await;
        while self.stage.unfinished() > 0 && began.elapsed() < PATIENCE {
            self.kit.advance(Duration::from_millis(500)).await;
            self.stage.verdict()?;
        }
        self.stage.broker.court().rest()?;
        for process in self.processes.drain(..) {
            process.stop().await;
        }
        self.stage.verdict()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, plan, wrong } = self;
        writeln!(f, "seed {seed}: {} acts show it", plan.len())?;
        plan.iter().try_for_each(|act| writeln!(f, "  {act:?}"))?;
        write!(f, "{wrong}")
    }
}
