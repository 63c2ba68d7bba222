//! Who may call what: every operation of the document is called by everybody, and answers as the document says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

use super::support::{Answer, Caller, Cast, Contract, Guard, Operation, TestApp};

/// Operations without credentials, each looked at by a person: adding one is a decision.
const OPEN: &[&str] = &[
    "confirm_password_reset",
    "create_session",
    "create_user",
    "get_atom_feed",
    "get_feed",
    "get_health",
    "get_json_feed",
    "get_jwks",
    "get_metrics",
    "get_notice",
    "get_notice_by_source",
    "get_notice_revision",
    "get_project",
    "get_readiness",
    "get_region",
    "list_categories",
    "list_notice_revisions",
    "list_notice_types",
    "list_notices",
    "list_regions",
    "list_registration_options",
    "refresh_session",
    "search_notices",
    "start_password_reset",
    "start_registration",
    "suggest_words",
];

#[test]
fn what_is_open_was_decided() {
    let mut open: Vec<_> = Contract::read().operations();
    open.retain(|operation| operation.guard == Guard::Open);
    let mut names: Vec<_> = open.iter().map(|operation| operation.id.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, OPEN);
}

#[test]
fn every_route_is_registered_where_it_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a readable file");
            for hidden in [".route(", "web::resource(", "Resource::new(", ".external_resource("] {
                assert!(!text.contains(hidden), "{}: `{hidden}` registers what no document shows", path.display());
            }
        }
    }
}

#[tokio::test]
async fn every_operation_takes_the_callers_that_its_document_names_and_no_others() {
    let app = TestApp::with(|config| config.limits.on = false).await;
    let contract = Contract::read();
    for operation in contract.operations() {
        // New ones for each: some operations end the session or the account of whoever calls.
        let cast = Cast::assemble(&app).await;
        let call = async |caller: &Caller| call(&contract, &operation, caller).await;
        let (user, publisher) = (&cast.user, &cast.publisher);
        match operation.guard {
            Guard::Open => {
                for caller in [&cast.anonymous, user, publisher] {
                    let answer = call(caller).await;
                    assert!(answer.json["code"] != "unauthenticated", "{}: {}", answer.asked, answer.text);
                    assert_ne!(answer.status, 403, "{}: {}", answer.asked, answer.text);
                }
            }
            guard => {
                call(&cast.anonymous).await.expect(401).problem("unauthenticated");
                let strangers: &[&Caller] = if guard == Guard::Publisher { &[user, &cast.admin] } else { &[publisher] };
                for stranger in strangers {
                    call(stranger).await.expect(401).problem("unauthenticated");
                }
                let lesser: &[&Caller] = match guard {
                    Guard::Operator => &[user, &cast.keeper],
                    Guard::Admin => &[user, &cast.keeper, &cast.operator],
                    _ => &[],
                };
                for caller in lesser {
                    call(caller).await.expect(403).problem("forbidden");
                }
                let answer = call(cast.of(guard)).await;
                assert!(
                    !matches!(answer.json["code"].as_str(), Some("unauthenticated" | "forbidden")),
                    "{}",
                    answer.text
                );
            }
        }
    }
}

#[tokio::test]
async fn who_may_not_call_is_told_so_and_not_what_is_wrong_with_the_body() {
    let app = TestApp::with(|config| config.limits.on = false).await;
    let mut operations = Contract::read().operations();
    operations.retain(|operation| operation.guard != Guard::Open && operation.body().is_some());
    for operation in operations {
        let path = operation.at(|_| "nonsense".to_owned());
        let wrong = async |caller: &Caller| {
            caller.send(operation.method.clone(), &path, Some("{\"x\":1}".to_owned()), &[]).await
        };
        // New ones for each, so that nobody is known yet.
        let cast = Cast::assemble(&app).await;
        let stranger = if operation.guard == Guard::Publisher { &cast.user } else { &cast.publisher };
        wrong(stranger).await.expect(401).problem("unauthenticated");
        wrong(&cast.anonymous.bearing(format!("yzk_{}", "0".repeat(64)))).await.expect(401);
        if matches!(operation.guard, Guard::Operator | Guard::Admin) {
            wrong(&cast.user).await.expect(403).problem("forbidden");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_ours_opens_nothing() {
    let app = TestApp::spawn().await;
    let user = app.user().await;
    let token = user.bearer().expect("a token").to_owned();
    let parts: Vec<_> = token.split('.').collect();
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let bytes = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64");
    let mut claims: serde_json::Value = serde_json::from_slice(&bytes).expect("claims");
    let unsigned = format!("{}.{}.", encode(json!({ "alg": "none", "typ": "JWT" })), parts[1]);
    claims["role"] = json!("admin");
    let raised = format!("{}.{}.{}", parts[0], encode(claims.clone()), parts[2]);
    let symmetric = format!("{}.{}.{}", encode(json!({ "alg": "HS256", "typ": "JWT" })), parts[1], parts[2]);
    let reversed: String = parts[2].chars().rev().collect();
    let forged = format!("{}.{}.{reversed}", parts[0], parts[1]);
    for bad in [unsigned, raised, symmetric, forged, String::from("x.y.z"), String::from("yzk_nonsense"), String::new()]
    {
        let stranger = user.bearing(bad);
        stranger.get("/v1/me").await.expect(401).problem("unauthenticated");
        stranger.get("/v1/operator/users").await.expect(401).problem("unauthenticated");
        stranger.post("/v1/notices", json!({})).await.expect(401).problem("unauthenticated");
    }
    user.get("/v1/me").await.expect(200);
    app.world().advance(Duration::from_secs(16 * 60));
    user.get("/v1/me").await.expect(401).problem("unauthenticated");
}

#[tokio::test]
async fn a_publishers_key_with_one_letter_changed_opens_nothing() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let mut secret = publisher.bearer().expect("a key").to_owned();
    let last = if secret.pop() == Some('A') { 'B' } else { 'A' };
    secret.push(last);
    publisher.bearing(secret).post("/v1/notices", json!({})).await.expect(401).problem("unauthenticated");
    publisher.post("/v1/notices", json!({})).await.expect(422).problem("invalid");
}

async fn call(contract: &Contract, operation: &Operation, caller: &Caller) -> Answer {
    let parameters = operation.parameters("path");
    let path = operation.at(|name| {
        let (_, parameter) = parameters.iter().find(|(known, _)| known == name).expect("a parameter");
        let sample = contract.sample(&parameter["schema"]);
        sample.as_str().map_or_else(|| sample.to_string(), ToOwned::to_owned)
    });
    let body = operation.body().map(|schema| contract.sample(schema).to_string());
    caller.send(operation.method.clone(), &path, body, &[]).await
}
