//! The example `quickstart`, run as the program that it is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// A folder of one test, gone after it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("quickstart-{test}-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// Makes one file of many names.
    #[cfg(unix)]
    fn links(&self, count: usize, content: impl AsRef<[u8]>) {
        let first = self.file("0.txt", content);
        for number in 1..count {
            let name = format!("{number:0>200}.txt");
            fs::hard_link(&first, self.path(&name)).unwrap();
        }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program, in the folder of the examples beside the one of the tests.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let name = format!("quickstart{}", std::env::consts::EXE_SUFFIX);
    let program = profile.join("examples").join(name);
    if is_outdated(&program) {
        build(profile.ends_with("release"));
    }
    program
});

/// Returns whether a program is missing or older than its source.
///
/// `cargo test` and `cargo nextest run` build the examples with the tests; a call for these tests
/// alone does not.
fn is_outdated(program: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    let newest = fs::read_dir(source)
        .unwrap()
        .filter_map(|entry| changed(&entry.unwrap().path()))
        .max();
    changed(program) < newest
}

fn build(release: bool) {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--package", "aqueduct", "--example", "quickstart"]);
    if release {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
}

fn quickstart() -> Command {
    Command::new(PROGRAM.as_path())
}

fn run(words: &[&Path]) -> Output {
    quickstart().args(words).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// What a line of the written table should be: the text as a whole, the straight way.
fn expected(path: &Path, text: &str) -> String {
    let words: Vec<&str> = text
        .split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let distinct = words.iter().collect::<HashSet<_>>().len();
    let longest = text.lines().map(|line| line.chars().count()).max();
    let fnv1a = |line: &str| {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        line.bytes().fold(0xcbf2_9ce4_8422_2325, step)
    };
    let hash = text.lines().map(fnv1a).fold(0, u64::wrapping_add);
    format!(
        "{}\t{}\t{}\t{}\t{distinct}\t{}\t{hash:016x}\t",
        path.display(),
        text.len(),
        text.lines().count(),
        words.len(),
        longest.unwrap_or(0),
    )
}

#[test]
fn figures_are_exact_wherever_a_file_is_cut() {
    const PART: usize = 256 * 1024;
    let words = |count: usize| (0..count).map(|it| format!("w{}", it * 7919 % 30_011));
    let texts = [
        ("empty", String::new()),
        ("ends of lines only", "\n\r\n\n".to_owned()),
        ("exactly a part", "a".repeat(PART)),
        ("exactly a part with its end", "a".repeat(PART - 1) + "\n"),
        ("one long word", "x".repeat(600_000)),
        (
            "a megabyte, one line",
            words(180_000).collect::<Vec<_>>().join(" "),
        ),
        (
            "the same words in each part",
            "the same words again\n".repeat(20_000),
        ),
        ("cut in a line end", "a".repeat(PART - 1) + "\r\nb\r\r\nc\r"),
        ("cut at a line end", "a".repeat(PART) + "\nb b"),
        (
            "cut in a character",
            "a".to_owned() + &"漢字€𝄞 ".repeat(50_000),
        ),
        ("carriage returns", "\r".repeat(PART + 2)),
    ];
    let folder = Folder::new("figures");
    let mut lines: Vec<String> = texts
        .iter()
        .map(|(name, text)| expected(&folder.file(&format!("{name}.txt"), text), text))
        .collect();
    lines.sort();
    let table = folder.path("table");
    let output = run(&[Path::new("--output"), &table, &folder.0]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let written = fs::read_to_string(&table).unwrap();
    let mut rows: Vec<&str> = written.lines().skip(1).collect();
    rows.sort_unstable();
    assert_eq!(rows, lines);
    let total = stdout(&output).lines().rev().nth(1).unwrap();
    assert_eq!(total.split_whitespace().nth(4), Some("-"), "{total}");
}

#[test]
fn what_cannot_be_analysed_is_a_row() {
    let folder = Folder::new("rows");
    let (good, bad) = (
        folder.file("good.txt", "hi\n"),
        folder.file("bad.txt", b"h\xff"),
    );
    let mut late = vec![b'a'; 300_000];
    late.extend("€".bytes().take(2));
    let late = folder.file("late.txt", late);
    let big = folder.path("big.txt");
    fs::File::create(&big)
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    let output = run(&[&good, &bad, &late, &big, &folder.path("missing")]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    for row in [
        "bad.txt  not analysed: not UTF-8 text: first wrong byte at 1\n",
        "late.txt not analysed: not UTF-8 text: first wrong byte at 300000\n",
        "big.txt  not analysed: over 67108864 bytes\n",
        "missing  not analysed: ",
        "1 files analysed, 4 not\n",
    ] {
        assert!(stdout(&output).contains(row), "{row}: {}", stdout(&output));
    }
}

#[test]
fn with_nothing_to_analyse_the_code_is_2() {
    let folder = Folder::new("nothing");
    let output = run(&[&folder.path("missing")]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("missing`: "),
        "{}",
        stderr(&output)
    );
    let output = run(&[&folder.0]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("no text file"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn whether_the_table_can_be_written_is_found_before_the_work() {
    let folder = Folder::new("output");
    let file = folder.file("a.txt", "a\n");
    for place in [folder.path("no/table"), folder.0.clone(), PathBuf::new()] {
        let output = run(&[Path::new("--output"), &place, &file]);
        assert_eq!(code(&output), 2, "{}", place.display());
        let named = format!("cannot be written to `{}`: ", place.display());
        assert!(stderr(&output).contains(&named), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    assert_eq!(folder.names(), ["a.txt"]);
}

#[test]
fn a_second_output_is_refused() {
    let folder = Folder::new("second");
    let (option, file) = (Path::new("--output"), folder.file("a.txt", "a\n"));
    let (first, second) = (folder.path("first"), folder.path("second"));
    let output = run(&[option, &first, option, &second, &file]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("given twice"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let folder = Folder::new("reader");
    let file = folder.file("a.txt", "a\n");
    for word in [file.as_path(), Path::new("--help")] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = quickstart().arg(word).stdout(writer).output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(
            !stderr(&output).contains("quickstart:"),
            "{}",
            stderr(&output)
        );
    }
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn special_files_are_not_opened() {
        let folder = Folder::new("special");
        let (file, pipe) = (folder.file("a.txt", "a\n"), folder.path("pipe"));
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let output = run(&[&file, &pipe, Path::new("/dev/zero")]);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        let count = stdout(&output)
            .matches("not analysed: not a regular file\n")
            .count();
        assert_eq!(count, 2, "{}", stdout(&output));
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_a_row() {
        let folder = Folder::new("locked");
        folder.file("a.txt", "a\n");
        let locked = folder.path("locked");
        fs::create_dir(&locked).unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
        // Nothing is locked for root.
        let is_locked = fs::read_dir(&locked).is_err();
        let output = run(&[&folder.0]);
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(code(&output), i32::from(is_locked), "{}", stderr(&output));
        let is_row = stdout(&output).contains("locked not analysed: ");
        assert_eq!(is_row, is_locked, "{}", stdout(&output));
    }

    #[test]
    fn names_do_not_steer_the_terminal() {
        let folder = Folder::new("names");
        folder.file("red\x1b[31m\n\t.txt", "a\n");
        let odd = OsStr::from_bytes(b"odd\xff.txt");
        // Some file systems refuse such a name.
        let is_odd = fs::write(folder.0.join(odd), "a\n").is_ok();
        let output = run(&[&folder.0]);
        assert_eq!(code(&output), i32::from(is_odd), "{}", stderr(&output));
        let table = stdout(&output);
        assert!(table.contains(r"red\u{1b}[31m\n\t.txt "), "{table}");
        assert_eq!(table.contains("its name is not UTF-8"), is_odd, "{table}");
        let output = run(&[Path::new("/missing\x1b[31m")]);
        assert!(!stderr(&output).contains('\x1b'), "{}", stderr(&output));
    }

    #[test]
    fn an_interrupt_leaves_no_output() {
        let (folder, results) = (Folder::new("interrupt"), Folder::new("interrupt-results"));
        folder.links(100, "some words in a line\n".repeat(50_000));
        let mut child = quickstart()
            .arg("--output")
            .args([results.path("table"), folder.0.clone()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        // The first tenth is done.
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let interrupt = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(interrupt.unwrap().success());
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 130, "{line}{rest}");
        assert!(rest.contains("stopped; "), "{rest}");
        assert!(output.stdout.is_empty());
        assert!(results.names().is_empty(), "{:?}", results.names());
    }

    /// The table is longer than a pipe holds, so the program waits for its reader, and can be looked at.
    #[cfg(target_os = "linux")]
    #[test]
    fn memory_does_not_grow_with_the_input() {
        const FILES: usize = 400;
        let folder = Folder::new("memory");
        let text = "some words in a line\n".repeat(3_000);
        let input = FILES * text.len() / 1024;
        folder.links(FILES, text);
        let mut child = quickstart()
            .arg(&folder.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = [0; 1];
        let stdout = child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut first).unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 0);
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.unwrap().trim().trim_end_matches(" kB");
        let peak: usize = peak.parse().unwrap();
        assert!(peak < input, "{peak} kB for {input} kB of files");
    }
}
