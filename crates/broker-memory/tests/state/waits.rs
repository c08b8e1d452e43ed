//! How many can wait for ends at once, and that whoever gives up makes room.

use std::time::Duration;

use aqueduct_broker_api::{Broker, BrokerErrorKind, MAX_WAITS, WaitEndedRequest};
use aqueduct_broker_conformance::named;

use super::world::{World, begin};

#[tokio::test]
async fn a_wait_too_many_is_refused_until_others_give_up() {
    let world = World::new();
    let mut task = named("a");
    task.options_mut().keep_result = Some(Duration::from_hours(1));
    let request = WaitEndedRequest::new(task.id, Duration::from_mins(1));
    world.queue([task]).await;
    let wait = || Box::pin(world.broker.wait_ended(&request));
    let mut waits: Vec<_> = (0..MAX_WAITS).map(|_| wait()).collect();
    for wait in &mut waits {
        assert!(begin(wait.as_mut()).is_pending());
    }
    let refused = wait().await.unwrap_err();
    assert_eq!(refused.kind(), BrokerErrorKind::LimitExceeded);
    drop(waits.pop());
    assert!(begin(wait().as_mut()).is_pending());
    drop(waits);
}
