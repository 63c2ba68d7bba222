//! The demo: its data is what the door takes, and its numbers add up.

use std::collections::BTreeMap;
use std::process::Command;

use chrono::Utc;
use serde_json::{Value, json};
use yizhan::cli::demo::data::{self, Operation};

/// The schema of a body as the document has it, with everything that it refers to.
fn validator(name: &str) -> jsonschema::Validator {
    let document = serde_json::to_value(yizhan::http::document()).expect("the document is JSON");
    let schema = json!({
        "$ref": format!("#/components/schemas/{name}"),
        "components": document["components"].clone(),
    });
    jsonschema::draft202012::new(&schema).expect("the document's schemas are sound")
}

#[track_caller]
fn holds(schema: &jsonschema::Validator, body: &Value) {
    let wrong: Vec<String> =
        schema.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?} in {body}");
}

#[test]
fn the_demos_data_is_what_the_door_takes() {
    let (notices, revisions, withdrawals) =
        (validator("NoticeBody"), validator("RevisionBody"), validator("WithdrawalBody"));
    let mut kinds = BTreeMap::new();
    for operation in data::operations(Utc::now()) {
        let kind = match operation.expect("an operation") {
            Operation::Publish { notice } => {
                holds(&notices, &notice);
                "publish"
            }
            Operation::Revise { editorial, notice, .. } => {
                holds(&revisions, &json!({ "notice": notice, "editorial": editorial }));
                "revise"
            }
            Operation::Withdraw { reason, .. } => {
                holds(&withdrawals, &json!({ "reason": reason }));
                "withdraw"
            }
        };
        *kinds.entry(kind).or_insert(0) += 1;
    }
    assert!(kinds["publish"] > 2_000 && kinds["revise"] > 50 && kinds["withdraw"] > 10, "{kinds:?}");
    let subscriptions = validator("SubscriptionBody");
    for person in data::people().expect("people") {
        for wanted in person.subscriptions {
            let body = json!({ "name": wanted.name, "filter": wanted.filter, "frequency": "immediate" });
            holds(&subscriptions, &body);
        }
    }
}

#[test]
fn the_demo_ends_well_and_its_numbers_add_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
    // Whatever pair the suite runs on: the demo has a database of its own.
    command.env_clear().env("YIZHAN_DATA_DIR", folder.path()).env("YIZHAN_LISTEN", "127.0.0.1:0");
    let ended = command.args(["demo", "--count", "60", "--rate", "0", "--exit"]).output().expect("the demo starts");
    let (text, log) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{}\n{text}\n{log}", ended.status);
    assert!(text.contains("  ✓ ") && !text.contains('✗'), "{text}");
    for line in ["已发布 published", "投递 deliveries"] {
        let line = text.lines().find(|found| found.trim_start().starts_with(line) && found.contains(" = "));
        let (total, parts) = line.unwrap_or_else(|| panic!("no such line in {text}")).split_once(" = ").expect("a sum");
        let parts: i64 = parts.split(" + ").map(last_number).sum();
        assert_eq!(last_number(total), parts, "{line:?}");
        assert!(parts > 0, "{line:?}");
    }
    assert!(!folder.path().join("yizhan.db").exists(), "a real database is not touched");
}

/// The number that a phrase ends with.
fn last_number(phrase: &str) -> i64 {
    let word = phrase.split_whitespace().last().expect("a word");
    word.replace(',', "").parse().unwrap_or_else(|_| panic!("no number at the end of {phrase}"))
}
