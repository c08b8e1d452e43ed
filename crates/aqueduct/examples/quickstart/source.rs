//! Reads a file, one part at a time: never more than a part is in memory.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use aqueduct::serde::{Deserialize, Serialize};

/// The most bytes of a file that are read.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The most bytes that one run analyses; parameters may have 1 MiB.
const MAX_PART_BYTES: u64 = 256 * 1024;

/// A part of a text; if it is not the last one, it ends within no character and no `\r\n`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "aqueduct::serde")]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) is_last: bool,
}

/// Reads the part that begins at `offset`, or says why not.
pub(crate) async fn read_part(path: PathBuf, offset: u64) -> Result<Part, String> {
    tokio::task::spawn_blocking(move || {
        let bytes = read(&path, offset)?;
        let is_last = (bytes.len() as u64) < MAX_PART_BYTES;
        let text = text(bytes, offset, is_last)?;
        Ok(Part { text, is_last })
    })
    .await
    .map_err(|error| error.to_string())?
}

/// Returns why a file will not be read, if so; opening a pipe would wait for its writer.
pub(crate) fn problem(metadata: &Metadata) -> Option<String> {
    if !metadata.is_file() {
        return Some("not a regular file".to_owned());
    }
    (metadata.len() > MAX_FILE_BYTES).then(too_long)
}

fn read(path: &Path, offset: u64) -> Result<Vec<u8>, String> {
    let said = |error: io::Error| error.to_string();
    if let Some(problem) = problem(&fs::metadata(path).map_err(said)?) {
        return Err(problem);
    }
    let mut file = File::open(path).map_err(said)?;
    file.seek(SeekFrom::Start(offset)).map_err(said)?;
    let mut bytes = Vec::new();
    file.take(MAX_PART_BYTES)
        .read_to_end(&mut bytes)
        .map_err(said)?;
    // What the metadata say may be wrong by now, or always was, as in `/proc`.
    if offset + bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_long());
    }
    Ok(bytes)
}

fn text(mut bytes: Vec<u8>, offset: u64, is_last: bool) -> Result<String, String> {
    if let Err(error) = std::str::from_utf8(&bytes) {
        let is_cut = error.error_len().is_none();
        if is_last || !is_cut {
            let wrong = offset + error.valid_up_to() as u64;
            return Err(format!("not UTF-8 text: first wrong byte at {wrong}"));
        }
        bytes.truncate(error.valid_up_to());
    }
    if !is_last && bytes.ends_with(b"\r") {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

fn too_long() -> String {
    format!("over {MAX_FILE_BYTES} bytes")
}
