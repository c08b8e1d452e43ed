//! One seed, one order.

use super::*;

#[task(retry(max = 3, backoff = "2s", jitter = full))]
async fn stumbles(ctx: TaskContext, number: u32) -> Result<(), TaskError> {
    tokio::time::sleep(Duration::from_millis(u64::from(number % 7))).await;
    if number.is_multiple_of(5) && ctx.attempt() == 1 {
        return Err(TaskError::msg("stumbled"));
    }
    if number.is_multiple_of(11) {
        sends::queue(&ctx, number.to_string(), 1, None).await?;
    }
    Ok(())
}

#[task(schedule = every("3s"))]
async fn ticks() {}

/// Everything that happens in a busy world with faults and a crash, in order.
fn story(seed: u64) -> Vec<String> {
    testing::run_seeded(seed, async |kit| {
        let app = || kit.app().tasks(tasks![stumbles, sends, ticks]);
        let first = app().start().await.unwrap();
        let second = app().start().await.unwrap();
        kit.fail_at_random(0.1);
        for number in 0..300 {
            // One that the producer gives up is a part of the story.
            let _ = stumbles::queue(second.task_manager(), number).await;
        }
        kit.advance(Duration::from_millis(3)).await;
        kit.crash(first);
        kit.advance(Duration::from_mins(1)).await;
        kit.heal();
        kit.advance(Duration::from_mins(1)).await;
        second.stop().await.unwrap();
        kit.events()
            .into_iter()
            .map(|event| format!("{event:?}"))
            .collect()
    })
}

#[test]
fn the_same_seed_makes_the_same_story() {
    let seed = testing::run(async |kit| kit.seed());
    println!("seed {seed}");
    let story_of_it = story(seed);
    assert!(story_of_it.len() > 600, "{} events", story_of_it.len());
    for _ in 0..3 {
        let again = story(seed);
        let differs = story_of_it
            .iter()
            .zip(&again)
            .position(|(one, other)| one != other);
        let shown = differs.map(|at| (at, &story_of_it[at], &again[at]));
        assert_eq!(shown, None);
        assert_eq!(story_of_it.len(), again.len());
    }
    assert_ne!(
        story_of_it,
        story(seed ^ 1),
        "another seed makes another story"
    );
}
