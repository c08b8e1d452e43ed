//! Turns between keys, as a user writes them, on both brokers: attribute, call, by name, schedule.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use aqueduct::admin::Finding;
use aqueduct::broker_api::BrokerHandle;
use aqueduct::run::Fair;
use aqueduct::{Admin, App, Broker, State, TaskManager, params, task, tasks};
use aqueduct_redis_server::RedisServer;
use integration::{oracle, soon, store};

/// The tenants whose runs have started, in order.
type Started = Arc<Mutex<Vec<u64>>>;

#[task(fair = "tenant:{tenant}")]
async fn export(started: State<Started>, tenant: u64) {
    started.lock().unwrap().push(tenant);
}

#[task(fair(key = "tenant:{tenant}", weight = 2), max_concurrency = 1)]
async fn import(started: State<Started>, tenant: u64) {
    started.lock().unwrap().push(tenant);
}

#[task(schedule = every("1ms"), fair = "ticks")]
async fn ticks(started: State<Started>) {
    started.lock().unwrap().push(0);
}

#[task]
async fn unkeyed() {}

struct World {
    handle: BrokerHandle,
    server: Option<RedisServer>,
    started: Started,
}

impl World {
    async fn both() -> [Self; 2] {
        store::both().await.map(|(handle, server)| Self {
            handle,
            server,
            started: Started::default(),
        })
    }

    fn manager(&self) -> TaskManager {
        let app = App::new(Broker::from(self.handle.clone()))
            .tasks(tasks![export, import, ticks, unkeyed]);
        let app = app.state(Started::clone(&self.started));
        app.into_task_manager().unwrap()
    }

    /// Runs everything, one after the other, on a consumer that begins now.
    async fn run_all(&self, number: usize) -> Vec<u64> {
        let app = App::new(Broker::from(self.handle.clone())).tasks(tasks![export, import]);
        let app = app
            .state(Started::clone(&self.started))
            .consumer(|it| it.concurrency(1));
        let app = app.start().await.unwrap();
        self.until(number).await;
        app.stop().await.unwrap();
        if let Some(server) = &self.server {
            oracle::at_rest(server).await;
        }
        self.started.lock().unwrap().clone()
    }

    async fn until(&self, number: usize) {
        let waits = async {
            while self.started.lock().unwrap().len() < number {
                tokio::task::yield_now().await;
            }
        };
        soon("they start", waits).await;
    }
}

/// A tenant with a backlog holds up no other, whether a run is queued by call or by name; a call can weigh more.
#[tokio::test]
async fn tenants_take_turns() {
    for world in World::both().await {
        let manager = world.manager();
        for _ in 0..6 {
            export::queue(&manager, 1).await.unwrap();
        }
        for _ in 0..4 {
            export::queue(&manager, 2).fair_weight(2).await.unwrap();
        }
        let named = manager.queue("export", params! { tenant: 9 });
        named.fair(Fair::key("tenant:3").unwrap()).await.unwrap();
        assert_eq!(world.run_all(11).await, [1, 2, 2, 9, 1, 2, 2, 1, 1, 1, 1]);
    }
}

/// Keys take turns at a limit of their task, with their weights.
#[tokio::test]
async fn tenants_take_turns_at_a_limit() {
    for world in World::both().await {
        let manager = world.manager();
        let tenants = [1, 1, 1, 1, 1, 2, 2, 2];
        for tenant in tenants {
            import::queue(&manager, tenant).await.unwrap();
        }
        let mut started = world.run_all(tenants.len()).await;
        assert!(started[..4].contains(&2), "{started:?}");
        started.sort_unstable();
        assert_eq!(started, tenants);
    }
}

/// A weight without a key contradicts itself, and what is over its bound is refused.
#[tokio::test]
async fn a_weight_needs_a_key() {
    let [world, _] = World::both().await;
    let manager = world.manager();
    let call = ticks::with().fair_weight(2).queue(&manager).await;
    assert!(call.is_ok(), "its task has a key");
    let unkeyed = unkeyed::queue(&manager).fair_weight(2).await;
    let error = unkeyed.unwrap_err().to_string();
    assert!(error.contains("without a fair key"), "{error}");
    let error = export::queue(&manager, 1).fair_weight(0).await.unwrap_err();
    assert!(error.to_string().contains("from 1 to 1000"), "{error}");
}

/// What a schedule queues takes turns, and a run that waits says by which key.
#[tokio::test]
async fn a_run_explains_its_turns() {
    for world in World::both().await {
        let app = App::new(Broker::from(world.handle.clone())).tasks(tasks![ticks]);
        let app = app.state(Started::clone(&world.started));
        let app = app.start().await.unwrap();
        world.until(3).await;
        app.stop().await.unwrap();
        let manager = world.manager();
        let run = export::queue(&manager, 7).fair_weight(3).await.unwrap();
        let explanation = Admin::new(&world.handle).unwrap().explain(run.id()).await;
        let explanation = explanation.unwrap();
        assert_eq!(explanation.findings[0], Finding::NoConsumer);
        let found = explanation.run.unwrap();
        let fair = found.fair().unwrap();
        assert_eq!((fair.key.as_str(), fair.weight.get()), ("tenant:7", 3));
    }
}
