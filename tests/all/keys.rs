//! The keys that access tokens are signed with: shared, rotated, pruned.

use std::collections::BTreeSet;
use std::time::Duration;

use yizhan::domain::session::ACCESS_LIFETIME;
use yizhan::services::keys;
use yizhan::storage::signing_key;

use super::account::{bearing, register, sign_in};
use super::support::TestApp;

async fn rotate(app: &TestApp) -> String {
    app.inside(async |deps| keys::rotate(&deps.db, deps.clock.now()).await).await.expect("a new key")
}

async fn prune(app: &TestApp) -> u64 {
    app.inside(async |deps| keys::prune(&deps.db, deps.clock.now()).await).await.expect("pruned keys")
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).expect("a token").kid.expect("a key's name")
}

#[tokio::test]
async fn copies_accept_each_others_tokens_before_and_after_a_rotation() {
    let app = TestApp::spawn().await;
    let copy = app.second_copy().await;
    let before = register(&app).await;
    bearing(&app, &before).at(copy.url("")).get("/v1/me").await.expect(200);

    let new = rotate(&app).await;
    // Whoever starts now signs with the new key, which the other two have never heard of.
    let late = app.second_copy().await;
    let after = sign_in(&late, "correct horse").await.expect(201);
    assert_eq!(kid(&after.string("/access_token")), new);
    assert_ne!(kid(&before.string("/access_token")), new);
    for at in [&app, &copy, &late] {
        bearing(&app, &after).at(at.url("")).get("/v1/me").await.expect(200);
        bearing(&app, &before).at(at.url("")).get("/v1/me").await.expect(200);
    }
}

#[tokio::test]
async fn copies_that_start_at_once_make_one_key() {
    let app = TestApp::spawn().await;
    app.inside(async |deps| {
        let clear =
            async |tx: &yizhan::storage::Tx| yizhan::storage::execute(&**tx, "DELETE FROM signing_keys", []).await;
        deps.db.write(clear).await
    })
    .await
    .expect("no keys");
    let (one, two, three) = tokio::join!(app.second_copy(), app.second_copy(), app.second_copy());
    let keys = app.inside(async |deps| signing_key::list(deps.db.reader()).await).await.expect("the keys");
    assert_eq!(keys.len(), 1);
    let tokens = register(&one).await;
    for at in [&two, &three] {
        bearing(&one, &tokens).at(at.url("")).get("/v1/me").await.expect(200);
    }
}

#[tokio::test]
async fn the_key_set_holds_what_verifies_and_nothing_private() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    let new = rotate(&app).await;
    let late = app.second_copy().await;
    let set = late.anonymous().get("/.well-known/jwks.json").await.expect(200);
    let listed = set.json["keys"].as_array().expect("keys");
    let names: BTreeSet<&str> = listed.iter().filter_map(|key| key["kid"].as_str()).collect();
    let old = kid(&tokens.string("/access_token"));
    assert_eq!(names, BTreeSet::from([new.as_str(), old.as_str()]));
    for key in listed {
        assert_eq!((key["kty"].as_str(), key["alg"].as_str()), (Some("OKP"), Some("EdDSA")));
        assert!(key["d"].is_null());
        // Whoever has the set needs nothing else of ours.
        jsonwebtoken::DecodingKey::from_ed_components(key["x"].as_str().expect("a key")).expect("a public key");
    }
}

#[tokio::test]
async fn a_retired_key_is_kept_as_long_as_what_it_signed_is_alive() {
    let app = TestApp::spawn().await;
    let tokens = register(&app).await;
    rotate(&app).await;
    app.world().advance(ACCESS_LIFETIME);
    assert_eq!(prune(&app).await, 0);
    app.world().advance(keys::FRESH * 2 + Duration::from_secs(1));
    assert_eq!(prune(&app).await, 1);
    let left = app.inside(async |deps| signing_key::list(deps.db.reader()).await).await.expect("the keys");
    assert!(left.iter().all(|key| key.kid != kid(&tokens.string("/access_token"))) && left.len() == 1);
}
