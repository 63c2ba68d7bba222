//! The engine step by step, where nobody else works: what it does when something went wrong between two steps.

use serde_json::json;
use yizhan::config::Roles;
use yizhan::domain::fanout::Lane;
use yizhan::domain::id::ChunkId;
use yizhan::queue::Job;
use yizhan::services::{Deps, fanout};
use yizhan::storage;

use super::support::{TestApp, notice, notice_as, notice_with, subscription};

/// A door without anybody who takes bells, so that a test does.
async fn silent() -> TestApp {
    TestApp::with(|config| config.roles = Roles { api: true, notifier: false, scheduler: false }).await
}

async fn take(deps: &Deps) -> Vec<Job> {
    let taken = deps.fan_out.queue.take(100, &Lane::ALL).await.expect("a queue");
    taken.into_iter().map(|job| job.expect("an entry of ours")).collect()
}

/// Takes and works bells until there are none; `before` each chunk something may be done to it.
async fn work_all(deps: &Deps, before: impl AsyncFn(ChunkId)) {
    fanout::relay(deps).await.expect("the outbox is relayed");
    loop {
        let jobs = take(deps).await;
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            match job {
                Job::PlanV1(id) => fanout::plan(deps, id).await.expect("a plan"),
                Job::ChunkV1(id) => {
                    before(id).await;
                    fanout::work(deps, id).await.expect("a chunk");
                }
            }
        }
    }
}

async fn execute(deps: &Deps, sql: &str) {
    sea_orm::ConnectionTrait::execute_unprepared(deps.db.writer(), sql).await.expect("a change");
}

async fn count(deps: &Deps, sql: &str) -> i64 {
    storage::value(deps.db.reader(), sql, []).await.expect("a number")
}

#[tokio::test]
async fn a_chunk_that_kills_its_workers_is_halved_until_whom_they_die_of_stands_alone() {
    let app = silent().await;
    let mut readers = Vec::new();
    for _ in 0..9 {
        let reader = app.user().await;
        subscription().subscribe(&reader).await;
        readers.push(reader.id);
    }
    readers.sort_unstable();
    let poison = storage_id(readers[3].as_uuid(), &app);
    notice().publish(&app.publisher().await).await;
    app.inside(async move |deps| {
        let of_poison = format!("AND to_user >= {poison} AND (after_user IS NULL OR after_user < {poison})");
        work_all(&deps, async |_| {
            // Whoever works the chunk of this user has died of it, the last time while it worked nothing else.
            execute(&deps, &format!("UPDATE chunks SET attempts = 3, alone = true WHERE state = 'open' {of_poison}"))
                .await;
        })
        .await;
        let dead = "SELECT CAST(SUM(users) AS BIGINT) AS value FROM chunks WHERE state = 'dead'";
        assert_eq!(count(&deps, dead).await, 1, "one user is set aside");
        assert_eq!(count(&deps, "SELECT count(*) AS value FROM inbox_items").await, 8, "all others have it");
        assert_eq!(count(&deps, "SELECT count(*) AS value FROM chunks WHERE state = 'open'").await, 0);
        assert_eq!(count(&deps, "SELECT count(*) AS value FROM fan_outs WHERE finished_at IS NULL").await, 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_stood_beside_a_killer_is_worked_alone_and_gets_everything() {
    let app = silent().await;
    let reader = app.user().await;
    subscription().subscribe(&reader).await;
    let id = notice().publish(&app.publisher().await).await;
    app.inside(async |deps| {
        // Its workers have died many times, and always in company.
        work_all(&deps, async |_| execute(&deps, "UPDATE chunks SET attempts = 7 WHERE state = 'open'").await).await;
        assert_eq!(count(&deps, "SELECT count(*) AS value FROM chunks WHERE state = 'done' AND alone").await, 1);
        assert_eq!(count(&deps, "SELECT count(*) AS value FROM chunks WHERE state <> 'done'").await, 0);
    })
    .await;
    reader.get(&format!("/v1/inbox/{id}")).await.expect(200);
}

/// A UUID in the words of this run's engine.
fn storage_id(id: uuid::Uuid, app: &TestApp) -> String {
    match app.database().pair().postgres() {
        Some(_) => format!("'{id}'::uuid"),
        None => format!("x'{}'", id.simple()),
    }
}

#[tokio::test]
async fn a_fan_out_without_an_audience_ends_though_its_planner_died_right_after_planning() {
    let app = silent().await;
    notice().publish(&app.publisher().await).await;
    app.inside(async |deps| {
        execute(&deps, "UPDATE fan_outs SET state = 'planned'").await;
        fanout::sweep(&deps).await.expect("a sweep");
        assert_eq!(count(&deps, "SELECT count(*) AS value FROM fan_outs WHERE finished_at IS NULL").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_revision_that_names_what_it_amends_reaches_its_readers() {
    let app = silent().await;
    let reader = app.user().await;
    let project =
        json!({ "name": "长沙的工程", "filter": { "keywords": { "any": ["黑臭水体"] } }, "frequency": "immediate" });
    reader.post("/v1/subscriptions", project).await.expect(201);
    let publisher = app.publisher().await;
    let amended = publisher.post("/v1/notices", notice_as("first")).await.expect(201).string("/id");
    let other = json!({ "title": "一份更正", "body_html": "<p>更正</p>" });
    let correction = publisher.post("/v1/notices", notice_with("second", other)).await.expect(201).string("/id");
    app.inside(async |deps| work_all(&deps, async |_| {}).await).await;
    reader.get(&format!("/v1/inbox/{correction}")).await.expect(404);
    let linked = json!({ "title": "一份更正", "body_html": "<p>更正之更正</p>", "amends": amended });
    let revision = json!({ "notice": notice_with("second", linked), "editorial": false });
    publisher.post(&format!("/v1/notices/{correction}/revisions"), revision).await.expect(201);
    app.inside(async |deps| work_all(&deps, async |_| {}).await).await;
    reader.get(&format!("/v1/inbox/{correction}")).await.expect(200);
}

#[tokio::test]
async fn a_subscription_that_ends_behind_a_notice_keeps_its_item_and_brings_no_push() {
    let app = silent().await;
    let reader = app.user().await;
    let subscription = subscription().subscribe(&reader).await;
    let phone = json!({ "platform": "android", "name": "手机", "channel": "sandbox", "token": "a-token-0123456789" });
    reader.post("/v1/devices", phone).await.expect(201);
    let id = notice().publish(&app.publisher().await).await;
    reader.delete(&format!("/v1/subscriptions/{subscription}")).await.expect(204);
    app.inside(async |deps| work_all(&deps, async |_| {}).await).await;
    reader.get(&format!("/v1/inbox/{id}")).await.expect(200);
    let skipped = "SELECT count(*) AS value FROM deliveries WHERE state = 'skipped' AND reason = 'ended'";
    assert_eq!(
        app.inside(async move |deps| count(&deps, skipped).await).await,
        1,
        "consent is asked again at the door"
    );
}

#[tokio::test]
async fn whoever_threw_a_notice_away_still_holds_it_for_its_withdrawal() {
    let app = silent().await;
    let reader = app.user().await;
    subscription().subscribe(&reader).await;
    let publisher = app.publisher().await;
    let id = notice().publish(&publisher).await;
    app.inside(async |deps| work_all(&deps, async |_| {}).await).await;
    reader.delete(&format!("/v1/inbox/{id}")).await.expect(204);
    publisher.post(&format!("/v1/notices/{id}/withdrawal"), json!({ "reason": "发布有误" })).await.expect(201);
    app.inside(async |deps| {
        work_all(&deps, async |_| {}).await;
        let told = "SELECT count(*) AS value FROM inbox_items WHERE revision = 2 AND removed_at IS NOT NULL";
        assert_eq!(count(&deps, told).await, 1, "it says that it is withdrawn, and stays thrown away");
    })
    .await;
}
