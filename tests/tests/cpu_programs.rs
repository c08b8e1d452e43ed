//! Whole programs with CPU tasks, as users write them, and what is left of them.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A program; it is killed when it is dropped.
struct Program {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(path: &str, arg: &str) -> Self {
        let mut command = Command::new(path);
        command
            .arg(arg)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn rest(self) -> Vec<String> {
        let (rest, code) = self.end();
        assert_eq!(code, Some(0));
        rest
    }

    /// Returns what it still says, and the code that it ends with.
    fn end(self) -> (Vec<String>, Option<i32>) {
        let Self { mut process, lines } = self;
        let rest = lines.map(Result::unwrap).collect();
        (rest, process.wait().unwrap().code())
    }
}

fn signal(signal: &str, pids: &[&str]) {
    let mut kill = Command::new("kill");
    assert!(kill.arg(signal).args(pids).status().unwrap().success());
}

/// Waits until a process is gone: its exit ends `tail`.
fn await_end(pid: &str) {
    let mut tail = Command::new("tail");
    let tail = tail
        .args(["-s", "0.01", "-f", "/dev/null", "--pid", pid])
        .status();
    assert!(tail.unwrap().success());
}

#[test]
fn the_attribute_on_main_is_enough_and_its_body_runs_once() {
    let mut program = Program::start(env!("CARGO_BIN_EXE_cpu_program"), "return");
    let own = program.process.id().to_string();
    assert_eq!(program.line(), "main begins");
    assert_ne!(program.line(), own, "the task ran in another process");
    assert_eq!(program.rest(), ["main ends"], "no worker has run the body");
}

#[test]
fn a_killed_program_leaves_no_worker() {
    let mut program = Program::start(env!("CARGO_BIN_EXE_cpu_program"), "spin");
    assert_eq!(program.line(), "main begins");
    let worker = program.line();
    program.process.kill().unwrap();
    program.process.wait().unwrap();
    await_end(&worker);
}

#[test]
fn r20_a_program_without_the_hook_becomes_a_worker_where_it_starts_its_app() {
    let program = Program::start(env!("CARGO_BIN_EXE_cpu_late"), "late");
    assert_eq!(program.rest(), ["true"]);
}

#[test]
fn r20_a_program_that_never_reaches_a_hook_starts_no_further_workers() {
    let program = Program::start(env!("CARGO_BIN_EXE_cpu_late"), "never");
    let said = program.rest().concat();
    assert!(
        said.starts_with("NotStarted(") && said.contains("refused"),
        "{said}"
    );
}

/// Starts a program whose worker is busy; returns it, its process id and that of the worker.
fn busy(how: &str) -> (Program, String, String) {
    let mut program = Program::start(env!("CARGO_BIN_EXE_cpu_program"), how);
    assert_eq!(program.line(), "main begins");
    let worker = program.line();
    let own = program.process.id().to_string();
    (program, own, worker)
}

#[test]
fn r30_ctrl_c_once_gives_the_run_back() {
    let (program, own, worker) = busy("listen");
    signal("-INT", &[&own]);
    assert_eq!(program.rest(), ["released and unsettled: Some((1, 0))"]);
    await_end(&worker);
}

#[test]
fn r30_ctrl_c_twice_waits_for_nothing() {
    // Its grace time of 25 s is longer than this test may take.
    let (mut program, own, worker) = busy("ignore");
    signal("-INT", &[&own]);
    // Until the first is heard, a second one is the same: so it is sent until it ends.
    while program.process.try_wait().unwrap().is_none() {
        signal("-INT", &[&own]);
        std::thread::yield_now();
    }
    let (rest, code) = program.end();
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(code, Some(1));
    await_end(&worker);
}

#[test]
fn r30_sigterm_to_the_whole_unit_loses_nothing() {
    let (program, own, worker) = busy("finish");
    signal("-TERM", &[&own, &worker]);
    let rest = program.rest();
    // It finishes what it does, or gives it back if the signal has met a run that was told to end.
    let is_settled = rest.len() == 1 && rest[0].ends_with(", 0))");
    assert!(is_settled, "{rest:?}");
    await_end(&worker);
}
