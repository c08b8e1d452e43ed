//! Processes that are killed while limits, keys, workflows, waits and checkpoints hang on them: scenarios L1, K1, K4,
//! F1, F2, E11 and H1.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::time::Duration;

use aqueduct::run::Limit;
use aqueduct::{Admin, RunHandle, broker_api::BrokerHandle, chain, group};
use integration::figure::figure;
use integration::oracle::check_limits;
use integration::process::{
    ADDED, Recipe, add, order_key, serve_if_child, sum, take_steps, take_time,
};
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::server;
use integration::soon;
use integration::world::World;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

const HOUR: Duration = Duration::from_hours(1);

/// A consumer that is killed keeps its places of a limit until its runs are taken back: never more at once, none lost.
#[tokio::test]
async fn l1_the_places_of_a_killed_consumer_are_free_after_its_lease() {
    const RUNS: u64 = 30;
    let mut world = World::new(2).await;
    let admin = Admin::new(&BrokerHandle::new(world.direct.clone())).unwrap();
    let limit = Limit::concurrency("k", 4).unwrap();
    let calls = (0..RUNS).map(|number| take_time::with(number, 100).limit(limit.clone()));
    world.manager.queue_many(calls).await.unwrap();
    let victim = world.next().await.child;
    world.kill(victim);
    while world.ended.len() < usize::try_from(RUNS).unwrap() {
        world.next().await;
        check_limits(&world.server);
        let limits = admin.limits(&[]).await.unwrap();
        assert!(limits.iter().all(|it| it.running <= 4), "{limits:?}");
    }
    let most = world.most_at_once(0..RUNS);
    assert!(most <= 4, "{most} were executed at once");
    world.settled(0..RUNS).await;
    check_limits(&world.server);
    let again = world.doubled().0;
    assert!(again > 0, "nothing was taken over");
    figure(&format!(
        "{RUNS} runs, at most {most} of 4 at once, {again} began again after a death"
    ));
}

/// The run of a killed consumer keeps its unique key until it has ended elsewhere: no two at once, nothing stuck.
#[tokio::test]
async fn k1_the_key_of_the_dead_is_free_once_its_run_has_ended_elsewhere() {
    let mut world = World::new(2).await;
    let manager = world.manager.clone();
    let call = |number| take_time::with(number, 100).unique("k");
    let first = call(0).queue(&manager).await.unwrap();
    let victim = world.begins(0).await;
    world.kill(victim);
    let mut refused = 0;
    let free = async {
        loop {
            let found = call(1).queue(&manager).await.unwrap();
            if found.is_new() {
                return;
            }
            assert_eq!(found.id(), first.id());
            refused += 1;
        }
    };
    soon("the key is never free", free).await;
    world.settled(0..2).await;
    assert_eq!(world.begun, BTreeMap::from([(0, 2), (1, 1)]));
    assert_eq!(world.most_at_once(0..2), 1);
    figure(&format!(
        "{refused} calls answered with the run of the dead"
    ));
}

/// A producer dies before it hears that its run is stored; another process repeats the call with its key.
#[tokio::test]
async fn k4_the_call_of_a_dead_producer_is_known_by_its_key() {
    let mut world = World::new(1).await;
    let proxy = FaultProxy::start(world.server.port()).await;
    let enqueue = world.direct.digest_of("enqueue").unwrap();
    // From now on the server knows the script: what is lost is no refusal.
    let other = take_time::with(8, 0).idempotency_key(order_key(8));
    other.queue(&world.manager).await.unwrap();
    proxy.add(Rule::every(1, enqueue, Fault::LostReply));
    let producer = world.consumers.start_as(&Recipe::orderer(&proxy.url(), 7));
    world.begins(7).await;
    world.kill(producer);
    for _ in 0..3 {
        let again = take_time::with(7, 0).idempotency_key(order_key(7));
        let again = again.queue(&world.manager).await.unwrap();
        assert!(!again.is_new(), "it is queued twice");
    }
    world.settled(7..9).await;
    assert_eq!(world.begun, BTreeMap::from([(7, 1), (8, 1)]));
    assert!(world.heard.iter().all(|said| said.word != "queued"));
    figure("1 dead producer, 3 repetitions, 1 run");
}

/// The consumer of a run in the middle of a chain is killed: the chain goes on elsewhere, with its values.
#[tokio::test]
async fn f1_a_chain_goes_on_elsewhere_with_its_values() {
    let mut world = World::new(2).await;
    let chain = chain(add::with(0, 1, 10)).then(add::after(2, 200));
    let chain = chain.then(add::after(3, 10)).keep_result(HOUR);
    let handle = chain.queue(&world.manager).await.unwrap();
    let victim = world.begins(2).await;
    world.kill(victim);
    let value = soon("the chain ends", handle.wait().into_future()).await;
    assert_eq!(value.unwrap(), 6);
    world.settled(1..4).await;
    assert_eq!(world.begun, BTreeMap::from([(1, 1), (2, 2), (3, 1)]));
    figure("1 of 3 began again, the value is whole");
}

/// The consumers of members, and then that of what follows, are killed: it has all values, and its end counts once.
#[tokio::test]
async fn f2_what_follows_a_group_has_all_values_whoever_dies() {
    let mut world = World::new(3).await;
    let members = (0..4).map(|number| add::with(0, number, 300));
    let all = group(members).then(sum::after(4, 300)).keep_result(HOUR);
    let handle = all.queue(&world.manager).await.unwrap();
    let first = world.next().await.child;
    world.kill(first);
    let second = world.begins(4).await;
    world.kill(second);
    let value = soon("the group ends", handle.wait().into_future()).await;
    assert_eq!(value.unwrap(), 6);
    world.settled(0..5).await;
    assert_eq!(world.begun[&4], 2);
    let said = |word| world.heard.iter().filter(move |said| said.word == word);
    let begins = said("begin").find(|said| said.number == 4).unwrap().at;
    let have_ended = said("end").all(|said| said.number == 4 || said.at <= begins);
    assert!(have_ended, "it began before its members had ended");
    figure("2 consumers died, the sum of 4 is whole");
}

/// Who waits in another process is told, whatever dies: a consumer, and then the server.
#[tokio::test]
async fn e11_a_wait_in_another_process_outlives_consumers_and_the_server() {
    let server = server(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut world = World::with(server, 2).await;
    let url = world.server.url();
    world.consumers.start_as(&Recipe::waiter(&url, 1));
    let victim = world.begins(1).await;
    world.kill(victim);
    world.begins(1 + ADDED).await;
    world.server.kill().unwrap();
    world.server.revive().unwrap();
    let told = loop {
        let said = world.next().await;
        if said.word == "told" {
            break said.number;
        }
    };
    assert_eq!(told, (1..=ADDED).sum::<u64>());
    world.settled(1..2 + ADDED).await;
    figure("1 consumer and the server died, told once");
}

/// Returns how far a run is, as others see it.
async fn progress_of(run: &RunHandle<()>) -> Option<u64> {
    let found = run.find().await.unwrap();
    found.and_then(|run| run.progress).map(|it| it.done)
}

/// A run of a killed consumer goes on from its checkpoint elsewhere; what the dead reported is of no other attempt.
#[tokio::test]
async fn h1_a_run_goes_on_from_its_checkpoint_elsewhere() {
    const STEPS: u64 = 150;
    let mut world = World::new(2).await;
    let run = take_steps::with(0, STEPS).queue(&world.manager).await;
    let run = run.unwrap();
    let victim = world.begins(0).await;
    let reported = async {
        loop {
            if let Some(done) = progress_of(&run).await {
                return done;
            }
        }
    };
    let reported = soon("nothing is reported", reported).await;
    world.kill(victim);
    world.begins(0).await;
    let before: Vec<_> = world.heard.drain(..).collect();
    let kept = before.iter().filter(|said| said.word == "kept").count() as u64;
    let first = world.next().await;
    assert_eq!(first.word, "step");
    // The last one may have been kept although nobody said so.
    assert!(
        first.number == kept || first.number == kept + 1,
        "{kept} were kept, and it begins with {}",
        first.number
    );
    assert!(kept >= reported);
    while !world.ended.contains_key(&0) {
        assert_eq!(progress_of(&run).await, None, "it is of the dead");
        world.next().await;
    }
    world.settled(0..1).await;
    figure(&format!(
        "{STEPS} steps, {kept} kept by the dead, 0 of them taken again"
    ));
}
