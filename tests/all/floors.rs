//! The staircase only goes down: who may import whom, read from `src/` itself.

use std::path::{Path, PathBuf};

/// Each floor and what it may import besides itself; `app`, `cli` and `main` see everything.
const MAY_IMPORT: [(&str, &str); 10] = [
    ("domain", ""),
    ("telemetry", "domain"),
    ("storage", "domain telemetry"),
    ("kv", "domain telemetry"),
    ("queue", "domain telemetry storage kv"),
    ("providers", "domain telemetry kv"),
    ("services", "domain telemetry storage kv queue providers"),
    ("sandbox", "domain telemetry"),
    ("http", "domain telemetry services"),
    ("workers", "domain telemetry services queue"),
];

#[test]
fn no_floor_imports_what_stands_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in files(&root) {
        let name = file.strip_prefix(&root).expect("a file of src").display().to_string();
        let floor = name.split(['/', '.']).next().unwrap_or_default();
        let Some((_, below)) = MAY_IMPORT.iter().find(|(known, _)| *known == floor) else {
            // `config` reads each floor's settings; a floor that nobody wrote down here has no place in the house.
            assert!(["app", "cli", "config", "lib", "main"].contains(&floor), "{name}: no floor of the table");
            continue;
        };
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, path) in code.flat_map(|(at, line)| line.split("crate::").skip(1).map(move |path| (at + 1, path)))
        {
            let target = path.split(|c: char| c != '_' && !c.is_ascii_lowercase()).next().unwrap_or_default();
            if target != floor && !below.split(' ').any(|allowed| allowed == target && !target.is_empty()) {
                wrong.push(format!("src/{name}:{number} {floor} -> {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "the staircase only goes down:\n{}", wrong.join("\n"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let nested = entries.map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    nested.flatten().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}
