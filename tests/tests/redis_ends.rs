//! Waiting for the ends of runs while messages, servers and processes are lost: scenarios E1 to E10.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{
    Broker as _, BrokerError, BrokerErrorKind, BrokerHandle, ClaimRequest, EnqueueRequest,
    LaneWant, Lease, MAX_WAITERS_OF_A_RUN, Sequence, SettleRequest, Settlement, WaitAnswer,
    WaitEndedRequest,
};
use aqueduct::manager::RunHandle;
use aqueduct::redis::RedisBroker;
use aqueduct::{
    App, Broker, Lane, Payload, QueueName, QueuedTask, RunId, RunningApp, State, TaskContext,
    TaskError, TaskManager, TaskName, Timestamp, WaitError, task, tasks,
};
use aqueduct_core::{ConsumerId, ProducerId};
use aqueduct_redis_server::RedisServer;
use integration::figure::figure;
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{broker, server};
use integration::soon;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Lets tasks go on.
#[derive(Clone, Debug)]
struct Go(Arc<Semaphore>);

impl Go {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    fn on(&self, times: usize) {
        self.0.add_permits(times);
    }

    async fn gone(&self) -> Result<(), TaskError> {
        self.0.acquire().await?.forget();
        Ok(())
    }
}

/// Returns its number once it is let go on.
#[task(keep_result = "1m", timeout = "1h")]
async fn echo(go: State<Go>, number: u64) -> Result<u64, TaskError> {
    go.gone().await?;
    Ok(number)
}

/// Fails twice, and then returns what is too long to be told whole.
#[task(keep_result = "1m", retry(max = 2, backoff = "5ms"))]
async fn fails_twice(ctx: TaskContext, go: State<Go>) -> Result<String, TaskError> {
    if ctx.run().tally.failures < 2 {
        return Err(TaskError::msg("not yet"));
    }
    go.gone().await?;
    Ok("long".repeat(10_000))
}

fn wired(broker: RedisBroker, go: &Go) -> App {
    App::new(Broker::from(BrokerHandle::new(broker)))
        .tasks(tasks![echo, fails_twice])
        .state(go.clone())
        .without_scheduler()
}

async fn consumer(server: &RedisServer, go: &Go) -> RunningApp {
    let app = wired(broker(&server.url()).await, go);
    let app = app.consumer(|it| it.lease(Duration::from_secs(2)).concurrency(64));
    app.start().await.unwrap()
}

async fn producer(url: &str, go: &Go) -> TaskManager {
    let app = wired(broker(url).await, go).without_consumer();
    app.into_task_manager().unwrap()
}

async fn value(handle: &RunHandle<u64>) -> u64 {
    soon("nobody is told", handle.wait().into_future())
        .await
        .unwrap()
}

/// Waits until so many runs are waited for.
async fn are_awaited(server: &RedisServer, runs: usize) {
    soon("nobody waits", async {
        while server.command(&["HLEN", WAITING]).unwrap() != runs.to_string() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until so many processes wait for a run.
async fn are_awaited_by(server: &RedisServer, run: RunId, processes: usize) {
    let words: [&[u8]; 3] = [b"HSTRLEN", WAITING.as_bytes(), &run.to_bytes()];
    soon("nobody waits", async {
        while server.command_bytes(&words).unwrap() != (processes * ENTRY_BYTES).to_string() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// How many bytes are noted of a process that waits for a run.
const ENTRY_BYTES: usize = 38;

const WAITING: &str = "{aqueduct}:waiting";

/// Waits for the values of runs while calls fail; each comes, and nothing is left behind.
async fn all_are_told(runs: u64, fault: impl FnOnce(&RedisBroker) -> Rule) {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let go = Go::new();
    let app = consumer(&server, &go).await;
    let disturbed = broker(&proxy.url()).await;
    proxy.add(fault(&disturbed));
    let manager = wired(disturbed, &go).without_consumer();
    let manager = manager.into_task_manager().unwrap();
    let calls = (0..runs).map(echo::with);
    let handles = app.task_manager().queue_many(calls).await.unwrap();
    let mut waits = tokio::task::JoinSet::new();
    for (number, handle) in (0..runs).zip(handles) {
        let handle = echo::handle(&manager, handle.id());
        waits.spawn(async move { assert_eq!(value(&handle).await, number) });
    }
    are_awaited(&server, usize::try_from(runs).unwrap()).await;
    for _ in 0..runs {
        go.on(1);
        waits.join_next().await.unwrap().unwrap();
    }
    figure(&format!("{runs} waits, {} faults", proxy.injected()));
    assert!(proxy.injected() > 0, "nothing was injected");
    proxy.heal();
    app.stop().await.unwrap();
    are_awaited(&server, 0).await;
}

#[tokio::test]
async fn e1_lost_replies_to_looks_lose_no_end() {
    all_are_told(100, |broker| {
        let look = broker.digest_of("wait_ended").unwrap();
        Rule::every(7, look, Fault::LostReply).at_most(20)
    })
    .await;
}

#[tokio::test]
async fn e1_looks_that_are_sent_twice_change_nothing() {
    all_are_told(100, |broker| {
        let look = broker.digest_of("wait_ended").unwrap();
        Rule::every(1, look, Fault::Twice)
    })
    .await;
}

/// What was told is taken off the list, and its message is lost.
#[tokio::test]
async fn e2_lost_messages_of_ends_are_looked_up() {
    all_are_told(100, |_| {
        Rule::every(10, "BLMPOP", Fault::LostReply).at_most(5)
    })
    .await;
}

/// Connections are cut before the ends, between them, and after: whoever waits looks for himself.
#[tokio::test]
async fn e3_cut_connections_lose_no_end() {
    const RUNS: usize = 40;
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let go = Go::new();
    let app = consumer(&server, &go).await;
    let manager = producer(&proxy.url(), &go).await;
    let calls = (0..RUNS as u64).map(echo::with);
    let handles = app.task_manager().queue_many(calls).await.unwrap();
    let mut waits = tokio::task::JoinSet::new();
    for (number, handle) in handles.into_iter().enumerate() {
        let handle = echo::handle(&manager, handle.id());
        waits.spawn(async move { assert_eq!(value(&handle).await, number as u64) });
    }
    are_awaited(&server, RUNS).await;
    for _ in 0..RUNS / 10 {
        proxy.cut_all();
        go.on(10);
        waits.join_next().await.unwrap().unwrap();
        proxy.cut_all();
    }
    while let Some(ended) = waits.join_next().await {
        ended.unwrap();
    }
    figure(&format!(
        "{RUNS} waits, {} connections",
        proxy.connections()
    ));
    app.stop().await.unwrap();
}

/// The settlement that ends a run is repeated: the wait ends once, with the final state.
#[tokio::test]
async fn e4_a_lost_reply_to_the_last_settlement_is_told_once() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let go = Go::new();
    let disturbed = broker(&proxy.url()).await;
    proxy.add(Rule::every(
        2,
        disturbed.digest_of("claim").unwrap(),
        Fault::LostReply,
    ));
    let app = wired(disturbed, &go).start().await.unwrap();
    let manager = producer(&server.url(), &go).await;
    for _ in 0..5 {
        let handle = fails_twice::queue(&manager).await.unwrap();
        go.on(1);
        let told = soon("nobody is told", handle.wait().into_future());
        assert_eq!(told.await.unwrap().len(), 40_000);
        let run = handle.find().await.unwrap().unwrap();
        assert_eq!((run.tally.attempt, run.tally.failures), (3, 2));
    }
    figure(&format!("{} faults", proxy.injected()));
    assert!(proxy.injected() > 0, "nothing was injected");
    proxy.heal();
    app.stop().await.unwrap();
}

/// Waits outlive a server that is killed and comes back, whether their runs end before or after.
#[tokio::test]
async fn e5_a_wait_outlives_the_server() {
    let mut server = server(&["--appendonly", "yes", "--appendfsync", "always"]);
    let go = Go::new();
    let app = consumer(&server, &go).await;
    let manager = producer(&server.url(), &go).await;
    let calls = (0..20).map(echo::with);
    let handles = manager.queue_many(calls).await.unwrap();
    let mut waits = tokio::task::JoinSet::new();
    for (number, handle) in handles.into_iter().enumerate() {
        waits.spawn(async move { assert_eq!(value(&handle).await, number as u64) });
    }
    are_awaited(&server, 20).await;
    server.kill().unwrap();
    go.on(10);
    server.revive().unwrap();
    let revived = Instant::now();
    go.on(10);
    while let Some(ended) = waits.join_next().await {
        ended.unwrap();
    }
    figure(&format!("told {:?} after the restart", revived.elapsed()));
    app.stop().await.unwrap();
}

/// A process that dies while it waits leaves nothing behind, and others are told.
#[tokio::test]
async fn e6_whoever_dies_while_waiting_leaves_nothing() {
    let server = server(&[]);
    let go = Go::new();
    let app = consumer(&server, &go).await;
    let handle = echo::queue(app.task_manager(), 7).await.unwrap();
    {
        let dying = producer(&server.url(), &go).await;
        let doomed = echo::handle(&dying, handle.id());
        let doomed = doomed.wait().into_future();
        tokio::select! {
            _ = doomed => panic!("it has not ended"),
            () = are_awaited(&server, 1) => {}
        }
    }
    let (seven, ()) = tokio::join!(value(&handle), async { go.on(1) });
    assert_eq!(seven, 7);
    are_awaited(&server, 0).await;
    app.stop().await.unwrap();
    for list in ended_lists(&server) {
        let lives = server.command(&["PTTL", &list]).unwrap();
        let lives: i64 = lives.parse().unwrap();
        assert!((0..=60_000).contains(&lives), "{list} lives {lives} ms");
    }
}

fn ended_lists(server: &RedisServer) -> Vec<String> {
    let keys = server.command(&["KEYS", "{aqueduct}:ended:*"]).unwrap();
    keys.split_whitespace().map(str::to_owned).collect()
}

/// Notes that processes of these numbers wait for a run, until a time.
fn note(server: &RedisServer, run: RunId, processes: std::ops::Range<usize>, until: u64) {
    let mut entries = Vec::new();
    for process in processes {
        entries.extend_from_slice(format!("{process:032x}").as_bytes());
        entries.extend_from_slice(&until.to_be_bytes()[2..]);
    }
    let words: [&[u8]; 4] = [b"HSET", WAITING.as_bytes(), &run.to_bytes(), &entries];
    server.command_bytes(&words).unwrap();
}

const IN_THE_PAST: u64 = 1;
const FAR_AWAY: u64 = 253_402_300_799_999;

/// Those that wait for one run are bounded; who is over its time makes room.
#[tokio::test]
async fn e7_the_processes_that_wait_for_a_run_are_bounded() {
    let server = server(&[]);
    let go = Go::new();
    let app = consumer(&server, &go).await;
    let handle = echo::queue(app.task_manager(), 7).await.unwrap();
    note(&server, handle.id(), 0..MAX_WAITERS_OF_A_RUN, FAR_AWAY);
    let request = WaitEndedRequest::new(handle.id(), Duration::from_mins(1));
    let refused = broker(&server.url()).await.wait_ended(&request).await;
    assert_eq!(refused.unwrap_err().kind(), BrokerErrorKind::LimitExceeded);
    let error = handle.wait().await.unwrap_err();
    assert!(matches!(error, WaitError::Broker(_)), "{error:?}");
    note(&server, handle.id(), 0..MAX_WAITERS_OF_A_RUN, IN_THE_PAST);
    let (seven, ()) = tokio::join!(value(&handle), async { go.on(1) });
    assert_eq!(seven, 7);
    app.stop().await.unwrap();
}

/// What a process is told and does not hear is bounded; then it is told only that there was more.
#[tokio::test]
async fn e8_unheard_ends_are_bounded_and_looked_up() {
    let server = server(&[]);
    let go = Go::new();
    let app = consumer(&server, &go).await;
    let manager = app.task_manager();
    // A process that does not listen: its full list becomes one empty entry.
    let handle = echo::queue(manager, 7).await.unwrap();
    let unheard = format!("{{aqueduct}}:ended:{:032x}", 1);
    let ends: Vec<&str> = ["RPUSH", &unheard]
        .into_iter()
        .chain(std::iter::repeat_n("an end", 4096))
        .collect();
    server.command(&ends).unwrap();
    note(&server, handle.id(), 1..2, FAR_AWAY);
    let direct = broker(&server.url()).await;
    let request = WaitEndedRequest::new(handle.id(), Duration::from_mins(1));
    let (answer, ()) = tokio::join!(direct.wait_ended(&request), async {
        are_awaited_by(&server, handle.id(), 2).await;
        go.on(1);
    });
    assert_eq!(ended(answer), handle.id());
    assert_eq!(
        server.command(&["LRANGE", &unheard, "0", "-1"]).unwrap(),
        ""
    );
    assert_eq!(server.command(&["LLEN", &unheard]).unwrap(), "1");
    // One that listens: it is not told of the end, only that there was more.
    let handle = echo::queue(manager, 8).await.unwrap();
    let request = WaitEndedRequest::new(handle.id(), Duration::from_mins(1));
    let (answer, ()) = tokio::join!(direct.wait_ended(&request), async {
        are_awaited(&server, 1).await;
        let noted = server.command(&["HVALS", WAITING]).unwrap();
        let list = format!("{{aqueduct}}:ended:{}", noted.get(..32).unwrap());
        server.command(&["DEL", WAITING]).unwrap();
        go.on(1);
        let has_ended = |run: Option<aqueduct::TaskRun>| run.unwrap().state.is_final();
        while !has_ended(handle.find().await.unwrap()) {
            tokio::task::yield_now().await;
        }
        server.command(&["RPUSH", &list, ""]).unwrap();
    });
    assert_eq!(ended(answer), handle.id());
    app.stop().await.unwrap();
}

fn ended(answer: Result<WaitAnswer, BrokerError>) -> RunId {
    match answer.unwrap() {
        WaitAnswer::Ended(run) => run.id,
        other => panic!("{other:?}"),
    }
}

/// How soon after the end whoever waits has the value; an end that nobody waits for is not told.
#[tokio::test]
async fn e9_a_wait_ends_with_its_run() {
    const TIMES: usize = 300;
    let server = server(&[]);
    let go = Go::new();
    let app = consumer(&server, &go).await;
    let manager = producer(&server.url(), &go).await;
    let mut took = Vec::new();
    for number in 0..TIMES as u64 {
        let handle = echo::queue(&manager, number).await.unwrap();
        let waiting = async {
            let ended = value(&handle).await;
            (ended, Instant::now())
        };
        let go_on = async {
            are_awaited(&server, 1).await;
            go.on(1);
            Instant::now()
        };
        let ((ended, told), went) = tokio::join!(waiting, go_on);
        assert_eq!(ended, number);
        took.push(told - went);
    }
    took.sort_unstable();
    let (p50, p99) = (took[TIMES / 2], took[TIMES * 99 / 100]);
    figure(&format!(
        "from the end of the task to the value: p50 {p50:?}, p99 {p99:?}"
    ));
    app.stop().await.unwrap();
    assert_eq!(ended_lists(&server), [""; 0]);
}

/// Returns how often a command was called.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).unwrap();
    let name = format!("cmdstat_{command}:calls=");
    let calls = stats.lines().find_map(|line| line.strip_prefix(&name));
    calls.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// A wait is one script: its value comes with the message.
#[tokio::test]
async fn e10_a_wait_costs_one_round_trip() {
    const TIMES: u64 = 50;
    let server = server(&[]);
    let (waiting, working) = (broker(&server.url()).await, broker(&server.url()).await);
    let consumer = ConsumerId::generate();
    let mut sequence = Sequence::default();
    let mut costs = Vec::new();
    for times in [1, TIMES] {
        let before = calls(&server, "evalsha");
        for number in 0..times {
            let id = RunId::generate(Timestamp::from_millis(number));
            let mut task = QueuedTask::new(id, TaskName::from_static("a"), Payload::empty());
            task.options_mut().keep_result = Some(Duration::from_mins(1));
            let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, vec![task]);
            working.enqueue(&request).await.unwrap();
            let wait = WaitEndedRequest::new(id, Duration::from_mins(1));
            let (answer, ()) = tokio::join!(waiting.wait_ended(&wait), async {
                are_awaited(&server, 1).await;
                sequence = sequence.next();
                let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), 1);
                let request = ClaimRequest::new(consumer, sequence, Duration::from_mins(1));
                let claimed = working.claim(&request.want(want)).await.unwrap();
                let settle = |lease: Lease| lease.settle(Settlement::Succeed { result: None });
                let items = claimed.leases.into_iter().map(settle).collect();
                sequence = sequence.next();
                let request = SettleRequest::new(consumer, sequence, items);
                working.settle(&request).await.unwrap();
            });
            assert_eq!(ended(answer), id);
        }
        costs.push(calls(&server, "evalsha") - before);
    }
    figure(&format!(
        "{} scripts for {TIMES} runs that were waited for",
        costs[1]
    ));
    let (enqueue, claim, settle, wait) = (1, 1, 1, 1);
    assert_eq!(costs[1], TIMES * (enqueue + claim + settle + wait));
}
