//! Each rung in its time, once, and never back.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ladder() -> Ladder {
    Ladder::new(Graces {
        cancel: SECOND * 5,
        term: SECOND * 2,
    })
}

#[test]
fn each_rung_has_its_time() {
    let mut it = ladder();
    assert_eq!(it.stop(Force::Ladder, SECOND), Some(Step::Tell));
    assert_eq!(it.stop(Force::Ladder, SECOND * 2), None, "told once");
    assert_eq!(it.tick(SECOND * 5), None);
    assert_eq!(it.tick(SECOND * 6), Some(Step::Terminate));
    assert_eq!(it.tick(SECOND * 7), None);
    assert_eq!(it.tick(SECOND * 8), Some(Step::Kill));
    assert_eq!((it.tick(SECOND * 99), it.due()), (None, None));
}

#[test]
fn asking_has_no_deadline_until_somebody_sets_one() {
    let mut it = ladder();
    assert_eq!(it.stop(Force::Ask, SECOND), Some(Step::Tell));
    assert_eq!(it.due(), None);
    assert_eq!(it.stop(Force::Ladder, SECOND * 3), None);
    assert_eq!(it.due(), Some(SECOND * 8));
    assert_eq!(it.stop(Force::Kill, SECOND * 4), Some(Step::Kill));
}

#[test]
fn it_says_whether_work_was_told_and_signalled() {
    let mut it = ladder();
    let says = |it: &Ladder| (it.has_begun(), it.has_signalled());
    assert_eq!(says(&it), (false, false));
    assert_eq!(it.stop(Force::Ask, SECOND), Some(Step::Tell));
    assert_eq!(says(&it), (true, false));
    assert_eq!(it.hung(SECOND), Some(Step::Terminate));
    assert_eq!(says(&it), (true, true));
    assert_eq!(it.stop(Force::Kill, SECOND), Some(Step::Kill));
    assert_eq!(says(&it), (true, true));
}

#[test]
fn whatever_happens_no_rung_is_climbed_twice_and_none_back() {
    let mut random = fastrand::Rng::with_seed(38);
    for _ in 0..2000 {
        let (mut it, mut now, mut steps) = (ladder(), Duration::ZERO, Vec::new());
        for _ in 0..20 {
            now += Duration::from_millis(random.u64(..3000));
            let step = match random.u8(..6) {
                0 => it.stop(Force::Ask, now),
                1 => it.stop(Force::Ladder, now),
                2 if random.u8(..8) == 0 => it.stop(Force::Kill, now),
                3 if random.u8(..8) == 0 => it.hung(now),
                _ => it.tick(now),
            };
            steps.extend(step);
        }
        let order = |step: &Step| match step {
            Step::Tell => 0,
            Step::Terminate => 1,
            Step::Kill => 2,
        };
        assert!(
            steps.iter().map(order).is_sorted_by(|a, b| a < b),
            "{steps:?}"
        );
    }
}

#[test]
fn a_hung_worker_is_not_told() {
    let mut it = ladder();
    assert_eq!(it.hung(SECOND), Some(Step::Terminate));
    assert_eq!(it.stop(Force::Ladder, SECOND), None);
    assert_eq!(it.tick(SECOND * 3), Some(Step::Kill));
}
