//! How much memory all workers may use together, and each of them.

/// How much memory all workers of a pool may use together.
///
/// A worker that uses more than its share is killed, and its work ends as
/// [`Death::OverBudget`](crate::Death::OverBudget): better one of them than the whole container, which the system
/// may end instead. It is looked at ten times a second: work that grows faster needs a
/// [`Profile::memory_limit`](crate::Profile).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryBudget {
    /// What the limit of the container leaves beside this process and a tenth in reserve; no limit where there
    /// is none, or none that can be read.
    #[default]
    Container,
    /// So many bytes.
    Bytes(u64),
    /// No limit.
    Unlimited,
}

/// No share is smaller, in bytes: a worker needs that much to do anything.
#[cfg(target_os = "linux")]
const LEAST_SHARE: u64 = 64 * 1024 * 1024;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{LEAST_SHARE, MemoryBudget};

    impl MemoryBudget {
        /// Returns the share of one place in bytes, of so many; `None` if there is no limit.
        pub(crate) fn share(self, places: usize) -> Option<u64> {
            let bytes = match self {
                Self::Unlimited => return None,
                Self::Bytes(bytes) => bytes,
                Self::Container => left_by(
                    limit_below(Path::new("/"))?,
                    memory_of("self").unwrap_or_default(),
                ),
            };
            Some((bytes / places.max(1) as u64).max(LEAST_SHARE))
        }
    }

    /// Returns what a container of `limit` bytes leaves for workers beside their parent.
    fn left_by(limit: u64, parent: u64) -> u64 {
        limit.saturating_sub(limit / 10).saturating_sub(parent)
    }

    /// Returns the memory of a process that nobody shares, in bytes.
    pub(crate) fn memory_of(process: &str) -> Option<u64> {
        let statm = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
        let mut pages = statm
            .split(' ')
            .skip(1)
            .map_while(|it| it.parse::<u64>().ok());
        let (resident, shared) = (pages.next()?, pages.next()?);
        Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
    }

    /// Returns the smallest limit of the groups that this process is in, of either version of cgroups.
    fn limit_below(root: &Path) -> Option<u64> {
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
        let files = groups.lines().filter_map(|line| limit_file(root, line));
        let limits = files.flat_map(|(mount, group, name)| {
            // Within a container the group is a path of the host, and the mount is the group itself.
            let all = group.ancestors().map(Path::to_path_buf);
            let files: Vec<PathBuf> = all
                .map(|group| {
                    mount
                        .join(group.strip_prefix("/").unwrap_or(&group))
                        .join(name)
                })
                .collect();
            files.into_iter().filter_map(|file| read_limit(&file))
        });
        limits.min()
    }

    /// Reads a line `hierarchy:controllers:/group`; returns where limits of memory of such groups stand.
    fn limit_file<'a>(root: &Path, line: &'a str) -> Option<(PathBuf, &'a Path, &'static str)> {
        let mut fields = line.splitn(3, ':');
        let (_hierarchy, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
        let mount = root.join("sys/fs/cgroup");
        if controllers.is_empty() {
            return Some((mount, Path::new(group), "memory.max"));
        }
        let has_memory = controllers.split(',').any(|it| it == "memory");
        has_memory.then(|| {
            (
                mount.join("memory"),
                Path::new(group),
                "memory.limit_in_bytes",
            )
        })
    }

    /// Reads a limit; `max`, or a number beyond any memory, is none.
    fn read_limit(file: &Path) -> Option<u64> {
        let limit: u64 = fs::read_to_string(file).ok()?.trim().parse().ok()?;
        (limit < NO_LIMIT).then_some(limit)
    }

    /// What the first version of cgroups says for no limit is the largest number of whole pages.
    const NO_LIMIT: u64 = 1 << 62;

    #[cfg(test)]
    mod tests {
        use super::*;

        /// A file system with the files that a container sees.
        fn system(name: &str, files: &[(&str, &str)]) -> PathBuf {
            let root = std::env::temp_dir().join(format!("aqueduct-{name}-{}", std::process::id()));
            for (file, text) in files {
                let file = root.join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            root
        }

        fn limit(name: &str, files: &[(&str, &str)]) -> Option<u64> {
            let root = system(name, files);
            let limit = limit_below(&root);
            fs::remove_dir_all(&root).unwrap();
            limit
        }

        #[test]
        fn the_limit_of_the_second_version_is_the_smallest_on_the_way_up() {
            let files = [
                ("proc/self/cgroup", "0::/pods/one\n"),
                ("sys/fs/cgroup/pods/memory.max", "1000\n"),
                ("sys/fs/cgroup/pods/one/memory.max", "max\n"),
            ];
            assert_eq!(limit("v2", &files), Some(1000));
            let inside = [
                ("proc/self/cgroup", "0::/\n"),
                ("sys/fs/cgroup/memory.max", "512\n"),
            ];
            assert_eq!(limit("inside", &inside), Some(512));
        }

        #[test]
        fn the_limit_of_the_first_version_is_found_where_the_container_sees_it() {
            let files = [
                (
                    "proc/self/cgroup",
                    "9:name=systemd:/x\n4:cpu,memory:/docker/ab\n0::/x\n",
                ),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2048\n"),
            ];
            assert_eq!(limit("v1", &files), Some(2048));
        }

        #[test]
        fn without_a_finite_limit_there_is_no_budget() {
            assert_eq!(limit("nothing", &[("proc/other", "")]), None);
            let files = [
                ("proc/self/cgroup", "0::/\n4:memory:/\n"),
                ("sys/fs/cgroup/memory.max", "max\n"),
                (
                    "sys/fs/cgroup/memory/memory.limit_in_bytes",
                    "9223372036854771712\n",
                ),
            ];
            assert_eq!(limit("infinite", &files), None);
            assert_eq!(MemoryBudget::Unlimited.share(4), None);
        }

        #[test]
        fn a_share_is_what_is_left_and_never_too_little() {
            const GIB: u64 = 1 << 30;
            assert_eq!(left_by(10 * GIB, GIB), 8 * GIB);
            assert_eq!(left_by(100, 1000), 0);
            assert_eq!(MemoryBudget::Bytes(8 * GIB).share(4), Some(2 * GIB));
            assert_eq!(MemoryBudget::Bytes(1).share(4), Some(LEAST_SHARE));
        }
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::memory_of;
