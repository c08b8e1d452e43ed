//! Writes the examples of every fuzz target to files, for the fuzzer to begin with: `fuzz_examples FOLDER`.

use std::path::Path;

use integration::fuzz::TARGETS;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    for target in TARGETS {
        let folder = Path::new(&folder).join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, example) in (target.examples)().into_iter().enumerate() {
            std::fs::write(folder.join(format!("example-{number}")), example)?;
        }
    }
    Ok(())
}
