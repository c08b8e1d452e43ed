//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Reads text files, analyses each as a chain of tasks, prints a table.

Usage: quickstart [--broker URL] [--output FILE] [PATH…]

  PATH…           files and folders; default: the text files of this repository
  --broker URL    default: memory://
  --output FILE   also writes the table there, tab-separated; whole or not at all
  --help          this text

Analysed are regular files of UTF-8 text of up to 64 MiB. `distinct` is the number of
different words in a file: `-` for the total, and for a file with over 2,097,152 of them.

Exit code: 0 all analysed; 1 something was not, or the table could not be written;
2 wrong call, or nothing to analyse; 130 interrupted
";

/// A checked command line.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) broker: String,
    pub(crate) output: Option<PathBuf>,
    pub(crate) paths: Vec<PathBuf>,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Request {
    Help,
    Run(Args),
}

/// Parses the command line.
pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> anyhow::Result<Request> {
    let mut args = Args {
        broker: "memory://".to_owned(),
        output: None,
        paths: Vec::new(),
    };
    let mut words = words;
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--help" | "-h") => return Ok(Request::Help),
            Some("--broker") => {
                args.broker = value("--broker", words.next())?
                    .into_string()
                    .map_err(|_| anyhow::anyhow!("the broker URL is not UTF-8"))?;
            }
            Some("--output") => {
                let file = value("--output", words.next())?.into();
                let earlier = args.output.replace(file);
                anyhow::ensure!(earlier.is_none(), "`--output` is given twice; see --help");
            }
            Some("--") => args.paths.extend(words.by_ref().map(PathBuf::from)),
            Some(option) if option.starts_with('-') => {
                anyhow::bail!("unknown option `{option}`; see --help")
            }
            _ => args.paths.push(PathBuf::from(word)),
        }
    }
    if args.paths.is_empty() {
        args.paths.push(repository());
    }
    Ok(Request::Run(args))
}

fn value(option: &str, word: Option<OsString>) -> anyhow::Result<OsString> {
    word.ok_or_else(|| anyhow::anyhow!("`{option}` needs a value; see --help"))
}

/// The top of this repository, as seen by the compiler.
fn repository() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package
        .ancestors()
        .nth(2)
        .map_or(package.clone(), PathBuf::from)
}
