//! Sessions, through the door: tokens good and bad, refreshing, ending.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use yizhan::domain::session::{ACCESS_LIFETIME, MAX_SESSIONS, SESSION_LIFETIME};
use yizhan::services::session::STANDING_AGE;
use yizhan::storage::signing_key;

use super::account::{bearing, register, sign_in};
use super::support::{Answer, TestApp, eventually};

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.anonymous().post("/v1/sessions/refresh", json!({ "refresh_token": token })).await
}

/// The claims of an access token.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON")
}

/// What must not open the door: header, claims and signature of each are wrong in one way.
async fn forgeries(app: &TestApp, token: &str) -> Vec<(&'static str, String)> {
    let keys = app.inside(async |deps| signing_key::list(deps.db.reader()).await).await.expect("the keys");
    let key = EncodingKey::from_ed_der(&keys[0].private_key);
    let header = Header { kid: Some(keys[0].kid.clone()), ..Header::new(Algorithm::EdDSA) };
    let good = claims(token);
    let with = |name: &str, value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        changed
    };
    let signed = |header: &Header, claims: &Value, key: &EncodingKey| {
        jsonwebtoken::encode(header, claims, key).expect("a token")
    };
    let (head, rest) = token.split_once('.').expect("a token");
    let (payload, signature) = rest.split_once('.').expect("a token");
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = encode(&json!({ "alg": "none", "typ": "JWT", "kid": keys[0].kid }));
    let mac = Header { alg: Algorithm::HS256, ..header.clone() };
    let stranger = aws_lc_rs::signature::Ed25519KeyPair::generate().expect("a key");
    let stranger = EncodingKey::from_ed_der(stranger.to_pkcs8().expect("a document").as_ref());
    let unknown = Header { kid: Some("unknown".to_owned()), ..header.clone() };
    let mut timeless = good.clone();
    timeless.as_object_mut().expect("claims").remove("exp");
    vec![
        ("no signature", format!("{none}.{payload}.")),
        ("alg none with a signature", format!("{none}.{payload}.{signature}")),
        ("another algorithm, keyed with the public key", {
            signed(&mac, &good, &EncodingKey::from_secret(&keys[0].public_key))
        }),
        ("another key under our name", signed(&header, &good, &stranger)),
        ("another key under its own name", signed(&unknown, &good, &stranger)),
        ("no key named", signed(&Header::new(Algorithm::EdDSA), &good, &key)),
        ("a changed claim", format!("{head}.{}.{signature}", encode(&with("role", json!("admin"))))),
        ("another audience", signed(&header, &with("aud", json!("others")), &key)),
        ("another issuer", signed(&header, &with("iss", json!("others")), &key)),
        ("long expired", signed(&header, &with("exp", json!(1)), &key)),
        ("no end", signed(&header, &timeless, &key)),
        ("another's session", signed(&header, &with("sub", json!("usr_01h455vb4pex5vsknk084sn02q")), &key)),
        ("nonsense", "nonsense".to_owned()),
        ("too long", format!("{token}{}", "A".repeat(4_000))),
    ]
}

#[tokio::test]
async fn no_forged_token_opens_the_door() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    let token = tokens.string("/access_token");
    for (what, forged) in forgeries(&app, &token).await {
        let answer = app.anonymous().bearing(forged).get("/v1/me").await;
        assert_eq!(answer.status, 401, "{what} opened the door: {}", answer.text);
        assert_eq!(answer.problem("unauthenticated").header("www-authenticate"), "Bearer");
    }
    app.anonymous().get("/v1/me").await.expect(401).problem("unauthenticated");
    // The signer of the forgeries knows how: with nothing changed it is let in.
    bearing(&app, &tokens).get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn an_access_token_is_good_for_fifteen_minutes() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    app.world().advance(ACCESS_LIFETIME - Duration::from_secs(30));
    bearing(&app, &tokens).get("/v1/me").await.expect(200);
    app.world().advance(Duration::from_secs(31));
    bearing(&app, &tokens).get("/v1/me").await.expect(401).problem("unauthenticated");
    let next = refresh(&app, &tokens.string("/refresh_token")).await.expect(200);
    bearing(&app, &next).get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_session_whoever_comes_second() {
    let app = TestApp::spawn().await;
    let first = register(&app).await;
    let second = refresh(&app, &first.string("/refresh_token")).await.expect(200);
    let third = refresh(&app, &second.string("/refresh_token")).await.expect(200);
    refresh(&app, &first.string("/refresh_token")).await.expect(401).problem("refresh_token_reused");
    refresh(&app, &third.string("/refresh_token")).await.expect(401).problem("refresh_token_invalid");
    bearing(&app, &third).get("/v1/me").await.expect(401).problem("unauthenticated");
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins_and_the_session_ends() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    let token = tokens.string("/refresh_token");
    let (one, other) = tokio::join!(refresh(&app, &token), refresh(&app, &token));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    bearing(&app, &tokens).get("/v1/me").await.expect(401);
}

#[tokio::test]
async fn nobody_ends_a_session_by_making_a_token_up() {
    let app = TestApp::spawn().await;
    let first = register(&app).await;
    let token = first.string("/refresh_token");
    let next = refresh(&app, &token).await.expect(200);
    let parts: Vec<&str> = token.split('.').collect();
    let flip = |part: &str| {
        if let Some(rest) = part.strip_prefix('A') { format!("B{rest}") } else { format!("A{}", &part[1..]) }
    };
    let forged = format!("{}.{}.{}.{}", parts[0], parts[1], flip(parts[2]), parts[3]);
    for token in [forged.as_str(), "yzr_nonsense", "x"] {
        refresh(&app, token).await.expect(401).problem("refresh_token_invalid");
    }
    refresh(&app, &next.string("/refresh_token")).await.expect(200);
}

#[tokio::test]
async fn a_session_that_is_not_refreshed_ends() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    app.world().advance(SESSION_LIFETIME);
    refresh(&app, &tokens.string("/refresh_token")).await.expect(401).problem("refresh_token_invalid");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_user_alone() {
    let app = TestApp::spawn().await;
    let (one, two) = (register(&app).await, sign_in(&app, "correct horse").await.expect(201));
    assert_eq!(two.header("location"), format!("/v1/sessions/{}", two.string("/session_id")));
    let me = bearing(&app, &one);
    let list = me.get("/v1/sessions").await.expect(200);
    let current: Vec<&Value> = list.items().iter().filter(|item| item["current"] == true).collect();
    assert_eq!((list.items().len(), current.len()), (2, 1));
    assert_eq!(current[0]["id"], one.string("/session_id"));

    let path = format!("/v1/sessions/{}", two.string("/session_id"));
    app.user().await.delete(&path).await.expect(404).problem("not_found");
    bearing(&app, &two).get("/v1/me").await.expect(200);
    me.delete(&path).await.expect(204);
    me.delete(&path).await.expect(404);
    bearing(&app, &two).get("/v1/me").await.expect(401).problem("unauthenticated");

    me.delete("/v1/sessions/current").await.expect(204);
    me.get("/v1/me").await.expect(401);
    refresh(&app, &one.string("/refresh_token")).await.expect(401).problem("refresh_token_invalid");
}

#[tokio::test]
async fn another_copy_notices_an_ended_session_within_five_seconds() {
    let app = TestApp::spawn().await;
    let copy = app.second_copy().await;
    let tokens = register(&app).await;
    let me = bearing(&app, &tokens);
    me.at(copy.url("")).get("/v1/me").await.expect(200);
    me.delete("/v1/sessions/current").await.expect(204);
    let ended = std::time::Instant::now();
    eventually("the copy refuses", async || {
        Some(me.at(copy.url("")).get("/v1/me").await).filter(|answer| answer.status == 401)
    })
    .await;
    assert!(ended.elapsed() < STANDING_AGE + Duration::from_secs(2), "{:?}", ended.elapsed());
}

#[tokio::test]
async fn a_user_has_so_many_sessions_and_the_oldest_make_room() {
    let app = TestApp::spawn().await;
    let first = register(&app).await;
    for _ in 1..MAX_SESSIONS {
        app.world().advance(Duration::from_secs(1));
        sign_in(&app, "correct horse").await.expect(201);
    }
    bearing(&app, &first).get("/v1/me").await.expect(200);
    let last = sign_in(&app, "correct horse").await.expect(201);
    bearing(&app, &first).get("/v1/me").await.expect(401);
    assert_eq!(bearing(&app, &last).get("/v1/sessions").await.expect(200).items().len(), MAX_SESSIONS);
}
