//! Looking for runs by id where no index leads to them: in parts of lists, from the tail to the head.
//!
//! A plain run is in its ready list and nowhere else. Short lists are looked through in the same step;
//! long ones in bounded parts. Counted from the tail, what is there stays in its part while others are
//! claimed from the head.

use aqueduct_broker_api::BrokerError;

use crate::RedisBroker;
use crate::link::{Args, LinkError};

/// A part of a list to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    list: String,
    /// Distances from the tail: the last entry has 1.
    from: u64,
    to: u64,
}

/// The most entries in one part.
const PART: u64 = 1000;

impl Part {
    /// Adds which part to look at, or that all lists are to be looked at if they are short.
    pub(crate) fn push(part: Option<&Self>, args: &mut Args) {
        match part {
            Some(part) => {
                args.text(&part.list).text(&format!("-{}", part.to)).text(&format!("-{}", part.from));
            }
            None => {
                args.word("").word("0").word("0");
            }
        }
    }
}

impl RedisBroker {
    /// Returns the lists that runs wait in.
    pub(crate) async fn lists(&self) -> Result<Vec<String>, BrokerError> {
        let mut lists = vec![self.0.keys.name("aside")];
        for lengths in aqueduct_broker_api::Broker::queue_lengths(self, &[]).await? {
            for lane in aqueduct_core::Lane::ALL {
                for priority in aqueduct_core::Priority::ALL {
                    lists.push(self.0.keys.name(&format!("ready:{lane}:{priority}:{}", lengths.queue)));
                }
            }
        }
        Ok(lists)
    }

    /// Returns the parts of all lists, the tails first.
    pub(crate) async fn parts(&self, operation: &'static str) -> Result<Vec<Part>, BrokerError> {
        let mut parts = Vec::new();
        for list in self.lists().await? {
            let mut args = Args::default();
            args.text(&list);
            let length = self.command(operation, "LLEN", args).await?;
            let length = length.into_number().map_err(|error: LinkError| error.during(operation))?;
            let mut from = 1;
            while from <= length {
                parts.push(Part { list: list.clone(), from, to: from + PART - 1 });
                from += PART;
            }
        }
        Ok(parts)
    }
}
