//! Payloads that are too large, and names that are none: scenarios P3 and P15.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::wire::MAX_ENVELOPE_BYTES;
use aqueduct::broker_api::{BrokerAdmin, PauseScope, ScheduleStore};
use aqueduct::manager::QueueErrorKind;
use aqueduct::payload::{MAX_PAYLOAD_BYTES, Payload};
use aqueduct::redis::RedisConfig;
use aqueduct::run::Unique;
use aqueduct::{App, Broker, QueueName, ScheduleName, TaskName, task, tasks};
use aqueduct_core::queue::Due;
use aqueduct_redis_server::RedisServer;
use integration::contract::{Client, enqueue_one, reclaim, run, succeed};
use integration::figure::figure;
use integration::oracle::at_rest;
use integration::redis::{Ledger, app, broker, producer, queue_notes, server};

const READY: &[u8] = b"{aqueduct}:ready:io:medium:default";

/// Far more than a run may have.
const HUGE: usize = 64 * 1024 * 1024;

#[task]
async fn swallow(data: String) {
    let _ = data;
}

/// Parameters over the limit are refused where they are queued, and are not sent.
#[tokio::test]
async fn p3_too_large_parameters_are_refused() {
    let server = server(&[]);
    let app = App::new(Broker::from_url(&server.url()).await.unwrap()).tasks(tasks![swallow]);
    let app = app.without_consumer().without_scheduler();
    let manager = app.into_task_manager().unwrap();
    let longest = MAX_PAYLOAD_BYTES - 64;
    let handle = swallow::queue(&manager, "x".repeat(longest)).await;
    assert!(handle.is_ok(), "{handle:?}");
    for length in [MAX_PAYLOAD_BYTES + 1, HUGE] {
        let error = swallow::queue(&manager, "x".repeat(length)).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), QueueErrorKind::LimitExceeded, "{error:?}");
        assert!(!error.is_retryable());
    }
    let direct = broker(&server.url()).await;
    assert_eq!(direct.purge(&QueueName::DEFAULT).await.unwrap(), 1);
    at_rest(&server).await;
    figure("1 of 3 accepted, 2 refused");
}

/// The bytes of a run of `note`, as long as is wanted.
fn oversized(length: usize, id: u8) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0x14, 0];
    bytes.extend([id; 16]);
    bytes.extend([0; 20]);
    bytes.extend(b"\x04note");
    bytes.resize(length, 0xc0);
    bytes
}

/// Huge runs that somebody put there by hand are set aside without being sent to a consumer.
#[tokio::test]
async fn p3_a_huge_run_is_set_aside_in_the_server() {
    let server = server(&["--client-query-buffer-limit", "1gb"]);
    let producer = producer(broker(&server.url()).await).await;
    let sizes = [MAX_ENVELOPE_BYTES + 1, HUGE];
    for (number, size) in (0_u8..).zip(sizes) {
        let bytes = oversized(size, number + 1);
        server.command_bytes(&[b"RPUSH", READY, &bytes]).unwrap();
        queue_notes(&producer, [u64::from(number)]).await;
    }
    // One in a consumer's hands, whose consumer dies; one that is due.
    hold_by_hand(&server, HUGE);
    delay_by_hand(&server, HUGE);
    let sent = sent_by(&server);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    ledger.all_of(0..2).await;
    let aside = async {
        while server.command(&["LLEN", "{aqueduct}:unreadable"]).unwrap() != "4" {
            tokio::task::yield_now().await;
        }
    };
    integration::soon("not all are set aside", aside).await;
    let sent = sent_by(&server) - sent;
    assert!(sent < HUGE as u64, "a huge run was sent: {sent} bytes");
    queue_notes(&producer, 2..9).await;
    ledger.all_of(2..9).await;
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 9);
    figure(&format!(
        "4 huge runs of up to {} MiB set aside, {} KiB sent meanwhile",
        HUGE >> 20,
        sent >> 10
    ));
}

/// However many runs are asked for, an answer has few that are large: other calls wait for it.
#[tokio::test]
async fn p3_an_answer_is_bounded_in_bytes() {
    const RUNS: usize = 24;
    let server = server(&[]);
    let broker = broker(&server.url()).await;
    let payload = Payload::encode(&"x".repeat(1_000_000)).unwrap();
    let mut queued = Vec::new();
    for number in 0..RUNS {
        let mut run = run();
        run.payload = payload.clone();
        // Every other one is stored by its id.
        run.expires_in = (number % 2 == 0).then_some(Duration::from_hours(1));
        queued.push(enqueue_one(&broker, run).await);
    }
    let mut consumer = Client::new(&broker, Duration::from_mins(1));
    let (mut claimed, mut answers) = (Vec::new(), 0);
    let mut held = consumer.claim(256).await;
    while !held.is_empty() {
        assert!(held.len() <= RUNS / 3, "{} at once", held.len());
        claimed.extend(held.iter().map(|lease| lease.run().id));
        held = consumer.exchange(held, 256).await;
        answers += 1;
    }
    assert_eq!(claimed, queued, "in order, and nothing is left");
    at_rest(&server).await;
    figure(&format!("{RUNS} runs of 1 MB in {answers} answers"));
}

fn hold_by_hand(server: &RedisServer, size: usize) {
    let (own, bytes) = (b"{aqueduct}:own:nobody", oversized(size, 8));
    server
        .command_bytes(&[b"HSET", own, &[8; 16], &bytes])
        .unwrap();
    server
        .command(&["ZADD", "{aqueduct}:consumers", "1", "nobody"])
        .unwrap();
}

fn delay_by_hand(server: &RedisServer, size: usize) {
    let (id, bytes) = ([9; 16], oversized(size, 9));
    let member = [&[0; 6][..], &id].concat();
    server
        .command_bytes(&[b"HSET", b"{aqueduct}:runs", &id, &bytes])
        .unwrap();
    server
        .command_bytes(&[b"ZADD", b"{aqueduct}:due", b"1", &member])
        .unwrap();
}

/// Returns how many bytes the server has sent.
fn sent_by(server: &RedisServer) -> u64 {
    let info = server.command(&["INFO", "stats"]).unwrap();
    let sent = info
        .lines()
        .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    sent.unwrap().trim().parse().unwrap()
}

/// What must not be part of a key, a pattern, a log line or a header.
fn wrong_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        "{}",
        "{other}:runs",
        "a{b",
        "a}",
        "a b",
        " a",
        "a ",
        "*",
        "a*",
        "?",
        "[a]",
        "a\\b",
        "a\0b",
        "a\nb",
        "a\tb",
        "\u{7f}",
        "\u{202e}a",
        "é",
        "a/b",
        "a,b",
        "a=b",
        "a%b",
        "-a",
        ".a",
        "1a",
        "'; DROP",
        "<script>",
        "a\"b",
        "$(a)",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("a".repeat(129));
    names.push("a".repeat(10_000));
    names
}

/// Names that are no names are refused by the API, so that they reach no key.
#[tokio::test]
async fn p15_names_that_are_none_are_refused() {
    let names = wrong_names();
    for name in &names {
        let shown: String = name.chars().take(20).collect();
        let queue = name.parse::<QueueName>().unwrap_err().to_string();
        assert!(name.parse::<TaskName>().is_err(), "{shown}");
        assert!(name.parse::<ScheduleName>().is_err(), "{shown}");
        assert!(queue.len() < 400, "a long name makes a long message");
        assert!(!queue.contains(char::is_control), "{queue:?}");
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        let is_namespace = name.bytes().all(fits) && matches!(name.len(), 1..=64);
        let config = RedisConfig::from_url("redis://localhost").unwrap();
        assert_eq!(config.with_namespace(name).is_ok(), is_namespace, "{shown}");
    }
    for (name, is_queue) in [("a:b", false), ("__proto__", true), ("a.b-c_1", true)] {
        assert_eq!(name.parse::<QueueName>().is_ok(), is_queue, "{name}");
        assert_eq!(name.parse::<TaskName>().is_ok(), is_queue, "{name}");
        assert!(name.parse::<ScheduleName>().is_ok(), "{name}");
    }
    figure(&format!("{} names refused by 3 types", names.len()));
}

/// What a user may name freely is data: it is found by its bytes, and matches nothing else.
#[tokio::test]
async fn p15_a_unique_key_is_only_data() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let keys = [
        "*",
        "[a]",
        "{other}:runs",
        "a b\r\nFLUSHALL\r\n",
        "__proto__",
        "a\0b",
        "?",
    ];
    for key in keys {
        let mut task = run();
        task.options_mut().unique = Some(Unique::key(key).unwrap());
        task.due = Due::After(Duration::from_millis(1));
        enqueue_one(&direct, task).await;
    }
    let mut client = Client::new(&direct, Duration::from_mins(1));
    let mut executed = 0;
    while executed < keys.len() {
        for lease in client.claim(9).await {
            client.settle(lease.token(), succeed()).await;
            executed += 1;
        }
    }
    assert_eq!(at_rest(&server).await.succeeded, keys.len() as u64);
    figure(&format!(
        "{} keys of any bytes, each executed once",
        keys.len()
    ));
}

/// Names that look like those of other things stay apart.
#[tokio::test]
async fn p15_names_that_look_alike_stay_apart() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let names = ["aside", "runs", "__proto__", "default.x", "io", "none"];
    for name in names {
        let mut task = run();
        task.queue = name.parse().unwrap();
        enqueue_one(&direct, task).await;
    }
    for name in names {
        let queue: QueueName = name.parse().unwrap();
        let scope = PauseScope::Queue(queue.clone());
        direct.set_paused(&scope, true).await.unwrap();
        let paused = direct.paused().await.unwrap();
        assert_eq!(paused, std::slice::from_ref(&scope));
        direct.set_paused(&scope, false).await.unwrap();
        assert_eq!(direct.purge(&queue).await.unwrap(), 1, "{name}");
    }
    reclaim(&direct).await;
    assert!(
        ScheduleStore::list(&direct)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
    at_rest(&server).await;
    figure(&format!("{} queues paused and purged apart", names.len()));
}
