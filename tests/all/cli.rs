//! Commands, as an operator types them.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use yizhan::app;

use super::support::{Answer, TestApp};

const MAILBOX: &str = "root@example.com";

/// Runs a command beside an application, on its database.
fn yizhan(app: &TestApp, arguments: &[&str], input: &str) -> Output {
    let database = app.database();
    let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
    command
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", &database.url)
        .env("YIZHAN_DATA_DIR", database.folder.path())
        .envs(database.redis_url.as_ref().map(|url| ("REDIS_URL", url)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads or closes its input");
    child.wait_with_output().expect("the command ends")
}

/// What a command that succeeded printed, by lines.
#[track_caller]
fn printed(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect()
}

/// What a command that failed said.
#[track_caller]
fn complained(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn sign_in(app: &TestApp, password: &str) -> Answer {
    let body = json!({ "kind": "email", "address": MAILBOX, "password": password });
    app.anonymous().post("/v1/sessions", body).await
}

async fn role(app: &TestApp, password: &str) -> Value {
    let tokens = sign_in(app, password).await.expect(201);
    let me = app.anonymous().bearing(tokens.string("/access_token"));
    me.get("/v1/me").await.expect(200).at("/role").clone()
}

#[tokio::test]
async fn the_first_admin_is_made_from_the_command_line() {
    let app = TestApp::spawn().await;
    let create = ["admin", "create", "--email", MAILBOX, "--password-stdin"];
    let lines = printed(&yizhan(&app, &create, "correct horse\n"));
    assert!(lines.len() == 1 && lines[0].starts_with("usr_"), "{lines:?}");
    assert_eq!(role(&app, "correct horse").await, "admin");
    assert!(complained(&yizhan(&app, &create, "correct horse\n")).contains("the address has an account"));
    let short = ["admin", "create", "--email", "other@example.com", "--password-stdin"];
    assert!(complained(&yizhan(&app, &short, "short\n")).contains("8 to 128 characters"));

    printed(&yizhan(&app, &["admin", "role", "--email", MAILBOX, "--role", "operator"], ""));
    assert_eq!(role(&app, "correct horse").await, "operator");
    assert!(complained(&yizhan(&app, &["admin", "role", "--email", MAILBOX, "--role", "king"], "")).contains("king"));
}

#[tokio::test]
async fn a_password_that_is_made_up_is_printed_once_and_works() {
    let app = TestApp::spawn().await;
    let lines = printed(&yizhan(&app, &["admin", "create", "--email", MAILBOX], ""));
    assert_eq!(role(&app, &lines[1]).await, "admin");
}

#[tokio::test]
async fn a_rotated_key_signs_at_the_next_start() {
    let mut app = TestApp::spawn().await;
    printed(&yizhan(&app, &["admin", "create", "--email", MAILBOX, "--password-stdin"], "correct horse\n"));
    let kid = printed(&yizhan(&app, &["keys", "rotate"], "")).remove(0);
    app.restart().await;
    let tokens = sign_in(&app, "correct horse").await.expect(201);
    let header = jsonwebtoken::decode_header(tokens.string("/access_token")).expect("a token");
    assert_eq!(header.kid, Some(kid));
}

#[tokio::test]
async fn a_command_that_writes_is_refused_while_a_server_has_the_folder() {
    let app = TestApp::spawn().await;
    let held = app::lock(app.config()).expect("the lock is free");
    for command in [&["keys", "rotate"][..], &["migrate"], &["admin", "role", "--email", MAILBOX, "--role", "user"]] {
        let output = yizhan(&app, command, "");
        // PostgreSQL has many writers, and there is nothing to take.
        if held.is_some() {
            let words = complained(&output);
            assert!(words.contains("yizhan.lock is locked"), "{command:?}: {words}");
        }
    }
    drop(held);
    assert!(printed(&yizhan(&app, &["migrate"], ""))[0].starts_with("0 migrations"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_shown_waited_for_and_had_tried_again_from_the_command_line() {
    let app = TestApp::spawn().await;
    let person = app.user().await;
    super::support::subscription().subscribe(&person).await;
    for token in ["refused-cli-1", "quota-cli-2"] {
        let device = json!({ "platform": "android", "name": "手机", "channel": "sandbox", "token": token });
        person.post("/v1/devices", device).await.expect(201);
    }
    app.publisher().await.post("/v1/notices", super::support::notice().0).await.expect(201);
    let standing = || -> Value {
        let lines = printed(&yizhan(&app, &["queue", "show", "--json"], ""));
        serde_json::from_str(&lines.join("\n")).expect("an object")
    };
    super::support::eventually("one is dead and one waits", async || {
        let standing = standing();
        let waits = standing["waiting"][0]["state"] == "due" && standing["waiting"][0]["deliveries"] == 1;
        (waits && standing["dead"]["deliveries"] == 1 && standing["fan_outs"] == 0).then_some(())
    })
    .await;
    let shown = printed(&yizhan(&app, &["queue"], ""));
    assert!(shown.iter().any(|line| line.starts_with("due        1 on sandbox, the first at ")), "{shown:?}");
    let late = complained(&yizhan(&app, &["queue", "drain", "--within", "0"], ""));
    assert!(late.contains("not carried within 0 s"), "{late}");
    let dead = printed(&yizhan(&app, &["queue", "dead", "--reason", "payload", "--json"], ""));
    let [letter] = dead.as_slice() else { panic!("{dead:?}") };
    let letter: Value = serde_json::from_str(letter).expect("an object");
    assert_eq!((&letter["kind"], &letter["delivery"]["attempts"][0]["number"]), (&json!("delivery"), &json!(1)));
    let told = printed(&yizhan(&app, &["queue", "dead"], ""));
    assert!(told[0].contains(" delivery refused payload: ntc_") && told[1].starts_with("  try 1 "), "{told:?}");
    for narrowed in [["--to", "2000-01-01T00:00:00Z"], ["--from", "2100-01-01T00:00:00Z"], ["--reason", "quota"]] {
        assert!(printed(&yizhan(&app, &[&["queue", "dead"][..], &narrowed].concat(), "")).is_empty(), "{narrowed:?}");
        assert!(!yizhan(&app, &[&["queue", "replay"][..], &narrowed].concat(), "").status.success(), "{narrowed:?}");
    }
    let since = ["queue", "replay", "--channel", "sandbox", "--from", "2000-01-01T00:00:00Z"];
    let replayed = printed(&yizhan(&app, &since, ""));
    assert_eq!(replayed, [r#"{"deliveries":1,"chunks":0,"extended":0,"overdue":0}"#]);
    let none = yizhan(&app, &["queue", "replay", "--notice", "ntc_00000000000000000000000000"], "");
    assert!(!none.status.success());
}
