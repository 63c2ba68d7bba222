//! Rate limits, through the door.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use yizhan::services::limits::{CODES_FROM_LINE, CODES_TO_PERSON, WRONG_FOR_PERSON, WRONG_FOR_PERSON_FROM_LINE};

use super::account::{ask, register, reset_password, sign_in, sign_in_from};
use super::support::{Answer, TestApp};

/// Says that the answer refuses, and for how long.
#[track_caller]
fn refused(answer: Answer) -> u64 {
    let answer = answer.expect(429).problem("too_many_requests");
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!(seconds > 0);
    seconds
}

#[tokio::test]
async fn every_answer_says_how_much_is_left() {
    let app = TestApp::spawn().await;
    let user = app.user().await;
    let left = async |path: &str| {
        let answer = user.get(path).await;
        assert_eq!(answer.header("ratelimit-limit"), "600");
        assert!((0..=60).contains(&answer.header("ratelimit-reset").parse::<u64>().expect("seconds")));
        answer.header("ratelimit-remaining").parse::<u64>().expect("a number")
    };
    let first = left("/v1/me").await;
    assert_eq!((left("/v1/me").await, left("/v1/nowhere").await), (first - 1, first - 2));
    assert_eq!(app.anonymous().get("/v1/categories").await.header("ratelimit-limit"), "1200");
    assert_eq!(app.anonymous().get("/healthz").await.header("ratelimit-limit"), "");
}

#[tokio::test]
async fn users_are_counted_apart_and_strangers_by_their_address() {
    let app = TestApp::with(|config| {
        config.limits.user_per_minute = 3;
        config.limits.address_per_minute = 2;
    })
    .await;
    let (one, other) = (app.user().await, app.user().await);
    for _ in 0..3 {
        one.get("/v1/me").await.expect(200);
    }
    let seconds = refused(one.get("/v1/me").await);
    assert!(seconds <= 61, "{seconds}");
    other.get("/v1/me").await.expect(200);
    // Made-up credentials prove nobody: they are counted for the address.
    app.anonymous().bearing("nonsense").get("/v1/categories").await.expect(200);
    app.anonymous().get("/v1/categories").await.expect(200);
    let answer = app.anonymous().bearing("yzk_nonsense").get("/v1/categories").await;
    assert_eq!(answer.header("ratelimit-remaining"), "0");
    refused(answer);
    other.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_publisher_is_counted_for_its_key() {
    let app = TestApp::with(|config| config.limits.key_per_minute = 2).await;
    let publisher = app.publisher().await;
    for _ in 0..2 {
        assert_eq!(publisher.get("/v1/categories").await.expect(200).header("ratelimit-limit"), "2");
    }
    refused(publisher.get("/v1/categories").await);
}

#[tokio::test]
async fn only_so_many_codes_go_to_one_person() {
    let app = TestApp::spawn().await;
    for _ in 0..CODES_TO_PERSON.limit {
        ask(&app, "phone", "13800138000").await.expect(202);
    }
    // The same person in another spelling.
    refused(ask(&app, "phone", "+86 138-0013-8000").await);
    ask(&app, "phone", "13800138001").await.expect(202);
}

#[tokio::test]
async fn only_so_many_codes_are_sent_from_one_address() {
    let app = TestApp::with(|config| config.limits.trusted_proxies = "127.0.0.0/8".parse().expect("a network")).await;
    let from = async |line: &str, number: u64| {
        let body = json!({ "kind": "phone", "address": format!("138{number:08}") }).to_string();
        app.anonymous().send(Method::POST, "/v1/registrations", Some(body), &[("x-forwarded-for", line)]).await
    };
    for number in 0..CODES_FROM_LINE.limit {
        from("203.0.113.1", number).await.expect(202);
    }
    refused(from("203.0.113.1", 90).await);
    from("203.0.113.2", 91).await.expect(202);
}

#[tokio::test]
async fn nobody_hides_behind_a_header_that_no_proxy_wrote() {
    let app = TestApp::with(|config| config.limits.address_per_minute = 1).await;
    let from = async |line: &str| {
        app.anonymous().send(Method::GET, "/v1/categories", None, &[("x-forwarded-for", line)]).await
    };
    from("203.0.113.1").await.expect(200);
    refused(from("203.0.113.2").await);
}

#[tokio::test]
async fn guessing_passwords_ends_after_ten() {
    let app = TestApp::spawn().await;
    register(&app).await;
    for _ in 0..WRONG_FOR_PERSON_FROM_LINE.limit - 1 {
        sign_in(&app, "wrong horse").await.expect(401);
    }
    // The right one is not counted among them.
    sign_in(&app, "correct horse").await.expect(201);
    sign_in(&app, "wrong horse").await.expect(401);
    let seconds = refused(sign_in(&app, "correct horse").await);
    assert!(Duration::from_secs(seconds) <= WRONG_FOR_PERSON_FROM_LINE.window + Duration::from_secs(1));
}

/// An application that believes what is said of where a call comes from.
async fn behind_a_proxy() -> TestApp {
    TestApp::with(|config| config.limits.trusted_proxies = "127.0.0.0/8".parse().expect("a network")).await
}

#[tokio::test]
async fn a_stranger_who_guesses_keeps_nobody_out_but_the_own_address() {
    let app = behind_a_proxy().await;
    register(&app).await;
    for _ in 0..WRONG_FOR_PERSON_FROM_LINE.limit {
        sign_in_from(&app, "203.0.113.1", "wrong horse").await.expect(401);
    }
    refused(sign_in_from(&app, "203.0.113.1", "correct horse").await);
    sign_in_from(&app, "203.0.113.2", "correct horse").await.expect(201);
}

#[tokio::test]
async fn many_who_guess_keep_somebody_out_until_the_password_is_reset() {
    let app = behind_a_proxy().await;
    register(&app).await;
    let (per_line, all) = (WRONG_FOR_PERSON_FROM_LINE.limit, WRONG_FOR_PERSON.limit);
    for number in 0..all {
        sign_in_from(&app, &format!("203.0.113.{}", number / per_line), "wrong horse").await.expect(401);
    }
    refused(sign_in_from(&app, "198.51.100.1", "correct horse").await);
    reset_password(&app, "another horse").await.expect(204);
    sign_in_from(&app, "198.51.100.1", "another horse").await.expect(201);
}

#[tokio::test]
async fn whoever_forgot_the_password_signs_in_after_a_reset() {
    let app = TestApp::spawn().await;
    register(&app).await;
    for _ in 0..WRONG_FOR_PERSON_FROM_LINE.limit {
        sign_in(&app, "wrong horse").await.expect(401);
    }
    refused(sign_in(&app, "correct horse").await);
    reset_password(&app, "another horse").await.expect(204);
    sign_in(&app, "another horse").await.expect(201);
}

#[tokio::test]
async fn no_way_to_write_an_address_leads_past_the_count() {
    let app = TestApp::with(|config| config.limits.address_per_minute = 3).await;
    for path in ["/%76%31/categories", "/v%31/notices", "/%76%31/%6eotices?limit=1"] {
        assert_eq!(app.anonymous().get(path).await.expect(200).header("ratelimit-limit"), "3", "{path}");
    }
    refused(app.anonymous().get("/%76%31/categories").await);
}

#[tokio::test]
async fn two_installations_that_share_a_redis_count_apart() {
    let app = TestApp::with(|config| {
        config.limits.address_per_minute = 1;
        config.notifier.redis_prefix = "one".to_owned();
    })
    .await;
    let other = app.another(|config| config.notifier.redis_prefix = "other".to_owned()).await;
    for copy in [&app, &other] {
        copy.anonymous().get("/v1/categories").await.expect(200);
        refused(copy.anonymous().get("/v1/categories").await);
    }
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let app = TestApp::with(|config| {
        config.limits.on = false;
        config.limits.address_per_minute = 1;
    })
    .await;
    for _ in 0..3 {
        assert_eq!(app.anonymous().get("/v1/categories").await.expect(200).header("ratelimit-limit"), "");
    }
}
