//! Finding by words.

use serde_json::json;
use yizhan::domain::id::NoticeId;
use yizhan::domain::search::{Query, streams};
use yizhan::storage::search::find::{Wanted, find};

use super::support::{TestApp, notice};

/// The notices that the index finds for this query, in order.
async fn found(app: &TestApp, query: &str) -> Vec<NoticeId> {
    let query = Query::parse(query);
    app.inside(async move |deps| {
        let streams = streams(&query, &[]);
        let wanted = Wanted {
            streams: &streams,
            after: None,
            containing: query.all.iter().filter(|word| !word.exact).collect(),
            without: query.none.iter().filter(|word| !word.exact).collect(),
            from: None,
            to: None,
            newest: None,
        };
        let found = find(deps.db.reader(), &wanted, 100).await.expect("an index");
        found.into_iter().filter(|found| found.fits).map(|found| found.notice_id).collect()
    })
    .await
}

fn id(text: &str) -> NoticeId {
    text.parse().expect("an id")
}

#[tokio::test]
async fn what_is_published_revised_and_withdrawn_is_indexed_as_it_stands() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let at = "2026-01-01T08:00:00Z";
    let text = |body: &str| notice().with("published_at", at).with("body_html", format!("<p>{body}</p>"));
    // Three in one millisecond: the last to come stands first.
    let first = text("绿化养护").with("project", json!({"code": "HNZC-2024-001"}));
    let (a, b) = (id(&first.publish(&publisher).await), id(&text("绿化 管护").publish(&publisher).await));
    let c = id(&text("养护绿化").publish(&publisher).await);
    assert_eq!(found(&app, "绿化").await, [c, b, a]);
    assert_eq!(found(&app, "绿化养护").await, [a]);
    assert_eq!(found(&app, "绿化 -养护").await, [b]);
    assert_eq!(found(&app, "绿化 -绿化养护").await, [c, b]);
    assert_eq!(found(&app, "zc-2024-0").await, [a]);
    let revised = first.clone().with("body_html", "<p>保洁</p>");
    publisher.post(&format!("/v1/notices/{a}/revisions"), json!({"notice": revised.0})).await.expect(201);
    assert_eq!(found(&app, "绿化").await, [c, b]);
    assert_eq!(found(&app, "保洁 HNZC").await, [a]);
    publisher.post(&format!("/v1/notices/{a}/withdrawal"), json!({"reason": "x"})).await.expect(201);
    assert_eq!(found(&app, "保洁").await, []);
    assert_eq!(found(&app, "HNZC").await, [a]);
}
