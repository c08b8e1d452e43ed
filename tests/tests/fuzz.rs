//! The bodies of the fuzz targets, on inputs made from one seed.

use integration::fuzz::{TARGETS, smoke};
use integration::seed::seed;

/// How many inputs each target gets.
const INPUTS: usize = 4000;

#[test]
fn whatever_comes_is_read_or_refused() {
    let seed = seed();
    for target in TARGETS {
        smoke(target, seed, INPUTS);
    }
}

#[test]
fn every_target_has_a_program() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/fuzz_targets");
    for target in TARGETS {
        let path = format!("{folder}/{}.rs", target.name);
        let text = std::fs::read_to_string(&path).expect("a program for each target");
        assert!(text.contains(&format!("run(\"{}\"", target.name)), "{path}");
        assert!((target.examples)().len() > 1, "{}", target.name);
    }
}
