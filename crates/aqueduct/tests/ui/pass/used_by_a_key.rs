//! A parameter that only a key is made of counts as used; its name stays.
#![deny(warnings)]

use aqueduct::task;

#[task(unique = "invite:{email}", rate_limit(5, per = "1m", key = "host:{host.name}"))]
pub async fn invite(email: String, host: Host) {}

/// Where it goes.
#[derive(aqueduct::serde::Serialize, aqueduct::serde::Deserialize)]
#[serde(crate = "aqueduct::serde")]
pub struct Host {
    pub name: String,
}

fn main() {}
