//! Which signals are echoes.

use super::*;

fn at(millis: u64) -> Monotonic {
    Monotonic::from_origin(Duration::from_millis(millis))
}

#[test]
fn what_follows_a_signal_at_once_is_its_echo() {
    let mut echo = Echo::default();
    assert!(echo.is_new(at(0)));
    assert!(!echo.is_new(at(1)));
    assert!(!echo.is_new(at(249)));
    assert!(echo.is_new(at(250)));
    assert!(!echo.is_new(at(300)));
}
