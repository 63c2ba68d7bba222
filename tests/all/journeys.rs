//! Whole ways through the house, from one door to the other.

use serde_json::json;

use super::support::{TestApp, notice, subscription};

#[tokio::test]
async fn a_notice_travels_from_its_publisher_to_its_subscribers_inbox_and_phone() {
    let app = TestApp::spawn().await;
    let (publisher, reader, stranger) = (app.publisher().await, app.user().await, app.user().await);
    let (phone, other_phone) = (reader.with_device().await, stranger.with_device().await);
    let filter = json!({ "categories": ["construction"], "regions": ["430100"], "keywords": { "any": ["管网"] } });
    let wanted = subscription().with("filter", filter).subscribe(&reader).await;
    subscription().with("filter", json!({ "regions": ["110000"] })).subscribe(&stranger).await;

    let published = notice().publish(&publisher).await;

    let inbox = reader.inbox_of(1).await;
    assert_eq!(inbox.at("/items/0/notice/id"), &json!(published));
    assert_eq!(inbox.at("/items/0/why/0/subscription_id"), &json!(wanted));
    assert_eq!(inbox.at("/items/0/why/0/words"), &json!(["管网"]));
    let shown = app.shown(&phone, 1).await;
    assert!(shown.text.contains(&published), "{}", shown.text);

    // Whatever comes for the stranger would have come before this one.
    let elsewhere = notice().with("region", "110101").publish(&publisher).await;
    let inbox = stranger.inbox_of(1).await;
    assert_eq!(inbox.at("/items/0/notice/id"), &json!(elsewhere));
    app.shown(&other_phone, 1).await;
    assert_eq!(reader.inbox_of(1).await.items().len(), 1);
}

#[tokio::test]
async fn a_subscription_that_was_answered_before_a_publish_call_began_always_matches() {
    let app = TestApp::spawn().await;
    let (publisher, reader) = (app.publisher().await, app.user().await);
    notice().publish(&publisher).await;
    subscription().subscribe(&reader).await;
    let after = notice().publish(&publisher).await;
    assert_eq!(reader.inbox_of(1).await.at("/items/0/notice/id"), &json!(after));
}
