//! The list of cases is complete: a case that nobody runs would pass for ever.

use std::fs;
use std::path::Path;

#[test]
fn every_case_is_listed_in_its_module() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let list = fs::read_to_string(source.join("lib.rs")).unwrap();
    let mut cases = 0;
    for entry in fs::read_dir(source.join("cases")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        if module == "mod" {
            continue;
        }
        for case in text.split("\npub async fn ").skip(1) {
            let name = case.split('(').next().unwrap();
            let block = list.split(&format!("            {module} {{\n")).nth(1);
            let block = block.and_then(|block| block.split('}').next());
            let is_listed = block.is_some_and(|block| block.contains(&format!("{name}: ")));
            assert!(
                is_listed,
                "{module}::{name} is not listed in `for_each_case!`"
            );
            cases += 1;
        }
    }
    assert!(cases > 50, "only {cases} cases were found");
}
