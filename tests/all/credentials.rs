//! What becomes of passwords and roles at the edges: between two calls, and in what is left behind.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;
use yizhan::domain::id::UserId;
use yizhan::domain::time::Clock;
use yizhan::domain::user::Role;
use yizhan::services::Result;
use yizhan::storage::{Tx, identity, user};

use super::account::{bearing, register, reset_password, sign_in};
use super::support::{Answer, TestApp};

const SIGN_IN: &str = "/v1/sessions";

/// What is kept of the bodies of repeatable calls.
async fn digests(app: &TestApp) -> Vec<Vec<u8>> {
    let connection = app.database().connect().await;
    let text = "SELECT body_hash FROM idempotency_keys ORDER BY idempotency_key";
    let statement = Statement::from_string(connection.get_database_backend(), text);
    let rows = connection.query_all_raw(statement).await.expect("rows");
    rows.iter().map(|row| row.try_get("", "body_hash").expect("a digest")).collect()
}

#[tokio::test]
async fn nothing_that_is_kept_of_a_call_tells_a_password_or_a_code() {
    let app = TestApp::spawn().await;
    register(&app).await;
    let body = |password: &str| json!({ "kind": "phone", "address": "13800138000", "password": password });
    app.anonymous().post_once(SIGN_IN, "1", body("correct horse")).await.expect(201);
    reset_password(&app, "another horse").await.expect(204);
    app.anonymous().post_once(SIGN_IN, "2", body("another horse")).await.expect(201);
    let repeat = app.anonymous().post_once(SIGN_IN, "2", body("another horse")).await;
    repeat.expect(409).problem("secret_shown_once");
    app.anonymous().post_once(SIGN_IN, "2", body("wrong horse")).await.expect(401);

    let open = async |key: &str, address: &str, password: &str| {
        super::account::ask(&app, "email", address).await.expect(202);
        let code = app.world().open_letter(address).await.expect("a code");
        let body =
            json!({ "kind": "email", "address": address, "code": code, "password": password, "display_name": "李" });
        app.anonymous().post_once("/v1/users", key, body).await.expect(201)
    };
    open("3", "a@example.com", "first password").await;
    open("4", "b@example.com", "second password").await;

    let kept = digests(&app).await;
    assert_eq!(kept.len(), 4);
    assert_eq!((&kept[0], &kept[2]), (&kept[1], &kept[3]), "the password has a part in what is kept");
    assert_ne!(kept[0], kept[2]);
}

/// Makes a call while a transaction that has done this is open, and commits it once the call waits for it.
async fn meanwhile(
    app: &TestApp,
    held: impl AsyncFnOnce(&Tx) -> Result<()> + Send + 'static,
    call: impl Future<Output = Answer>,
) -> Answer {
    let open = app
        .inside(async move |deps| {
            let tx = deps.db.begin().await.expect("a transaction");
            held(&tx).await.expect("what is held");
            (tx, deps.db.engine())
        })
        .await;
    let commit = async {
        let (tx, engine) = open;
        match engine {
            DbBackend::Postgres => app.somebody_waits_for_a_lock().await,
            // Nobody can be seen waiting for SQLite's one writer. What is asserted holds whoever is first; this is for the
            // call to be under way, mostly.
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        app.inside(async move |_| tx.commit().await).await.expect("a commit");
    };
    tokio::join!(call, commit).0
}

#[tokio::test]
async fn a_sign_in_that_was_under_way_while_the_password_changed_begins_no_session() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    let id: UserId = tokens.string("/user_id").parse().expect("an id");
    let change = async move |tx: &Tx| -> Result<()> {
        user::lock(tx, id).await?;
        identity::set_password(tx, id, "what nobody knows").await?;
        Ok(())
    };
    // It compares with what stood before, and then waits for the change.
    let late = meanwhile(&app, change, sign_in(&app, "correct horse")).await;
    late.expect(401).problem("wrong_credentials");
    let sessions = bearing(&app, &tokens).get("/v1/sessions").await.expect(200);
    assert_eq!(sessions.items().len(), 1);
}

#[tokio::test]
async fn a_password_is_not_changed_from_a_session_that_a_reset_has_ended() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    let id: UserId = tokens.string("/user_id").parse().expect("an id");
    let end = async move |tx: &Tx| -> Result<()> {
        user::lock(tx, id).await?;
        let reason = yizhan::domain::session::SessionEnd::PasswordChanged;
        yizhan::services::session::end_all_in(tx, id, None, Clock::system().now(), reason).await.map(drop)
    };
    let caller = bearing(&app, &tokens);
    let body = json!({ "password": "correct horse", "new_password": "another horse" });
    let changed = meanwhile(&app, end, caller.put("/v1/me/password", body)).await;
    changed.expect(401).problem("unauthenticated");
    sign_in(&app, "correct horse").await.expect(201);
}

#[tokio::test]
async fn the_last_admin_can_neither_leave_nor_be_unmade() {
    let app = TestApp::spawn().await;
    let (one, other) = (app.admin().await, app.admin().await);
    let role = |id| format!("/v1/admin/users/{id}/role");
    let (demote_other, demote_one) = (role(other.id), role(one.id));
    // Both at once: whoever comes second would have been the last.
    let body = json!({ "role": "user" });
    let (a, b) = tokio::join!(one.put(&demote_other, body.clone()), other.put(&demote_one, body));
    let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
    won.expect(200);
    assert!([403, 409].contains(&lost.status), "{}", lost.text);
    let last = app
        .inside(async |deps| deps.db.write(async |tx| -> Result<_> { Ok(user::lock_admins(tx).await?) }).await)
        .await
        .expect("the admins");
    assert_eq!(last.len(), 1);
    let last = if last[0] == one.id { &one } else { &other };
    last.delete("/v1/me").await.expect(409).problem("last_admin");

    let next = app.user().await;
    let made = last.put(&role(next.id), json!({ "role": Role::Admin.as_str() })).await.expect(200);
    assert_eq!(made.string("/role"), "admin");
    last.delete("/v1/me").await.expect(204);
}
