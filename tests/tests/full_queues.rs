//! Queues with a length limit, and producers that wait for room: on both brokers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::cpu::CpuSettings;
use aqueduct::manager::QueueErrorKind;
use aqueduct::{
    App, Broker, QueueName, RunningApp, TaskContext, TaskError, TaskManager, cpu_task, task, tasks,
};
use aqueduct_redis_server::RedisServer;
use integration::redis::server;
use integration::soon;

#[task(queue = "narrow", keep_result = "1m")]
async fn passes(number: u64) -> u64 {
    number
}

/// Queues more than there is room for.
#[cpu_task(keep_result = "1m")]
fn floods(ctx: &TaskContext) -> Result<u64, TaskError> {
    let patient = ctx.task_manager().waiting_for_room(Duration::from_mins(5));
    for number in 0..4 {
        passes::queue(&patient, number).blocking()?;
    }
    Ok(4)
}

const NARROW: QueueName = QueueName::from_static("narrow");
const LIMIT: &str = "max_queue_length.narrow=1";

struct World {
    broker: Broker,
    manager: TaskManager,
    _server: Option<RedisServer>,
}

impl World {
    async fn both() -> [Self; 2] {
        let server = server(&[]);
        let url = format!("{}?{LIMIT}", server.url());
        [
            Self::on(&format!("memory://?{LIMIT}"), None).await,
            Self::on(&url, Some(server)).await,
        ]
    }

    async fn on(url: &str, server: Option<RedisServer>) -> Self {
        let broker = Broker::from_url(url).await.unwrap();
        let app = App::new(broker.clone()).tasks(tasks![passes, floods]);
        let manager = app
            .without_consumer()
            .without_scheduler()
            .into_task_manager();
        Self {
            broker,
            manager: manager.unwrap(),
            _server: server,
        }
    }

    async fn consumer(&self) -> RunningApp {
        let app = App::new(self.broker.clone()).tasks(tasks![passes, floods]);
        let app = app.without_scheduler().consumer(|it| {
            it.queues([QueueName::DEFAULT, NARROW])
                .cpu(CpuSettings::threads())
        });
        app.start().await.unwrap()
    }
}

#[tokio::test]
async fn a_producer_waits_until_there_is_room() {
    for world in World::both().await {
        passes::queue(&world.manager, 1).await.unwrap();
        let lengths = world
            .broker
            .admin()
            .unwrap()
            .lengths(&[NARROW])
            .await
            .unwrap();
        assert_eq!((lengths[0].limit, lengths[0].is_full()), (Some(1), true));
        let patient = world.manager.waiting_for_room(Duration::from_mins(5));
        let second = async {
            passes::queue(&patient, 2)
                .await
                .unwrap()
                .wait()
                .await
                .unwrap()
        };
        let third = async {
            let calls = (3..6).map(passes::with);
            let handles = patient.queue_many(calls).await.unwrap();
            let mut values = Vec::new();
            for handle in handles {
                values.push(handle.wait().await.unwrap());
            }
            values
        };
        let (app, value, values) = soon("there is room", async {
            tokio::join!(world.consumer(), second, third)
        })
        .await;
        assert_eq!((value, values), (2, vec![3, 4, 5]));
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn patience_has_an_end() {
    for world in World::both().await {
        passes::queue(&world.manager, 1).await.unwrap();
        let patient = world.manager.waiting_for_room(Duration::from_millis(30));
        for manager in [&world.manager, &patient] {
            let error = passes::queue(manager, 2).await.unwrap_err();
            assert_eq!(error.kind(), QueueErrorKind::QueueFull);
            let text = error.to_string();
            assert!(
                text.contains("the queue `narrow` (max_queue_length=1) is full"),
                "{text}"
            );
        }
        let lengths = world
            .broker
            .admin()
            .unwrap()
            .lengths(&[NARROW])
            .await
            .unwrap();
        assert_eq!(lengths[0].unfinished(), 1);
    }
}

#[tokio::test]
async fn a_cpu_task_waits_through_its_consumer() {
    for world in World::both().await {
        let app = world.consumer().await;
        let run = floods::queue(&world.manager).await.unwrap();
        assert_eq!(run.wait().await.unwrap(), 4);
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn an_option_that_is_not_known_is_named() {
    let error = Broker::from_url("memory://?max_queue_lenght=5")
        .await
        .unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.contains("`max_queue_lenght` is not known"),
        "{source}"
    );
    assert!(
        Broker::from_url("memory://?max_queue_length=0")
            .await
            .is_err()
    );
}
