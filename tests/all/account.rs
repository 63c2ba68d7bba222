//! Accounts, through the door: opening one, its codes, its password, leaving.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use yizhan::domain::identity::{CODE_LIFETIME, CODE_TRIES};

use super::support::{Answer, Caller, TestApp};

const PHONE: &str = "+8613800138000";
const PASSWORD: &str = "correct horse";

/// Asks for a code.
pub async fn ask(app: &TestApp, kind: &str, address: &str) -> Answer {
    app.anonymous().post("/v1/registrations", json!({ "kind": kind, "address": address })).await
}

/// The body that opens an account.
fn user(code: &str) -> Value {
    json!({ "kind": "phone", "address": PHONE, "code": code, "password": PASSWORD, "display_name": "李雷" })
}

/// Opens an account with a phone.
pub async fn register(app: &TestApp) -> Answer {
    ask(app, "phone", PHONE).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    app.anonymous().post("/v1/users", user(&code)).await.expect(201)
}

/// Signs in with the phone.
pub async fn sign_in(app: &TestApp, password: &str) -> Answer {
    let body = json!({ "kind": "phone", "address": PHONE, "password": password, "client": "tests" });
    app.anonymous().post("/v1/sessions", body).await
}

/// Signs in with the phone, from a network address that a proxy tells of.
pub async fn sign_in_from(app: &TestApp, line: &str, password: &str) -> Answer {
    let body = json!({ "kind": "phone", "address": PHONE, "password": password, "client": "tests" }).to_string();
    app.anonymous().send(Method::POST, "/v1/sessions", Some(body), &[("x-forwarded-for", line)]).await
}

/// Resets the phone's password with a code.
pub async fn reset_password(app: &TestApp, password: &str) -> Answer {
    let request = json!({ "kind": "phone", "address": PHONE });
    app.anonymous().post("/v1/password-resets", request).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    let body = json!({ "kind": "phone", "address": PHONE, "code": code, "password": password });
    app.anonymous().post("/v1/password-resets/confirm", body).await
}

/// Somebody who bears the access token of an answer.
pub fn bearing(app: &TestApp, tokens: &Answer) -> Caller {
    app.anonymous().bearing(tokens.string("/access_token"))
}

/// Another code that has six digits as well.
fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..5])
}

#[tokio::test]
async fn a_person_registers_signs_in_and_reads_the_profile() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    assert_eq!(tokens.header("location"), "/v1/me");
    let profile = bearing(&app, &tokens).get("/v1/me").await.expect(200);
    assert_eq!(
        (profile.string("/id"), profile.string("/display_name"), profile.string("/role")),
        (tokens.string("/user_id"), "李雷".to_owned(), "user".to_owned())
    );
    assert_eq!(profile.string("/identities/0/address"), PHONE);
    assert!(profile.at("/identities/0/password_hash").is_null());

    let again = sign_in(&app, PASSWORD).await.expect(201);
    assert_eq!(again.string("/user_id"), tokens.string("/user_id"));
    let renamed = bearing(&app, &again).patch("/v1/me", json!({ "display_name": " 韩梅梅 " })).await.expect(200);
    assert_eq!(renamed.string("/display_name"), "韩梅梅");
}

#[tokio::test]
async fn the_ways_to_register_are_those_that_are_configured() {
    let app = TestApp::spawn().await;
    let options = app.anonymous().get("/v1/registrations/options").await.expect(200);
    assert_eq!(options.at("/kinds"), &json!(["phone", "email"]));

    let bare = TestApp::with(|config| config.sandbox = false).await;
    let options = bare.anonymous().get("/v1/registrations/options").await.expect(200);
    assert_eq!(options.at("/kinds"), &json!([]));
    ask(&bare, "phone", PHONE).await.expect(503).problem("registration_off");
}

#[tokio::test]
async fn a_known_and_an_unknown_address_get_the_same_answer() {
    let app = TestApp::spawn().await;
    let unknown = ask(&app, "phone", PHONE).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    app.anonymous().post("/v1/users", user(&code)).await.expect(201);

    let known = ask(&app, "phone", "138 0013 8000").await.expect(202);
    assert_eq!(known.text, unknown.text);
    assert_eq!(app.world().open_letter(PHONE).await, None, "a word about the account, and no code");

    let reset = |address: &str| json!({ "kind": "phone", "address": address });
    let known = app.anonymous().post("/v1/password-resets", reset(PHONE)).await.expect(202);
    let unknown = app.anonymous().post("/v1/password-resets", reset("13900139000")).await.expect(202);
    assert_eq!(known.text, unknown.text);
    app.world().open_letter(PHONE).await.expect("a code");
    // The unknown one got no letter then: the first that comes is the one for registering.
    ask(&app, "phone", "13900139000").await.expect(202);
    let mut stranger = user(&app.world().open_letter("+8613900139000").await.expect("a code"));
    stranger["address"] = json!("13900139000");
    app.anonymous().post("/v1/users", stranger).await.expect(201);

    let nobody = json!({ "kind": "phone", "address": "13700137000", "password": PASSWORD });
    let nobody = app.anonymous().post("/v1/sessions", nobody).await.expect(401).problem("wrong_credentials");
    let wrong = sign_in(&app, "wrong password").await.expect(401).problem("wrong_credentials");
    assert_eq!(wrong.string("/title"), nobody.string("/title"));
}

#[tokio::test]
async fn a_code_is_good_for_five_tries() {
    let app = TestApp::spawn().await;
    ask(&app, "phone", PHONE).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    for _ in 0..CODE_TRIES {
        app.anonymous().post("/v1/users", user(&wrong(&code))).await.expect(422).problem("wrong_code");
    }
    app.anonymous().post("/v1/users", user(&code)).await.expect(422).problem("wrong_code");

    // A new one begins anew, and the one before counts no more.
    ask(&app, "phone", PHONE).await.expect(202);
    let newer = app.world().open_letter(PHONE).await.expect("a code");
    app.anonymous().post("/v1/users", user(&newer)).await.expect(201);
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes_and_one_use() {
    let app = TestApp::spawn().await;
    ask(&app, "phone", PHONE).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    app.world().advance(CODE_LIFETIME);
    app.anonymous().post("/v1/users", user(&code)).await.expect(422).problem("wrong_code");

    ask(&app, "phone", PHONE).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    app.world().advance(CODE_LIFETIME - Duration::from_secs(60));
    app.anonymous().post("/v1/users", user(&code)).await.expect(201);
    app.anonymous().post("/v1/users", user(&code)).await.expect(422).problem("wrong_code");
}

#[tokio::test]
async fn a_code_for_registering_resets_no_password() {
    let app = TestApp::spawn().await;
    ask(&app, "phone", PHONE).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    let body = json!({ "kind": "phone", "address": PHONE, "code": code, "password": "another one" });
    app.anonymous().post("/v1/password-resets/confirm", body).await.expect(422).problem("wrong_code");
}

#[tokio::test]
async fn a_repeated_registration_is_answered_with_the_users_id() {
    let app = TestApp::spawn().await;
    ask(&app, "phone", PHONE).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    let first = app.anonymous().post_once("/v1/users", "once", user(&code)).await.expect(201);
    let again = app.anonymous().post_once("/v1/users", "once", user(&code)).await;
    let again = again.expect(409).problem("secret_shown_once");
    assert_eq!(again.string("/detail"), first.string("/user_id"));
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_registration_is_said_at_once() {
    let app = TestApp::spawn().await;
    let body = json!({ "kind": "phone", "address": "12345", "code": "12", "password": "short", "display_name": "" });
    let answer = app.anonymous().post("/v1/users", body).await.expect(422).problem("invalid");
    let places: Vec<String> = answer.violations().into_iter().map(|(place, _)| place).collect();
    for place in ["/code", "/display_name", "/password"] {
        assert!(places.iter().any(|found| found == place), "{place} in {places:?}");
    }
    let body =
        json!({ "kind": "phone", "address": "12345", "code": "123456", "password": PASSWORD, "display_name": " " });
    let answer = app.anonymous().post("/v1/users", body).await.expect(422).problem("invalid");
    let found = [("/address", "phone"), ("/display_name", "display_name")];
    assert_eq!(answer.violations(), found.map(|(place, rule)| (place.to_owned(), rule.to_owned())));

    let own =
        json!({ "kind": "phone", "address": PHONE, "code": "123456", "password": "13800138000", "display_name": "李" });
    let answer = app.anonymous().post("/v1/users", own).await.expect(422).problem("invalid");
    assert_eq!(answer.violations(), [("/password".to_owned(), "is_address".to_owned())]);
}

#[tokio::test]
async fn a_reset_password_ends_all_sessions() {
    let app = TestApp::spawn().await;
    let before = register(&app).await;
    reset_password(&app, "another horse").await.expect(204);

    bearing(&app, &before).get("/v1/me").await.expect(401).problem("unauthenticated");
    let refresh = json!({ "refresh_token": before.string("/refresh_token") });
    app.anonymous().post("/v1/sessions/refresh", refresh).await.expect(401).problem("refresh_token_invalid");
    sign_in(&app, PASSWORD).await.expect(401);
    sign_in(&app, "another horse").await.expect(201);
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_spares_this_one() {
    let app = TestApp::spawn().await;
    let (this, other) = (register(&app).await, sign_in(&app, PASSWORD).await.expect(201));
    let me = bearing(&app, &this);
    let wrong = json!({ "password": "wrong horse", "new_password": "another horse" });
    let refused = me.put("/v1/me/password", wrong).await.expect(422).problem("invalid");
    assert_eq!(refused.violations(), [("/password".to_owned(), "wrong_password".to_owned())]);

    let body = json!({ "password": PASSWORD, "new_password": "another horse" });
    me.put("/v1/me/password", body).await.expect(204);
    me.get("/v1/me").await.expect(200);
    bearing(&app, &other).get("/v1/me").await.expect(401);
    sign_in(&app, "another horse").await.expect(201);
}

#[tokio::test]
async fn an_erased_user_leaves_no_name_and_the_address_is_free() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    let me = bearing(&app, &tokens);
    me.get("/v1/me").await.expect(200);
    me.delete("/v1/me").await.expect(204);
    me.get("/v1/me").await.expect(401).problem("unauthenticated");
    sign_in(&app, PASSWORD).await.expect(401).problem("wrong_credentials");

    let admin = app.admin().await;
    let found = admin.get("/v1/operator/users?q=%E6%9D%8E%E9%9B%B7").await.expect(200);
    assert!(found.items().is_empty());

    ask(&app, "phone", PHONE).await.expect(202);
    let code = app.world().open_letter(PHONE).await.expect("a code");
    let next = app.anonymous().post("/v1/users", user(&code)).await.expect(201);
    assert_ne!(next.string("/user_id"), tokens.string("/user_id"));
}

#[tokio::test]
async fn staff_find_users_and_an_admin_gives_roles() {
    let app = TestApp::spawn().await;
    let (admin, tokens) = (app.admin().await, register(&app).await);
    let person = bearing(&app, &tokens);
    person.get("/v1/operator/users").await.expect(403).problem("forbidden");
    app.operator().await.get("/v1/operator/users").await.expect(200);

    for query in ["q=1380013", "q=%E6%9D%8E", "limit=1"] {
        let found = admin.get(&format!("/v1/operator/users?{query}")).await.expect(200);
        assert!(!found.items().is_empty(), "{query}");
    }
    assert!(admin.get("/v1/operator/users?q=%25").await.expect(200).items().is_empty(), "% is a letter like any other");
    let first = admin.get("/v1/operator/users?limit=1").await.expect(200);
    let path = format!("/v1/operator/users?limit=100&cursor={}", first.string("/next_cursor"));
    let rest = admin.get(&path).await.expect(200);
    assert!(rest.items().iter().all(|item| item["id"] != first.items()[0]["id"]));
    admin.get("/v1/operator/users?cursor=nonsense").await.expect(422).problem("invalid");

    let path = format!("/v1/admin/users/{}/role", tokens.string("/user_id"));
    app.operator().await.put(&path, json!({ "role": "admin" })).await.expect(403).problem("forbidden");
    let made = admin.put(&path, json!({ "role": "admin" })).await.expect(200);
    assert_eq!(made.string("/role"), "admin");
    admin.put(&path, json!({ "role": "king" })).await.expect(422).problem("invalid");
    let own = format!("/v1/admin/users/{}/role", admin.id);
    admin.put(&own, json!({ "role": "user" })).await.expect(403).problem("forbidden");
    // A new session at the latest carries the new role; the old one does so within five seconds.
    let again = sign_in(&app, PASSWORD).await.expect(201);
    bearing(&app, &again).get("/v1/operator/users").await.expect(200);
}
