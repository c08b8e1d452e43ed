//! Nothing is left of a pool whose process was killed, whatever its workers did.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Duration;

use aqueduct_cpu_pool::{ProcessPool, Workers};
use libtest_mimic::Trial;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::support::{Pool, Watched, config, text, trial, work};

pub(crate) fn tests() -> Vec<Trial> {
    let parents = [
        ("r27_parent_killed_while_workers_are_idle", "parent-idle"),
        ("r27_parent_killed_while_a_worker_is_busy", "parent-block"),
        (
            "r27_parent_killed_while_a_worker_is_stopped",
            "parent-stopped",
        ),
        (
            "r27_parent_killed_while_a_worker_prepares",
            "parent-prepare",
        ),
    ];
    let mut tests: Vec<Trial> = parents
        .into_iter()
        .map(|(name, act)| trial(name, move || killed(act)))
        .collect();
    tests.push(trial(
        "r28_parent_killed_while_workers_start",
        killed_while_starting,
    ));
    tests.push(trial(
        "r28_a_worker_whose_parent_is_gone_is_no_ordinary_program",
        gone_before_it_looks,
    ));
    tests
}

/// A process that has a pool, and that a test kills.
pub(crate) struct Parent {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pids: String,
}

impl Parent {
    /// Starts it, and waits until it says which processes there are.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut pids = String::new();
        output.read_line(&mut pids).unwrap();
        Self {
            process,
            input,
            output,
            pids,
        }
    }

    fn act(act: &str) -> Self {
        let mut command = Command::new("/proc/self/exe");
        command
            .arg(act)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Self::start(command)
    }

    /// Lets it go on, and returns what it says next.
    pub(crate) fn go_on(&mut self) -> String {
        self.input.write_all(b"go on\n").unwrap();
        let mut said = String::new();
        self.output.read_line(&mut said).unwrap();
        said.trim().to_owned()
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }
}

async fn killed(act: &str) {
    let parent = tokio::task::block_in_place(|| Parent::act(act));
    let pids = parent.pids.clone();
    assert!(pids.split_whitespace().count() >= 1, "{pids}");
    if act == "parent-stopped" {
        stopped(&pids);
    }
    tokio::task::block_in_place(|| drop(parent));
    gone(&pids).await;
}

/// Waits until the first of these processes is stopped, with all its threads.
///
/// One that stops itself in the very moment in which its parent dies stays as it is: nobody is left to
/// wake it up.
fn stopped(pids: &str) {
    let pid = pids.split_whitespace().next().unwrap();
    let is_stopped = || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        threads.flatten().all(|thread| {
            let status = std::fs::read_to_string(thread.path().join("status")).unwrap();
            status.lines().any(|line| line.starts_with("State:\tT"))
        })
    };
    while !is_stopped() {
        std::thread::yield_now();
    }
}

async fn killed_while_starting() {
    for _ in 0..20 {
        let parent = tokio::task::block_in_place(|| Parent::act("parent-starting"));
        let group = parent.process.id();
        tokio::task::block_in_place(|| drop(parent));
        // Its workers carry its process id in their environment.
        let marker = format!("AQUEDUCT_CPU_WORKER={group}:");
        for pid in marked(&marker) {
            gone(&pid).await;
        }
    }
}

/// A worker that finds its parent gone when it looks for the first time.
async fn gone_before_it_looks() {
    for (name, said) in [("it: cpu worker 1", ""), ("it", "an ordinary program\n")] {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(name).arg("parent-nested").process_group(0);
        command.env("AQUEDUCT_CPU_WORKER", format!("1:{:032x}", 7));
        command.stdin(Stdio::piped());
        let output = tokio::task::block_in_place(|| command.output().unwrap());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), said);
        assert_eq!(output.status.success(), !said.is_empty());
    }
}

/// Returns the processes whose environment has the marker.
fn marked(marker: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let names = all.filter_map(|entry| entry.file_name().into_string().ok());
    let pids = names.filter(|name| name.parse::<u32>().is_ok());
    let is_marked = |pid: &String| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|it| it.starts_with(marker.as_bytes()))
    };
    pids.filter(is_marked).collect()
}

/// Waits until all these processes are gone; fails if one is still there after ten seconds.
pub(crate) async fn gone(pids: &str) {
    for pid in pids.split_whitespace() {
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
            continue;
        };
        let limit = Timespec::try_from(Duration::from_secs(10)).unwrap();
        let ended = tokio::task::block_in_place(|| {
            poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)).unwrap()
        });
        assert_eq!(ended, 1, "process {pid:?} is still there");
    }
}

/// Plays the parent that a test kills.
pub(crate) fn be_a_parent(act: &str) -> ExitCode {
    if act == "parent-nested" {
        println!("an ordinary program");
        return ExitCode::SUCCESS;
    }
    if act == "parent-early-prints" {
        crate::early::early_prints();
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        if act == "parent-descriptors" {
            return crate::life::descriptors_here().await;
        }
        let mut config = config();
        config.ready_timeout = Duration::from_mins(1);
        let pool = Pool(ProcessPool::new(config, Vec::new()).unwrap());
        match act {
            "parent-idle" => println!("{}", text(pool.run("pid", "").await)),
            "parent-on-demand" => {
                println!("ready");
                wait_for_line();
                println!("{}", text(pool.run("echo", "it works").await));
            }
            "parent-prepare" => prepare(&pool).await,
            "parent-starting" => {
                println!("starting");
                loop {
                    tokio::join!(pool.run("exit", "1"), pool.run("exit", "2"));
                }
            }
            _ => busy(&pool, act.trim_start_matches("parent-")).await,
        }
        wait_for_line();
    });
    ExitCode::SUCCESS
}

async fn busy(pool: &Pool, how: &str) {
    let mut watched = Watched::new(work("grandchild", how));
    let order = watched.order();
    tokio::join!(pool.0.run(order), async {
        println!("{}", watched.reported().await.text);
        wait_for_line();
    });
}

async fn prepare(pool: &Pool) {
    let mut profile = aqueduct_cpu_pool::Profile::default();
    profile.env.insert("PREPARE".to_owned(), "hang".to_owned());
    let own = format!("AQUEDUCT_CPU_WORKER={}:", std::process::id());
    tokio::join!(pool.run_in(profile, "echo"), async {
        loop {
            let pids = marked(&own);
            if !pids.is_empty() {
                println!("{}", pids.join(" "));
                wait_for_line();
            }
            tokio::task::yield_now().await;
        }
    });
}

fn wait_for_line() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}
