//! The scripts: their texts, put together from the files below `scripts`, and their digests.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::config::RedisConfig;
use crate::link::digest;

/// A script, ready to be sent.
#[derive(Debug)]
pub(crate) struct Script {
    name: &'static str,
    flags: String,
    text: String,
    sha: String,
    /// As which function it is called, if scripts are functions.
    function: Option<Function>,
}

/// A script as a function of a library.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The library, to be loaded where the server does not know it.
    pub(crate) library: Arc<str>,
}

/// All scripts of a broker.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) bring: Script,
    pub(crate) cancel: Script,
    pub(crate) checkpoint: Script,
    pub(crate) claim: Script,
    pub(crate) consumers: Script,
    pub(crate) discard: Script,
    pub(crate) enqueue: Script,
    pub(crate) enqueue_whole: Script,
    pub(crate) extend: Script,
    pub(crate) find: Script,
    pub(crate) holders: Script,
    pub(crate) key_holders: Script,
    pub(crate) limits: Script,
    pub(crate) pause: Script,
    pub(crate) peek: Script,
    pub(crate) probe: Script,
    pub(crate) purge: Script,
    pub(crate) quarantine: Script,
    pub(crate) reclaim: Script,
    pub(crate) requeue: Script,
    pub(crate) schedule_fire: Script,
    pub(crate) schedule_list: Script,
    pub(crate) schedule_switch: Script,
    pub(crate) schedule_upsert: Script,
    pub(crate) turn: Script,
    pub(crate) wait_ended: Script,
}

const CORE: &str = include_str!("../scripts/lib/core.lua");
const CLOCK: &str = include_str!("../scripts/lib/clock.lua");
const TEST_CLOCK: &str = include_str!("../scripts/lib/test_clock.lua");
const RUN: &str = concat!(
    include_str!("../scripts/lib/run.lua"),
    include_str!("../scripts/lib/carried.lua")
);
const RECORD: &str = include_str!("../scripts/lib/record.lua");
const HISTORY: &str = include_str!("../scripts/lib/history.lua");
const DUE: &str = include_str!("../scripts/lib/due.lua");
const ENDING: &str = concat!(
    include_str!("../scripts/lib/follow.lua"),
    include_str!("../scripts/lib/ending.lua")
);
const PLACE: &str = concat!(
    include_str!("../scripts/lib/hashes.lua"),
    include_str!("../scripts/lib/tails.lua"),
    include_str!("../scripts/lib/lines.lua"),
    include_str!("../scripts/lib/beside.lua"),
    include_str!("../scripts/lib/place.lua")
);
const SETTLING: &str = include_str!("../scripts/lib/settling.lua");
const HELD: &str = include_str!("../scripts/lib/held.lua");
const ADMIT: &str = include_str!("../scripts/lib/admit.lua");
const KEYS: &str = include_str!("../scripts/lib/keys.lua");
const LIMITS: &str = include_str!("../scripts/lib/limits.lua");
/// What runs hold and share, where they move.
const SHARED: &str = concat!(
    include_str!("../scripts/lib/keys.lua"),
    include_str!("../scripts/lib/limits.lua")
);
const REPLACE: &str = include_str!("../scripts/lib/replace.lua");
const LEAVE: &str = concat!(
    include_str!("../scripts/lib/leave.lua"),
    include_str!("../scripts/lib/parked.lua")
);
const CANCELLING: &str = concat!(
    include_str!("../scripts/lib/locate.lua"),
    include_str!("../scripts/lib/cancelling.lua")
);
const LOCATE: &str = include_str!("../scripts/lib/locate.lua");
const WAITING: &str = include_str!("../scripts/lib/waiting.lua");
const SCHEDULES: &str = include_str!("../scripts/lib/schedules.lua");

macro_rules! script {
    ($clock:expr, $file:literal, $($library:expr),*) => {
        Script::assemble($file, include_str!(concat!("../scripts/", $file, ".lua")), &[CORE, $clock, $($library),*])
    };
}

impl Scripts {
    /// Puts the scripts together as the configuration wants them.
    pub(crate) fn new(config: &RedisConfig) -> Self {
        let mut scripts = Self::to_evaluate(config.has_test_clock());
        if config.calls_functions() {
            scripts.become_functions();
        }
        scripts
    }

    /// Puts the scripts together, on the server's clock or on that of a test.
    fn to_evaluate(has_test_clock: bool) -> Self {
        let clock = if has_test_clock { TEST_CLOCK } else { CLOCK };
        Self {
            bring: script!(clock, "bring", RUN, PLACE, KEYS, LOCATE),
            cancel: script!(
                clock, "cancel", RUN, RECORD, PLACE, SHARED, LEAVE, WAITING, ENDING, CANCELLING
            ),
            checkpoint: script!(clock, "checkpoint", RUN, RECORD),
            claim: script!(
                clock, "claim", RUN, RECORD, HISTORY, PLACE, SHARED, LEAVE, WAITING, ENDING, DUE,
                SETTLING
            ),
            consumers: script!(clock, "consumers",),
            discard: script!(clock, "discard", RUN),
            enqueue: script!(
                clock, "enqueue", RUN, RECORD, PLACE, SHARED, LEAVE, WAITING, REPLACE, ADMIT
            ),
            enqueue_whole: script!(clock, "enqueue_whole",),
            extend: script!(
                clock, "extend", RUN, RECORD, PLACE, SHARED, LEAVE, WAITING, ENDING, HELD
            ),
            find: script!(clock, "find", RUN, LOCATE),
            holders: script!(clock, "holders",),
            key_holders: script!(clock, "key_holders", RUN, PLACE, KEYS),
            limits: script!(clock, "limits", RUN, PLACE, LIMITS),
            pause: script!(clock, "pause", RUN, PLACE, LIMITS),
            peek: script!(clock, "peek", RUN, RECORD, PLACE, LIMITS, DUE),
            probe: script!(clock, "probe",),
            purge: script!(
                clock, "purge", RUN, RECORD, PLACE, SHARED, LEAVE, WAITING, ENDING
            ),
            quarantine: script!(
                clock,
                "quarantine",
                RUN,
                RECORD,
                PLACE,
                SHARED,
                LEAVE,
                WAITING,
                ENDING
            ),
            reclaim: script!(
                clock, "reclaim", RUN, RECORD, HISTORY, PLACE, SHARED, LEAVE, WAITING, ENDING, DUE,
                HELD
            ),
            requeue: script!(clock, "requeue", RUN, PLACE, SHARED),
            schedule_fire: script!(
                clock,
                "schedule_fire",
                RUN,
                RECORD,
                PLACE,
                SHARED,
                LEAVE,
                WAITING,
                ENDING,
                CANCELLING,
                REPLACE,
                ADMIT,
                SCHEDULES
            ),
            schedule_list: script!(clock, "schedule_list", SCHEDULES),
            schedule_switch: script!(clock, "schedule_switch", SCHEDULES),
            schedule_upsert: script!(clock, "schedule_upsert", SCHEDULES),
            turn: script!(clock, "turn", RUN, RECORD, PLACE, LIMITS),
            wait_ended: script!(clock, "wait_ended", RUN, RECORD, WAITING),
        }
    }

    /// Makes functions of the scripts: one library, named after what is in it.
    fn become_functions(&mut self) {
        let digest = self.digest();
        let library: Arc<str> = self.library(&digest).into();
        for script in self.all_mut() {
            let name = format!("{digest}_{}", script.name);
            script.function = Some(Function {
                name,
                library: Arc::clone(&library),
            });
        }
    }

    /// Returns the text of the library, for an operator who loads it.
    pub(crate) fn library_text() -> String {
        let mut scripts = Self::to_evaluate(false);
        let digest = scripts.digest();
        scripts.library(&digest)
    }

    fn digest(&mut self) -> String {
        let digests = self.all_mut().map(|script| script.sha.clone());
        format!(
            "aqueduct_{}",
            digest(&digests.concat()).get(..8).unwrap_or_default()
        )
    }

    fn library(&mut self, name: &str) -> String {
        let mut library = format!("#!lua name={name}\n");
        for script in self.all_mut() {
            let Script {
                name: script_name,
                flags,
                text,
                ..
            } = script;
            let body = text.split_once('\n').map_or("", |(_, body)| body);
            let flags: Vec<String> = flags
                .split(',')
                .filter(|it| !it.is_empty())
                .map(|it| format!("'{it}'"))
                .collect();
            // Writing into a string cannot fail.
            let _ = write!(
                library,
                "redis.register_function{{function_name='{name}_{script_name}', flags={{{}}}, \
                 callback=function(KEYS, ARGV)\n{body}end}}\n",
                flags.join(", ")
            );
        }
        library
    }

    fn all_mut(&mut self) -> [&mut Script; 26] {
        [
            &mut self.bring,
            &mut self.cancel,
            &mut self.checkpoint,
            &mut self.claim,
            &mut self.consumers,
            &mut self.discard,
            &mut self.enqueue,
            &mut self.enqueue_whole,
            &mut self.extend,
            &mut self.find,
            &mut self.holders,
            &mut self.key_holders,
            &mut self.limits,
            &mut self.pause,
            &mut self.peek,
            &mut self.probe,
            &mut self.purge,
            &mut self.quarantine,
            &mut self.reclaim,
            &mut self.requeue,
            &mut self.schedule_fire,
            &mut self.schedule_list,
            &mut self.schedule_switch,
            &mut self.schedule_upsert,
            &mut self.turn,
            &mut self.wait_ended,
        ]
    }
}

impl Script {
    /// Puts the libraries behind the first line of a script, which has the flags; comments are left out.
    fn assemble(name: &'static str, script: &str, libraries: &[&str]) -> Self {
        let (first, body) = script.split_once('\n').unwrap_or((script, ""));
        let mut text = format!("{first}\n");
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
        let flags = first
            .split_once("flags=")
            .map_or("", |(_, flags)| flags)
            .to_owned();
        Self {
            name,
            flags,
            text,
            sha,
            function: None,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn sha(&self) -> &str {
        &self.sha
    }

    pub(crate) fn function(&self) -> Option<&Function> {
        self.function.as_ref()
    }
}

#[cfg(test)]
mod tests;
