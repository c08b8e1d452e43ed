//! What the workers of these tests do: one act for each way to behave, or to misbehave.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use aqueduct_cpu_pool::{Body, Failed, Link, LogLine, Progress, Work};
use rustix::process::{Pid, Signal, getpid, kill_process};

/// The body of the workers.
pub(crate) struct Acts;

impl Body for Acts {
    fn names(&self) -> Vec<String> {
        vec!["echo".to_owned()]
    }

    fn prepare(&self) -> Result<(), String> {
        match std::env::var("PREPARE").as_deref() {
            Ok("print") => {
                println!("a line of the preparation");
                Ok(())
            }
            Ok("helper") => {
                leave_behind("sleep 1000");
                Ok(())
            }
            Ok("fail") => Err("the model is missing".to_owned()),
            Ok("panic") => panic!("the model is broken"),
            Ok("hang") => block(),
            _ => Ok(()),
        }
    }

    fn run(&self, work: Work, link: &Link) -> Result<Vec<u8>, Failed> {
        let params = String::from_utf8_lossy(&work.params).into_owned();
        match work.name.as_str() {
            "echo" => Ok(work.params.to_vec()),
            "fail" => Err(Failed::new("it failed").with_detail(work.params.to_vec())),
            "pid" => Ok(std::process::id().to_string().into_bytes()),
            "env" => Ok(std::env::var(params).unwrap_or_default().into_bytes()),
            "status" => Ok(std::fs::read("/proc/self/status").unwrap()),
            "limits" => Ok(std::fs::read("/proc/self/limits").unwrap()),
            "files" => Ok(crate::support::open_files().to_string().into_bytes()),
            "zeros" => Ok(vec![0; params.parse().unwrap()]),
            "detail" => Err(Failed::new("large").with_detail(vec![0; params.parse().unwrap()])),
            "hog" => {
                let memory = vec![1_u8; params.parse().unwrap()];
                Ok(black_box(&memory).len().to_string().into_bytes())
            }
            "stdin" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).unwrap();
                Ok(text.into_bytes())
            }
            "print" => Ok(print(&params)),
            "request" => request(&params, link),
            "log" => {
                let fields = vec![("size".to_owned(), "7".to_owned())];
                link.log(&LogLine::new(2, "here", "careful").with_fields(fields));
                Ok(Vec::new())
            }
            "grandchild" => grandchild(&params, link),
            "nested" => Ok(nested()),
            "leave behind" => Ok(leave_behind(&params).into_bytes()),
            "escape" => Ok(escape().into_bytes()),
            _ => run_on(&work.name, &params, link),
        }
    }
}

/// Acts that do not end well, or not by themselves.
fn run_on(act: &str, params: &str, link: &Link) -> Result<Vec<u8>, Failed> {
    link.progress(&Progress::new(1, 1, std::process::id().to_string()));
    match act {
        "panic" => panic(params),
        "panic elsewhere" => {
            let other = thread::Builder::new().name("other".to_owned());
            let ended = other.spawn(|| panic!("elsewhere")).unwrap().join();
            Ok(ended.is_err().to_string().into_bytes())
        }
        "abort" => std::process::abort(),
        "exit" => std::process::exit(params.parse().unwrap()),
        "signal" => {
            let signal = Signal::from_named_raw(params.parse().unwrap()).unwrap();
            // The first SIGSEGV that no access caused only takes the handler of the standard library away.
            loop {
                kill_process(getpid(), signal).unwrap();
            }
        }
        "overflow" => Ok(vec![overflow(1)]),
        "overflow elsewhere" => {
            let other = thread::Builder::new().name("other".to_owned());
            Ok(vec![other.spawn(|| overflow(1)).unwrap().join().unwrap()])
        }
        "block" => block(),
        "hog and block" => {
            let memory = vec![1_u8; params.parse().unwrap()];
            black_box(&memory);
            block()
        }
        "spin" => loop {
            black_box(act);
        },
        "poll" => {
            let (stopped, wait) = mpsc::channel();
            link.on_stop(move |stop| stopped.send(stop.clone()).unwrap());
            let stop = wait.recv().unwrap();
            Err(Failed::new(format!("ends because of: {}", stop.why)))
        }
        "garbage" => garbage(params),
        "done, then killed" => {
            // The first work of its worker; an empty map, and a result of four bytes.
            write_raw(&frame(1, &[0x80], b"late"));
            kill_process(getpid(), Signal::KILL).unwrap();
            block()
        }
        "request, then abort" => {
            let (asked, is_asked) = mpsc::channel();
            let link = link.clone();
            thread::spawn(move || {
                asked.send(()).unwrap();
                request("never", &link)
            });
            is_asked.recv().unwrap();
            block()
        }
        other => Err(Failed::new(format!("there is no act `{other}`"))),
    }
}

fn block<T>() -> T {
    let (_alive, never) = mpsc::channel::<T>();
    never.recv().unwrap()
}

fn panic(how: &str) -> ! {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the drop of the payload");
        }
    }
    match how {
        "text" => panic!("a text"),
        "string" => panic!("a string of {}", how.len()),
        "other" => std::panic::panic_any(7_u8),
        _ => std::panic::panic_any(Bomb),
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn overflow(depth: u8) -> u8 {
    let local = black_box([depth; 4096]);
    overflow(local[7].wrapping_add(1)).wrapping_add(local[9])
}

fn print(what: &str) -> Vec<u8> {
    let mut out = std::io::stdout().lock();
    match what {
        "lines" => {
            for number in 0..200_000 {
                writeln!(out, "line {number}").unwrap();
            }
        }
        "binary" => {
            let bytes: Vec<u8> = (0..=255).collect();
            for _ in 0..1000 {
                out.write_all(&bytes).unwrap();
            }
        }
        "no newline" => out.write_all(&vec![b'x'; 10_000_000]).unwrap(),
        text => {
            writeln!(out, "{text}").unwrap();
            eprintln!("{text}, on stderr");
        }
    }
    b"printed".to_vec()
}

fn request(what: &str, link: &Link) -> Result<Vec<u8>, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let count = what.parse().unwrap_or(1);
        let mut last = Vec::new();
        for _ in 0..count {
            let answer = link.request(what.as_bytes().to_vec()).await;
            last = answer.map_err(|error| Failed::new(error.to_string()))?;
        }
        Ok(last)
    })
}

/// Starts a program that ignores signals, and reports its process id.
#[expect(clippy::zombie_processes, reason = "the pool has to end it")]
fn grandchild(how: &str, link: &Link) -> Result<Vec<u8>, Failed> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' TERM HUP INT; echo started; exec sleep 1000"]);
    shell.stdout(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    let mut word = [0; 7];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut word)
        .unwrap();
    let pids = format!("{} {}", std::process::id(), child.id());
    link.progress(&Progress::new(1, 1, pids.clone()));
    match how {
        "return" => Ok(pids.into_bytes()),
        "die" => std::process::abort(),
        "stopped" => {
            kill_process(getpid(), Signal::STOP).unwrap();
            block()
        }
        _ => block(),
    }
}

/// Starts this program again: it has the marker, but another parent.
fn nested() -> Vec<u8> {
    let mut again = Command::new("/proc/self/exe");
    again.arg0("nested").arg("parent-nested");
    let output = again.stdin(Stdio::piped()).output().unwrap();
    output.stdout
}

/// Writes what is no frame to the pipe of the protocol.
fn garbage(what: &str) -> Result<Vec<u8>, Failed> {
    let magic = [0xA9, 0xDC];
    let head = |kind: u8, blob: u32| {
        let mut bytes = magic.to_vec();
        bytes.extend([kind, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(blob.to_le_bytes());
        bytes
    };
    let bytes = match what {
        "magic" => b"what is this? it is no frame at all".to_vec(),
        "length" => head(0x88, u32::MAX),
        "unknown kind" => head(0x77, 0),
        "wrong direction" => head(0x02, 0),
        "wrong time" => head(0x81, 0),
        "bad map" => head(0x88, 0),
        "truncated" => head(0x88, 1000),
        _ => return Err(Failed::new("no such garbage")),
    };
    write_raw(&bytes);
    if what == "truncated" {
        std::process::abort();
    }
    block()
}

/// Makes a frame that says that work is done.
fn frame(about: u32, meta: &[u8], blob: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let mut bytes = vec![0xA9, 0xDC, 0x88, 0];
    bytes.extend(about.to_le_bytes());
    bytes.extend(length(meta));
    bytes.extend(length(blob));
    bytes.extend(meta);
    bytes.extend(blob);
    bytes
}

/// Writes to the pipe of the protocol, behind the back of the library.
fn write_raw(bytes: &[u8]) {
    for fd in 10..20 {
        let pipe = OpenOptions::new()
            .write(true)
            .open(format!("/proc/self/fd/{fd}"));
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}"));
        let flags = info.unwrap_or_default();
        let flags = flags.lines().find(|line| line.starts_with("flags:"));
        let is_output = flags.is_some_and(|flags| flags.ends_with('1'));
        if let (Ok(mut pipe), true) = (pipe, is_output) {
            let _ = pipe.write_all(bytes);
        }
    }
}

/// Starts a program in the background of a shell that ends; returns its process id.
fn leave_behind(command: &str) -> String {
    let mut shell = Command::new("sh");
    let script = format!("trap '' TERM HUP INT; {command} >/dev/null 2>&1 & echo $!");
    let output = shell.args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Starts a program that leaves the process group, and waits until it has.
fn escape() -> String {
    let pid = leave_behind("setsid sleep 1000");
    let own = rustix::process::getpgrp();
    let process = Pid::from_raw(pid.parse().unwrap());
    while rustix::process::getpgid(process).unwrap() == own {
        thread::yield_now();
    }
    // Another one stays in the group.
    leave_behind("sleep 1000");
    pid
}
