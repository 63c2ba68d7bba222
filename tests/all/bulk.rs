//! Many notices in one call: the same rows and answers as one after the other, and no notice in another's way.

use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};

use super::support::{Answer, Caller, TestApp, notice_with};

const BATCH: &str = "/v1/notices/batch";

async fn publish(publisher: &Caller, notices: &[Value]) -> Vec<Value> {
    let answer = publisher.post(BATCH, json!({ "notices": notices })).await.expect(200);
    answer.json["outcomes"].as_array().expect("outcomes").clone()
}

fn statuses(outcomes: &[Value]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["status"].as_str().expect("a word")).collect()
}

#[tokio::test]
async fn a_bad_notice_hinders_none_beside_it_and_is_told_what_is_wrong_with_it() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher_within(json!({"regions": ["430000"]})).await;
    let list = [
        notice_with("a", json!({})),
        notice_with("b", json!({"category": "nothing", "region": "x", "surplus": 1})),
        json!("no notice"),
        json!({"title": "\u{0}"}),
        notice_with("c", json!({"region": "110000"})),
        notice_with("d", json!({"amends": "not there"})),
        notice_with("a", json!({})),
        notice_with("a", json!({"title": "另一份公告"})),
        notice_with("e", json!({})),
    ];
    let outcomes = publish(&publisher, &list).await;
    let refused = "refused";
    let expected = ["created", refused, refused, refused, refused, refused, "unchanged", refused, "created"];
    assert_eq!(statuses(&outcomes), expected, "{outcomes:?}");
    let code = |place: usize| outcomes[place]["problem"]["code"].clone();
    let codes: Vec<_> = [1, 2, 3, 4, 5, 7].into_iter().map(code).collect();
    let wanted = ["invalid", "invalid", "invalid", "out_of_scope", "amended_notice_unknown", "source_id_taken"];
    assert_eq!(codes, wanted);
    let errors = outcomes[1]["problem"]["errors"].as_array().expect("errors");
    let mut places: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().expect("a place")).collect();
    places.dedup();
    assert_eq!(places, ["/category", "/region", "/surplus"]);
    assert_eq!(outcomes[7]["problem"]["detail"], outcomes[0]["notice"]["id"]);
    assert_eq!(outcomes[6]["notice"]["id"], outcomes[0]["notice"]["id"]);
    // The same refusal as of a single call, but for the id of the request.
    let mut alone = publisher.post("/v1/notices", list[1].clone()).await.expect(422).json;
    alone["request_id"] = outcomes[1]["problem"]["request_id"].clone();
    assert_eq!(alone, outcomes[1]["problem"]);
}

#[tokio::test]
async fn what_is_wrong_with_the_whole_refuses_the_whole() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    for (body, place) in [
        (json!({}), "/notices"),
        (json!({"notices": []}), "/notices"),
        (json!({"notices": {}}), "/notices"),
        (json!({"notices": [notice_with("a", json!({}))], "existing": "keep"}), "/existing"),
        (json!({"notices": vec![0; 501]}), "/notices"),
    ] {
        let found = publisher.post(BATCH, body).await.expect(422).problem("invalid").violations();
        assert!(found.iter().any(|(at, _)| at == place), "{found:?}");
    }
    assert_eq!(app.anonymous().get("/v1/notices").await.expect(200).items().len(), 0);
}

#[tokio::test]
async fn a_repeated_call_is_answered_alike_and_does_nothing() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let body = json!({"notices": [notice_with("a", json!({})), notice_with("b", json!({"category": "none"}))]});
    let first = publisher.post_once(BATCH, "batch-1", body.clone()).await.expect(200);
    let again = publisher.post_once(BATCH, "batch-1", body).await.expect(200);
    assert_eq!(statuses(again.json["outcomes"].as_array().expect("outcomes")), ["created", "refused"]);
    let without_ids = |answer: &Answer| {
        let mut json = answer.json.clone();
        json["outcomes"][1]["problem"]["request_id"] = Value::Null;
        json
    };
    assert_eq!(without_ids(&first), without_ids(&again));
    let other = json!({"notices": [notice_with("c", json!({}))]});
    publisher.post_once(BATCH, "batch-1", other).await.expect(409).problem("idempotency_key_reused");
}

#[tokio::test]
async fn what_is_known_is_revised_when_that_is_asked() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let quiet = |id: &str, fields: Value| {
        let mut notice = notice_with(id, fields);
        notice["announce"] = json!("none");
        notice
    };
    publish(&publisher, &[quiet("a", json!({})), quiet("b", json!({})), quiet("c", json!({}))]).await;
    let list = [
        quiet("a", json!({"title": "改了标题"})),
        quiet("b", json!({"source_url": "https://example.org/b"})),
        quiet("c", json!({})),
        quiet("d", json!({})),
        quiet("d", json!({"title": "同批修订"})),
    ];
    let answer = publisher.post(BATCH, json!({"notices": list, "existing": "revise"})).await.expect(200);
    let outcomes = answer.json["outcomes"].as_array().expect("outcomes");
    assert_eq!(statuses(outcomes), ["revised", "revised", "unchanged", "created", "revised"]);
    let revisions: Vec<_> = outcomes.iter().map(|outcome| outcome["notice"]["revision"].as_i64()).collect();
    assert_eq!(revisions, [Some(2), Some(2), Some(1), Some(1), Some(2)]);
    let again = publisher.post(BATCH, json!({"notices": &list[..3], "existing": "revise"})).await.expect(200);
    assert_eq!(statuses(again.json["outcomes"].as_array().expect("outcomes")), ["unchanged"; 3]);
}

#[tokio::test]
async fn notices_are_announced_as_single_ones_are() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let reader = app.user().await;
    let wish = json!({"name": "新邵", "filter": {"regions": ["430522"]}, "frequency": "immediate"});
    reader.post("/v1/subscriptions", wish).await.expect(201);
    let token = reader.with_device().await;
    let list: Vec<_> = (0..20).map(|number| notice_with(&format!("n{number}"), json!({}))).collect();
    publish(&publisher, &list).await;
    reader.inbox_of(20).await;
    app.shown(&token, 20).await;
}

#[tokio::test]
async fn calls_that_come_at_once_with_the_same_notices_make_each_once() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let list: Vec<_> = (0..40).map(|number| notice_with(&format!("n{number}"), json!({}))).collect();
    let calls = futures_util::future::join_all((0..4).map(|_| publish(&publisher, &list))).await;
    let created = calls.iter().flatten().filter(|outcome| outcome["status"] == "created").count();
    let unchanged = calls.iter().flatten().filter(|outcome| outcome["status"] == "unchanged").count();
    assert_eq!((created, unchanged), (40, 120));
}

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn pick(&mut self, words: &[&str]) -> String {
        let place = self.below(u64::try_from(words.len()).expect("a number"));
        words[usize::try_from(place).expect("a place")].to_owned()
    }

    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A notice that has much to do with the others: few ids, contents, projects and sections.
fn entangled(dice: &mut Dice) -> Value {
    let (id, text) = (dice.below(30), dice.below(40));
    let kinds = ["C-TENDER", "C-TENDER", "C-CLARIFY", "C-SUSPEND", "C-RESULT"];
    let announce = ["none", "none", "inbox", "push"];
    let mut fields = json!({
        "title": format!("公告 {text}"),
        "body_html": format!("<p>正文 {text}</p>"),
        "notice_type": dice.pick(&kinds),
        "announce": dice.pick(&announce),
        "published_at": format!("2026-03-{:02}T08:00:00.000Z", 1 + dice.below(6)),
        "region": dice.pick(&["430102", "430522", "110101"]),
    });
    if dice.below(2) == 0 {
        fields["project"] = json!({"code": format!("P—{}", dice.below(4))});
    }
    if dice.below(3) == 0 {
        fields["sections"] = json!([format!("S-{}", dice.below(4)), format!("Ｓ-{}", dice.below(4))]);
    }
    match dice.below(10) {
        0 => fields["amends"] = json!(format!("n{}", dice.below(30))),
        1 => fields["category"] = json!("nothing"),
        _ => {}
    }
    notice_with(&format!("n{id}"), fields)
}

/// What an answer says, with source ids in place of ours.
fn said(app: &Names, status: &str, notice: &Value, problem: &Value) -> Value {
    let named = |field: &str| notice[field].as_str().map(|id| app.of(id));
    json!([
        status,
        named("id"),
        notice["revision"],
        named("amends"),
        named("duplicate_of"),
        notice["announce"],
        problem["code"],
        problem["errors"],
        problem["detail"].as_str().map(|id| app.of(id))
    ])
}

/// What our ids are called by their source.
struct Names(Vec<(String, String)>);

impl Names {
    async fn read(app: &TestApp) -> Self {
        let mut names = Vec::new();
        let mut path = "/v1/notices?limit=100".to_owned();
        loop {
            let page = app.anonymous().get(&path).await.expect(200);
            names.extend(page.items().iter().map(|item| {
                (item["id"].as_str().expect("an id").to_owned(), item["source_id"].as_str().expect("an id").to_owned())
            }));
            let Some(next) = page.at("/next_cursor").as_str() else { return Self(names) };
            path = format!("/v1/notices?limit=100&cursor={next}");
        }
    }

    fn of(&self, id: &str) -> String {
        self.0.iter().find(|(ours, _)| ours == id).map_or_else(|| id.to_owned(), |(_, theirs)| theirs.clone())
    }
}

/// Every row that publishing leaves, in the order of commits, with source ids in place of ours.
async fn rows(app: &TestApp) -> Vec<String> {
    let connection = app.database().connect().await;
    let word = |column: &str| format!("COALESCE(CAST({column} AS TEXT), '-')");
    let named = |column: &str| format!("COALESCE((SELECT x.source_id FROM notices x WHERE x.id = {column}), '-')");
    let joined = |parts: &[String]| parts.join(" || '|' || ");
    let words = |columns: &[&str]| columns.iter().map(|column| word(column)).collect::<Vec<_>>();
    let notice = [
        "n.source_id",
        "n.revision",
        "n.state",
        "n.title",
        "n.category_path",
        "n.region_path",
        "n.notice_type",
        "n.project_key",
        "n.amount_fen",
        "n.bid_deadline_at",
        "n.published_at",
    ];
    let mut notice = words(&notice);
    notice.extend([
        named("n.amends"),
        named("n.duplicate_of"),
        "(SELECT count(*) || '' FROM notices x WHERE \
        x.content_hash = n.content_hash)"
            .to_owned(),
    ]);
    let edition = [
        "n.source_id",
        "r.revision",
        "r.kind",
        "r.announce",
        "r.matcher",
        "r.document",
        "r.body_html",
        "r.folded",
        "r.category_path",
        "r.region_path",
        "r.notice_type",
        "r.stage",
        "r.project_key",
        "r.purchaser_keys",
        "r.amount_fen",
        "r.changes",
        "r.reason",
    ];
    let mut edition = words(&edition);
    edition.push(named("r.amends"));
    let fan_out = [
        "n.source_id",
        "f.revision",
        "f.kind",
        "f.announce",
        "f.lane",
        "f.state",
        "f.deadline_at",
        "f.chunks",
        "f.attempts",
        "f.rung_at",
    ];
    let scope = format!(
        "CASE WHEN s.scope LIKE 'p:%' THEN 'p' ELSE s.scope END || {}",
        joined(&words(&[
            "s.published_at",
            "n.source_id",
            "(SELECT count(*) FROM notices x WHERE x.position <= s.position)"
        ]))
    );
    let queries = [
        format!("SELECT {} AS line FROM notices n ORDER BY n.position", joined(&notice)),
        format!(
            "SELECT {} AS line FROM notice_revisions r JOIN notices n ON n.id = r.notice_id ORDER BY r.position",
            joined(&edition)
        ),
        format!(
            "SELECT {} AS line FROM fan_outs f JOIN notices n ON n.id = f.notice_id ORDER BY f.position",
            joined(&words(&fan_out))
        ),
        format!(
            "SELECT {} AS line FROM outbox o JOIN fan_outs f ON f.id = o.fan_out_id JOIN notices n ON n.id = f.notice_id \
            ORDER BY o.id",
            joined(&words(&["o.lane", "f.revision", "n.source_id"]))
        ),
        format!("SELECT {scope} AS line FROM notice_scopes s JOIN notices n ON n.id = s.notice_id ORDER BY 1"),
        format!(
            "SELECT {} AS line FROM notice_sections s JOIN notices n ON n.id = s.notice_id ORDER BY 1",
            joined(&words(&["s.section_key", "n.source_id"]))
        ),
        format!(
            "SELECT {} AS line FROM search_documents d JOIN notices n ON n.id = d.notice_id ORDER BY d.doc",
            joined(&words(&["n.source_id", "d.revision", "d.text_revision", "d.published_at", "d.head"]))
        ),
    ];
    let mut lines = Vec::new();
    for query in queries {
        let statement = Statement::from_string(connection.get_database_backend(), query);
        for row in connection.query_all_raw(statement).await.expect("rows") {
            lines.push(row.try_get("", "line").expect("a text"));
        }
    }
    lines
}

#[tokio::test]
async fn a_batch_leaves_the_rows_and_gives_the_answers_of_single_calls() {
    for seed in [1, 2, 3] {
        let mut dice = Dice(seed);
        // Nobody carries anything away while rows are compared.
        let [one, other] =
            [(); 2].map(|()| TestApp::with(|config| (config.roles.notifier, config.roles.scheduler) = (false, false)));
        let (one, other) = (one.await, other.await);
        let scope = json!({"regions": ["430000"]});
        let (single, bulk) = (one.publisher_within(scope.clone()).await, other.publisher_within(scope).await);
        // Some that were there before, and some that were taken back.
        for number in 0..12 {
            let mut notice = entangled(&mut dice);
            notice["source_id"] = json!(format!("n{number}"));
            for publisher in [&single, &bulk] {
                let stored = publisher.post("/v1/notices", notice.clone()).await;
                if number % 4 == 0 && stored.status == 201 {
                    let path = format!("/v1/notices/{}/withdrawal", stored.string("/id"));
                    publisher.post(&path, json!({"reason": "误发"})).await.expect(201);
                }
            }
        }
        let list: Vec<_> = (0..90).map(|_| entangled(&mut dice)).collect();
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        for notice in &list {
            alone.push(single.post("/v1/notices", notice.clone()).await);
        }
        for part in list.chunks(35) {
            together.extend(publish(&bulk, part).await);
        }
        let (names, others) = (Names::read(&one).await, Names::read(&other).await);
        for ((answer, outcome), notice) in alone.iter().zip(&together).zip(&list) {
            let status = match (answer.status, answer.at("/announce").as_str()) {
                (201, _) => "created",
                (200, Some("none")) => "unchanged",
                (200, _) => "revised",
                _ => "refused",
            };
            let (stored, none) = (status != "refused", Value::Null);
            let (body, problem) = if stored { (&answer.json, &none) } else { (&none, &answer.json) };
            let expected = said(&names, status, body, problem);
            let word = outcome["status"].as_str().expect("a word");
            let got = said(&others, word, &outcome["notice"], &outcome["problem"]);
            assert_eq!(got, expected, "seed {seed}: {notice}");
        }
        let (expected, got) = (rows(&one).await, rows(&other).await);
        let first = expected.iter().zip(&got).find(|(a, b)| a != b);
        assert_eq!(first, None, "seed {seed}");
        assert_eq!(expected.len(), got.len());
    }
}
