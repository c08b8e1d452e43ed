//! The limit: a pipe to a process that echoes, both ends blocking; and a process for each run.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cores;
use integration::bench::now;

use crate::figures::{self, Times};

/// About what an empty run sends and receives.
const BYTES: usize = 100;

/// Echoes until the input ends, on one core.
pub(crate) fn echo(core: usize) -> io::Result<()> {
    cores::stay_on(core)?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut bytes = [0; BYTES];
    while input.read_exact(&mut bytes).is_ok() {
        output.write_all(&bytes)?;
        output.flush()?;
    }
    Ok(())
}

/// Measures round trips to such a process on a core.
pub(crate) fn round_trips(count: usize, core: usize) -> anyhow::Result<Times> {
    let mut echo = Command::new("/proc/self/exe");
    let mut echo = echo
        .args(["echo", &core.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut input), Some(mut output)) = (echo.stdin.take(), echo.stdout.take()) else {
        anyhow::bail!("the process has no pipes");
    };
    let mut bytes = [7; BYTES];
    let mut times: Vec<Duration> = Vec::with_capacity(count);
    for _ in 0..count {
        let began = now();
        input.write_all(&bytes)?;
        output.read_exact(&mut bytes)?;
        times.push(began.elapsed());
    }
    drop(input);
    echo.wait()?;
    Ok(Times::new(times))
}

/// Returns the private memory of such a process, in KiB: what any second process of this program has.
pub(crate) fn memory() -> anyhow::Result<u64> {
    let mut echo = Command::new("/proc/self/exe");
    let mut echo = echo
        .args(["echo", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut input), Some(mut output)) = (echo.stdin.take(), echo.stdout.take()) else {
        anyhow::bail!("the process has no pipes");
    };
    // Once it has answered, it has done all that it ever does.
    let mut bytes = [7; BYTES];
    input.write_all(&bytes)?;
    output.read_exact(&mut bytes)?;
    let private = figures::private_memory(&echo.id().to_string());
    drop(input);
    echo.wait()?;
    private
}

/// Measures what starting and awaiting a process costs that does nothing.
pub(crate) fn process_per_run(count: usize) -> anyhow::Result<Times> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let began = now();
        Command::new("/proc/self/exe").arg("exit").status()?;
        times.push(began.elapsed());
    }
    Ok(Times::new(times))
}
