//! The scripts: their texts, put together from the files below `scripts`, and their digests.

use crate::link::digest;

/// A script, ready to be sent.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    sha: String,
}

/// All scripts of a broker.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) cancel: Script,
    pub(crate) claim: Script,
    pub(crate) consumers: Script,
    pub(crate) enqueue: Script,
    pub(crate) extend: Script,
    pub(crate) find: Script,
    pub(crate) pause: Script,
    pub(crate) peek: Script,
    pub(crate) purge: Script,
    pub(crate) quarantine: Script,
    pub(crate) reclaim: Script,
    pub(crate) requeue: Script,
    pub(crate) schedule_fire: Script,
    pub(crate) schedule_list: Script,
    pub(crate) schedule_switch: Script,
    pub(crate) schedule_upsert: Script,
}

const CORE: &str = include_str!("scripts/lib/core.lua");
const CLOCK: &str = include_str!("scripts/lib/clock.lua");
const TEST_CLOCK: &str = include_str!("scripts/lib/test_clock.lua");
const RUN: &str = include_str!("scripts/lib/run.lua");
const PLACE: &str = include_str!("scripts/lib/place.lua");
const HELD: &str = include_str!("scripts/lib/held.lua");
const ADMIT: &str = include_str!("scripts/lib/admit.lua");
const LOCATE: &str = include_str!("scripts/lib/locate.lua");
const SCHEDULES: &str = include_str!("scripts/lib/schedules.lua");

macro_rules! script {
    ($clock:expr, $file:literal, $($library:expr),*) => {
        Script::assemble(include_str!(concat!("scripts/", $file, ".lua")), &[CORE, $clock, $($library),*])
    };
}

impl Scripts {
    /// Puts the scripts together, on the server's clock or on that of a test.
    pub(crate) fn new(has_test_clock: bool) -> Self {
        let clock = if has_test_clock { TEST_CLOCK } else { CLOCK };
        Self {
            cancel: script!(clock, "cancel", RUN, PLACE, LOCATE),
            claim: script!(clock, "claim", RUN, PLACE),
            consumers: script!(clock, "consumers",),
            enqueue: script!(clock, "enqueue", RUN, PLACE, ADMIT),
            extend: script!(clock, "extend", RUN, PLACE, HELD),
            find: script!(clock, "find", RUN, LOCATE),
            pause: script!(clock, "pause", RUN, PLACE),
            peek: script!(clock, "peek", RUN, PLACE),
            purge: script!(clock, "purge", RUN, PLACE),
            quarantine: script!(clock, "quarantine", RUN, PLACE),
            reclaim: script!(clock, "reclaim", RUN, PLACE, HELD),
            requeue: script!(clock, "requeue", RUN, PLACE),
            schedule_fire: script!(clock, "schedule_fire", RUN, PLACE, ADMIT, SCHEDULES),
            schedule_list: script!(clock, "schedule_list", SCHEDULES),
            schedule_switch: script!(clock, "schedule_switch", SCHEDULES),
            schedule_upsert: script!(clock, "schedule_upsert", SCHEDULES),
        }
    }
}

impl Script {
    /// Puts the libraries behind the first line of a script, which has the flags; comments are left out.
    fn assemble(script: &str, libraries: &[&str]) -> Self {
        let (flags, body) = script.split_once('\n').unwrap_or((script, ""));
        let mut text = format!("{flags}\n");
        let lines = libraries
            .iter()
            .chain([&body])
            .flat_map(|part| part.lines());
        for line in lines
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("--"))
        {
            text.push_str(line);
            text.push('\n');
        }
        let sha = digest(&text);
        Self { text, sha }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn sha(&self) -> &str {
        &self.sha
    }
}
