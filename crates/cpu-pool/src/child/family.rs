//! The programs that a worker has started: what work leaves behind ends with it.
//!
//! A worker adopts what its children leave behind (`PR_SET_CHILD_SUBREAPER`), so that all of it is found
//! among its own children. What the state of the worker was made with stays, and so does what has left the
//! process group, as a daemon does.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, kill_process, pidfd_open,
    set_child_subreaper, waitid,
};

/// The children of this process that stay.
#[derive(Debug, Default)]
pub(super) struct Family {
    kept: BTreeSet<i32>,
}

/// So many generations of programs are ended at most.
const MAX_GENERATIONS: usize = 64;

/// How long the end of a killed program is awaited.
const END_TIME: Duration = Duration::from_secs(1);

impl Family {
    /// Begins to adopt what children leave behind.
    pub(super) fn adopt() -> rustix::io::Result<()> {
        set_child_subreaper(Some(getpid()))
    }

    /// Keeps the children that there are now.
    pub(super) fn keep(&mut self) {
        if has_children() {
            self.kept = children().collect();
        }
    }

    /// Ends all children in the process group that are not kept, and theirs; returns how many.
    pub(super) fn sweep(&mut self) -> usize {
        let mut ended = 0;
        for _ in 0..MAX_GENERATIONS {
            if !has_children() {
                // Nobody stays for ever, and numbers are used again.
                self.kept.clear();
                break;
            }
            let left: Vec<i32> = children().filter(|it| !self.kept.contains(it)).collect();
            if left.is_empty() {
                break;
            }
            ended += left.len();
            left.into_iter().filter_map(Pid::from_raw).for_each(end);
        }
        ended
    }
}

/// Returns whether this process has children in its group, ended ones included.
fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pgid(None), options).is_ok()
}

/// Returns the children of this process in its group.
fn children() -> impl Iterator<Item = i32> {
    let own = getpid().as_raw_nonzero().get();
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(move |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        parent_and_group(&stat) == Some((own, own))
    })
}

/// Reads both out of `pid (name) state parent group …`; the name may have anything in it.
fn parent_and_group(stat: &str) -> Option<(i32, i32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(1);
    let mut number = || fields.next()?.parse().ok();
    Some((number()?, number()?))
}

/// Kills a child and takes its end; as long as nobody has, nobody else has its number.
fn end(child: Pid) {
    let Ok(descriptor) = pidfd_open(child, PidfdFlags::empty()) else {
        return;
    };
    // Fails only if it has ended.
    let _ = kill_process(child, Signal::KILL);
    let limit = Timespec::try_from(END_TIME).ok();
    let _ = poll(
        &mut [PollFd::new(&descriptor, PollFlags::IN)],
        limit.as_ref(),
    );
    let _ = waitid(
        WaitId::Pid(child),
        WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_and_group_are_found_behind_any_name() {
        let stat = "77 (a) b (c) R 5 7 8 0 -1";
        assert_eq!(parent_and_group(stat), Some((5, 7)));
        assert_eq!(parent_and_group("77 (sh"), None);
        assert_eq!(parent_and_group(""), None);
    }
}
