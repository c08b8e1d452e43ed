//! A clock that is set back: what time opens or ends lasts no longer than from then on.

use aqueduct_broker_api::Enqueued;
use aqueduct_broker_conformance::START;

use super::keys::{known, unique};
use super::world::{MILLI, SECOND, World, limited, rate};

#[tokio::test]
async fn only_a_window_that_began_later_begins_anew() {
    for keyed in [unique, known] {
        // A window of a minute, and how long it is held after the clock was set back to five seconds.
        for (began_at, held_for) in [(0, 55), (5, 60), (20, 60)] {
            let world = World::new();
            world.clock.advance(SECOND * began_at);
            world.queue([keyed("k")]).await;
            world.clock.set_wall(START.saturating_add(SECOND * 20));
            world.limits().await;
            world.clock.set_wall(START.saturating_add(SECOND * 5));
            world.limits().await;
            world
                .clock
                .advance((SECOND * held_for).saturating_sub(MILLI));
            let answer = world.answer(keyed("k")).await;
            assert!(matches!(answer, Enqueued::Duplicate(_)), "{began_at}");
            world.clock.advance(MILLI);
            let answer = world.answer(keyed("k")).await;
            assert!(matches!(answer, Enqueued::Accepted(_)), "{began_at}");
        }
    }
}

#[tokio::test]
async fn a_rate_is_used_up_no_longer_than_all_of_it_takes_to_come_back() {
    let mut world = World::new();
    world.clock.advance(SECOND * 100);
    let tasks = ["a", "b", "c", "d", "e"].map(|name| limited(name, [rate("k", 2, SECOND * 2)]));
    world.queue(tasks).await;
    assert_eq!(world.claim_names().await, ["a", "b"]);
    world.clock.set_wall(START);
    let opens_at = world.limits().await[0].opens_at;
    assert_eq!(opens_at, Some(START.saturating_add(SECOND)));
    for expected in ["c", "d", "e"] {
        world.clock.advance(SECOND.saturating_sub(MILLI));
        assert_eq!(world.claim_names().await, [""; 0]);
        world.clock.advance(MILLI);
        assert_eq!(world.claim_names().await, [expected]);
    }
}
