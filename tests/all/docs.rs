//! What the walk and the promises name is there: files, functions, tests.

use std::path::Path;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The cells of the tables of a page, row by row, without what stands under no header.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands between backticks in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_file_and_function_of_the_walk_is_there() {
    let page = read("docs/walk.md");
    let mut steps = 0;
    for row in rows(&page) {
        let [file, function, _] = row.as_slice() else { panic!("{row:?}") };
        let (Some(file), Some(function)) = (quoted(file).next(), quoted(function).next()) else { continue };
        assert!(
            read(file).contains(&format!("fn {function}(")) || read(file).contains(&format!("fn {function}<")),
            "{file} {function}"
        );
        steps += 1;
    }
    assert!(steps > 30, "{steps} steps");
    for file in quoted(&page).filter(|word| word.starts_with("src/")) {
        read(file);
    }
}

#[test]
fn every_promise_has_a_test_that_is_there() {
    let page = read("docs/promises.md");
    let mut promises = 0;
    for row in rows(&page) {
        let [_, test, how, _] = row.as_slice() else { panic!("{row:?}") };
        let Some((module, name)) = quoted(test).next().and_then(|test| test.rsplit_once("::")) else { continue };
        let file = match module.split_once("::") {
            Some(("faults", module)) => format!("tests/faults/{module}.rs"),
            _ => format!("tests/all/{module}.rs"),
        };
        assert!(read(&file).contains(&format!("fn {name}(")), "{file} {name}");
        for file in quoted(how).filter(|word| word.starts_with("src/")) {
            read(file);
        }
        promises += 1;
    }
    assert!(promises >= 11, "{promises}");
}
