//! What the state machine promises at its edges, concept by concept.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod keys;
mod limits;
mod parked;
mod paused_time;
mod replaced;
mod set_back;
mod tasks;
mod turns;
mod waits;
mod world;
