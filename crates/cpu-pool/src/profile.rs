//! Profiles: what belongs to a process and not to a piece of work.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

/// Environment, limits and priority of a worker; work of one profile shares workers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Profile {
    /// How many places its work takes, and how many threads libraries are told to start. Default: 1.
    pub cpus: u32,
    /// The most memory that the heap may have, in bytes; more is an error of the allocation.
    pub memory_limit: Option<u64>,
    /// Added to the priority of the process: 1 to 19 are more polite. Default: as the pool says.
    pub nice: Option<i32>,
    /// The cores to run on; empty for all.
    pub cores: Vec<usize>,
    /// The stack of the thread that works, in bytes. Default: 8 MiB.
    pub stack_size: usize,
    /// Variables to set.
    pub env: BTreeMap<String, String>,
    /// Variables to leave out.
    pub env_remove: BTreeSet<String>,
    /// Whether to begin with few harmless variables instead of all of the parent.
    pub is_scrubbed: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            cpus: 1,
            memory_limit: None,
            nice: None,
            cores: Vec::new(),
            stack_size: 8 * 1024 * 1024,
            env: BTreeMap::new(),
            env_remove: BTreeSet::new(),
            is_scrubbed: false,
        }
    }
}

impl Profile {
    /// Returns the environment of a worker, made of the parent's.
    pub(crate) fn environment(
        &self,
        parent: impl Iterator<Item = (OsString, OsString)>,
    ) -> BTreeMap<OsString, OsString> {
        let mut all: BTreeMap<_, _> = parent
            .filter(|(name, _)| self.keeps(&name.to_string_lossy()))
            .collect();
        for name in THREAD_COUNTS {
            let count = || self.cpus.to_string().into();
            all.entry(name.into()).or_insert_with(count);
        }
        let own = self.env.iter();
        all.extend(own.map(|(name, value)| (name.into(), value.into())));
        all
    }

    fn keeps(&self, name: &str) -> bool {
        let is_harmless =
            KEPT.contains(&name) || name.starts_with("LC_") || name.starts_with("RUST_");
        !self.env_remove.contains(name) && (!self.is_scrubbed || is_harmless)
    }
}

/// What a scrubbed environment keeps, beside `LC_*` and `RUST_*`.
const KEPT: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER"];

/// How libraries are told how many threads to start; otherwise each worker starts one a core.
const THREAD_COUNTS: [&str; 5] = [
    "RAYON_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(profile: &Profile) -> BTreeMap<String, String> {
        let all = [("PATH", "/bin"), ("SECRET", "x"), ("OMP_NUM_THREADS", "9")];
        let parent = all.map(|(name, value)| (name.into(), value.into()));
        let text = |it: OsString| it.into_string().unwrap();
        let env = profile.environment(parent.into_iter());
        env.into_iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    #[test]
    fn an_environment_is_inherited_changed_or_scrubbed() {
        let mut profile = Profile::default();
        profile.env.insert("MODE".to_owned(), "fast".to_owned());
        let env = environment(&profile);
        assert_eq!(env["SECRET"], "x");
        assert_eq!(
            (env["MODE"].as_str(), env["RAYON_NUM_THREADS"].as_str()),
            ("fast", "1")
        );
        assert_eq!(env["OMP_NUM_THREADS"], "9", "what is set stays");
        profile.env_remove.insert("PATH".to_owned());
        profile.is_scrubbed = true;
        let env = environment(&profile);
        assert!(!env.contains_key("SECRET") && !env.contains_key("PATH"));
    }
}
