//! Importing: a stream of lines through the door, and the command that sends a file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use futures_util::stream;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Caller, TestApp, notice_as, notice_with};

const IMPORT: &str = "/v1/notices/import";
const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

/// The lines of an answer.
fn events(answer: &Answer) -> Vec<Value> {
    answer.text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

async fn import(publisher: &Caller, query: &str, body: String) -> Vec<Value> {
    let answer = publisher.send(Method::POST, &format!("{IMPORT}{query}"), Some(body), &[NDJSON]).await.expect(200);
    assert_eq!(answer.header("content-type"), NDJSON.1);
    events(&answer)
}

fn lines(notices: impl IntoIterator<Item = Value>) -> String {
    notices.into_iter().map(|notice| format!("{notice}\n")).collect()
}

/// Created, unchanged, revised, refused of the last line, which must be the summary.
#[track_caller]
fn summary(events: &[Value]) -> [u64; 4] {
    let last = events.last().expect("an end");
    assert_eq!(last["event"], "summary", "{last}");
    figures(last)
}

fn figures(event: &Value) -> [u64; 4] {
    ["created", "unchanged", "revised", "refused"].map(|name| event[name].as_u64().expect("a figure"))
}

/// Line and word of each refusal: its code, or the rule that it breaks first.
fn refusals(events: &[Value]) -> Vec<(u64, String)> {
    let refused = events.iter().filter(|event| event["event"] == "refused");
    let word = |event: &Value| {
        let rule = event.pointer("/problem/errors/0/rule").or_else(|| event.pointer("/problem/code"));
        rule.and_then(Value::as_str).expect("a word").to_owned()
    };
    refused.map(|event| (event["line"].as_u64().expect("a line"), word(event))).collect()
}

async fn stored(app: &TestApp) -> usize {
    app.anonymous().get("/v1/notices?limit=100").await.expect(200).items().len()
}

#[tokio::test]
async fn whatever_a_line_holds_the_others_are_imported() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let mut text = [
        format!("\u{feff}{}\r", notice_as("a")),
        String::new(),
        "{\"source\": ".to_owned(),
        format!("{{\"x\": \"{}\"}}", "y".repeat(3 * 1024 * 1024)),
        "[".repeat(100_000),
        notice_with("b", json!({"category": "nothing"})).to_string(),
        notice_with(
            "c",
            json!({"body_html": "<script>alert(1)</script><p>正文</p>", "title": "'; DROP TABLE notices"}),
        )
        .to_string(),
        "null".to_owned(),
        notice_as("a").to_string(),
        notice_with("a", json!({"title": "另一份"})).to_string(),
    ]
    .join("\n")
    .into_bytes();
    text.extend(b"\n{\"source\": \"\xff\"}\n");
    text.extend(notice_as("d").to_string().into_bytes());
    text.extend(b"\n{\"source\": \"de");
    let body = reqwest::Body::from(text);
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let call = client.post(app.url(IMPORT)).bearer_auth(publisher.bearer().expect("a key")).header(NDJSON.0, NDJSON.1);
    let answer = call.body(body).send().await.expect("an answer").text().await.expect("a whole answer");
    let events: Vec<Value> = answer.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(summary(&events), [3, 1, 0, 8], "{answer}");
    let expected = [
        (3, "malformed_json"),
        (4, "line_too_long"),
        (5, "malformed_json"),
        (6, "unknown_category"),
        (8, "type"),
        (10, "source_id_taken"),
        (11, "not_utf8"),
        (13, "truncated"),
    ];
    let found: Vec<_> = refusals(&events).into_iter().collect();
    let found: Vec<_> = found.iter().map(|(line, word)| (*line, word.as_str())).collect();
    assert_eq!(found, expected);
    assert_eq!(stored(&app).await, 3);
}

#[tokio::test]
async fn nobody_is_told_of_what_is_imported_unless_that_is_asked() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let reader = app.user().await;
    let wish = json!({"name": "新邵", "filter": {"regions": ["430522"]}, "frequency": "immediate"});
    reader.post("/v1/subscriptions", wish).await.expect(201);
    import(&publisher, "", lines((0..5).map(|number| notice_as(&format!("quiet{number}"))))).await;
    let told = (0..5).map(|number| notice_as(&format!("told{number}")));
    let less = notice_with("less", json!({"announce": "none"}));
    assert_eq!(summary(&import(&publisher, "?announce=inbox", lines(told.chain([less]))).await), [6, 0, 0, 0]);
    reader.inbox_of(5).await;
    // The same again, more widely than before: it is announced as the next edition.
    let again = lines([notice_as("quiet0")]);
    assert_eq!(summary(&import(&publisher, "?announce=inbox", again).await), [0, 0, 1, 0]);
    reader.inbox_of(6).await;
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    import(&publisher, "", lines([notice_as("a"), notice_as("b")])).await;
    let text = lines([
        notice_as("a"),
        notice_with("b", json!({"title": "另一份"})),
        notice_as("c"),
        notice_with("d", json!({"region": "x"})),
    ]);
    assert_eq!(summary(&import(&publisher, "?dry_run=true", text.clone()).await), [1, 1, 0, 2]);
    assert_eq!(summary(&import(&publisher, "?dry_run=true&existing=revise", text).await), [1, 1, 1, 1]);
    assert_eq!(stored(&app).await, 2);
}

#[tokio::test]
async fn answers_come_while_lines_are_sent_and_what_was_told_is_stored() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let mut import = Open::begin(&app, &publisher, "", lines([notice_as("a")])).await;
    let first = import.heard().await;
    assert_eq!((first["event"].as_str(), figures(&first)), (Some("progress"), [1, 0, 0, 0]));
    assert_eq!(stored(&app).await, 1);
    import.send.send(lines([notice_as("b"), notice_as("c")])).expect("it is read");
    assert_eq!(figures(&import.heard().await), [3, 0, 0, 0]);
    // Cut off in the middle of a line: what was whole is stored.
    import.send.send(notice_as("d").to_string().chars().take(40).collect()).expect("it is read");
    drop(import);
    assert_eq!(stored(&app).await, 3);
}

#[tokio::test]
async fn an_import_that_goes_on_has_the_figures_of_one_that_was_not_cut_off() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    // Longer than what is stored at once.
    let notices: Vec<_> = (0..700).map(|number| notice_as(&format!("n{}", number % 690))).collect();
    let whole = import(&publisher, "", lines(notices.iter().cloned())).await;
    assert_eq!(summary(&whole), [690, 10, 0, 0]);
    let progress: Vec<_> = whole.iter().filter(|event| event["event"] == "progress").collect();
    let heard = progress[0];
    let done = usize::try_from(heard["lines"].as_u64().expect("lines")).expect("a place");
    assert!(done < 600, "{heard}");
    // All was stored, and nothing was heard after the first progress.
    let resume = heard["resume"].as_str().expect("a place");
    let rest = import(&publisher, &format!("?resume={resume}"), lines(notices[done..].iter().cloned())).await;
    let sum: Vec<u64> = figures(heard).iter().zip(summary(&rest)).map(|(one, other)| one + other).collect();
    assert_eq!(sum, [690, 10, 0, 0]);
    let wrong = publisher.send(Method::POST, &format!("{IMPORT}?resume=x"), Some(String::new()), &[NDJSON]).await;
    assert_eq!(wrong.expect(422).problem("invalid").violations(), [("resume".to_owned(), "cursor".to_owned())]);
}

/// A stream that an import reads while it is written, and its answer.
struct Open {
    send: tokio::sync::mpsc::UnboundedSender<String>,
    answer: reqwest::Response,
}

impl Open {
    /// Begins an import with these lines.
    async fn begin(app: &TestApp, publisher: &Caller, query: &str, first: String) -> Self {
        let (send, receive) = tokio::sync::mpsc::unbounded_channel::<String>();
        let body = stream::unfold(receive, |mut receive| async move {
            Some((Ok::<_, std::io::Error>(receive.recv().await?), receive))
        });
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let call = client.post(app.url(&format!("{IMPORT}{query}"))).bearer_auth(publisher.bearer().expect("a key"));
        send.send(first).expect("it is read");
        let call = call.header(NDJSON.0, NDJSON.1).body(reqwest::Body::wrap_stream(body));
        Self { send, answer: call.send().await.expect("an answer") }
    }

    async fn heard(&mut self) -> Value {
        let part = self.answer.chunk().await.expect("a part").expect("more");
        serde_json::from_slice(part.trim_ascii()).expect("one line")
    }
}

#[tokio::test]
async fn a_key_that_is_ended_ends_its_imports() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let mut import = Open::begin(&app, &publisher, "", lines([notice_as("a")])).await;
    assert_eq!(figures(&import.heard().await), [1, 0, 0, 0]);
    let admin = app.admin().await;
    let all = admin.get("/v1/admin/publishers").await.expect(200);
    let owner = all.items()[0]["id"].as_str().expect("an id").to_owned();
    let keys = admin.get(&format!("/v1/admin/publishers/{owner}/keys")).await.expect(200);
    let key = keys.items()[0]["id"].as_str().expect("an id").to_owned();
    admin.delete(&format!("/v1/admin/publishers/{owner}/keys/{key}")).await.expect(204);
    import.send.send(lines([notice_as("b")])).expect("it is read");
    let end = import.heard().await;
    assert_eq!((&end["event"], &end["problem"]["code"]), (&json!("failed"), &json!("unauthenticated")));
    assert_eq!(stored(&app).await, 1);
}

#[tokio::test]
async fn two_imports_of_the_same_lines_at_once_store_each_notice_once() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let text = lines((0..600).map(|number| notice_as(&format!("n{number}"))));
    let (one, other) = tokio::join!(import(&publisher, "", text.clone()), import(&publisher, "", text));
    let sum: Vec<u64> = summary(&one).iter().zip(summary(&other)).map(|(one, other)| one + other).collect();
    assert_eq!(sum, [600, 600, 0, 0]);
}

/// A release of a process of its own.
fn release(id: &str) -> Value {
    json!({"ocid": format!("ocds-213czf-{id}"), "id": "1", "date": "2026-03-01T00:00:00Z", "tag": ["tender"],
        "tender": {"id": "t", "title": format!("道路工程 {id}"), "mainProcurementCategory": "works"}})
}

const OCDS: &str = "?form=ocds&region=430522";

#[tokio::test]
async fn documents_are_read_one_after_the_other_and_a_broken_one_hinders_no_other() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let package = |ids: &[&str]| json!({"releases": ids.iter().map(|id| release(id)).collect::<Vec<_>>()});
    let text = [
        format!("\u{feff}{:#}\n", package(&["a", "b"])),
        format!("{}{}\n", package(&["c"]), release("d")),
        "<html>\n".to_owned(),
        "{\"releases\": [}\n".to_owned(),
        "{\"releases\": \"never closed\n".to_owned(),
        format!("{:#}", package(&["a", "e"])),
        "{\"releases\": [".to_owned(),
    ];
    let events = import(&publisher, OCDS, text.concat()).await;
    assert_eq!(summary(&events), [5, 1, 0, 4]);
    let told = refusals(&events);
    let told: Vec<_> = told.iter().map(|(document, word)| (*document, word.as_str())).collect();
    assert_eq!(told, [(4, "malformed_json"), (5, "malformed_json"), (6, "malformed_json"), (8, "truncated")]);
    assert_eq!(events.last().expect("an end")["lines"], 8);
    assert_eq!(stored(&app).await, 5);
}

#[tokio::test]
async fn an_import_goes_on_within_a_document() {
    let app = TestApp::spawn().await;
    let publisher = app.publisher().await;
    let releases: Vec<_> = (0..620).map(|number| release(&format!("r{}", number % 600))).collect();
    let text = format!("{}{}", json!({"releases": releases}), release("last"));
    let whole = import(&publisher, OCDS, text.clone()).await;
    assert_eq!(summary(&whole), [601, 20, 0, 0]);
    let heard = whole.iter().find(|event| event["event"] == "progress").expect("progress");
    assert_eq!((&heard["lines"], figures(heard)), (&json!(0), [250, 0, 0, 0]));
    let resume = heard["resume"].as_str().expect("a place");
    let rest = import(&publisher, &format!("{OCDS}&resume={resume}"), text).await;
    let sum: Vec<u64> = figures(heard).iter().zip(summary(&rest)).map(|(one, other)| one + other).collect();
    assert_eq!(sum, [601, 20, 0, 0]);
    assert_eq!(rest.last().expect("an end")["lines"], 2);
}

#[tokio::test]
async fn an_import_is_scoped_by_its_key_and_takes_plain_lines_only() {
    let app = TestApp::spawn().await;
    let narrow = app.publisher_within(json!({"sources": ["demo"], "regions": ["430100"]})).await;
    let text = lines([notice_as("a"), notice_with("b", json!({"region": "430102"}))]);
    let events = import(&narrow, "", text.clone()).await;
    assert_eq!(refusals(&events), [(1, "out_of_scope".to_owned())]);
    assert_eq!(summary(&events), [1, 0, 0, 1]);
    let send = async |headers: &[(&str, &str)]| narrow.send(Method::POST, IMPORT, Some(text.clone()), headers).await;
    send(&[NDJSON, ("content-encoding", "gzip")]).await.expect(415).problem("unsupported_media_type");
    send(&[("content-type", "text/plain")]).await.expect(415).problem("unsupported_media_type");
}

/// A folder with an input, and the command on it.
struct Desk<'a> {
    app: &'a TestApp,
    key: String,
    folder: tempfile::TempDir,
}

impl<'a> Desk<'a> {
    fn new(app: &'a TestApp, publisher: &Caller) -> Self {
        let key = publisher.bearer().expect("a key").to_owned();
        Self { app, key, folder: tempfile::TempDir::new().expect("a folder") }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn command(&self, file: &Path, arguments: &[&str]) -> Command {
        let database = self.app.database();
        let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
        command
            .arg("import")
            .arg(file)
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", &database.url)
            .env("YIZHAN_DATA_DIR", database.folder.path())
            .env("YIZHAN_PUBLISHER_KEY", &self.key)
            .envs(database.redis_url.as_ref().map(|url| ("REDIS_URL", url)))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, file: &Path, arguments: &[&str]) -> Output {
        self.command(file, arguments).output().expect("the command runs")
    }
}

#[track_caller]
fn printed(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

fn counted(created: u64, unchanged: u64, refused: u64) -> String {
    format!("新增 created {created}，未变 unchanged {unchanged}，修订 revised 0，拒绝 refused {refused}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_with_and_without_a_server_and_its_refused_lines_are_reported() {
    let app = TestApp::spawn().await;
    let desk = Desk::new(&app, &app.publisher().await);
    let bad = notice_with("bad", json!({"region": "x"}));
    let (one, other) = (lines([notice_as("a"), bad.clone(), notice_as("b")]), lines([bad, notice_as("c")]));
    let (one, other) = (desk.file("one.jsonl", &one), desk.file("other.jsonl", &other));
    let report = desk.folder.path().join("report.jsonl");
    let arguments = ["--report", report.to_str().expect("a path")];
    assert!(printed(&desk.run(&one, &arguments)).contains(&counted(2, 0, 1)));
    let server = app.url("");
    let remote = [&arguments[..], &["--server", &server]].concat();
    assert!(printed(&desk.run(&other, &remote)).contains(&counted(1, 0, 1)));
    let reported: Value =
        serde_json::from_str(std::fs::read_to_string(&report).expect("a report").trim()).expect("JSON");
    assert_eq!((&reported["line"], &reported["source_id"]), (&json!(1), &json!("bad")));
    assert_eq!(reported.pointer("/problem/errors/0/pointer"), Some(&json!("/region")));
    // Nothing is left beside the inputs, and the same again changes nothing.
    assert_eq!(std::fs::read_dir(desk.folder.path()).expect("a folder").count(), 3);
    assert!(printed(&desk.run(&one, &["--dry-run"])).contains(&counted(0, 2, 1)));
    assert!(printed(&desk.run(&one, &[])).contains(&counted(0, 2, 1)));
    assert_eq!(stored(&app).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_names_are_mapped_on_both_ways() {
    let app = TestApp::spawn().await;
    let desk = Desk::new(&app, &app.publisher().await);
    let map = json!({
        "source": {"const": "demo"}, "source_id": "/id", "title": "/name", "region": "/region",
        "category": {"from": "/kind", "values": {"A02": "construction.a02"}},
        "notice_type": {"const": "C-TENDER"},
        "amounts": [{"kind": {"const": "budget"}, "fen": {"from": "/yuan", "as": "yuan"}}],
        "published_at": {"from": "/at", "as": "time"},
        "body_html": {"from": "/text", "as": "paragraphs"},
    });
    let map = desk.file("map.json", &map.to_string());
    let foreign = |id: u64, kind: &str| {
        json!({"id": id, "name": format!("公告 {id}"), "region": "430522", "kind": kind, "yuan": 650_000.5,
            "at": "2026-03-01 09:30", "text": format!("正文 {id} <b>")})
    };
    let server = app.url("");
    for (from, way) in [(1, &[][..]), (3, &["--server", &server][..])] {
        let text = lines([foreign(from, "A02"), foreign(99, "B01"), foreign(from + 1, "A02")]);
        let file = desk.file(&format!("{from}.jsonl"), &text);
        let report = desk.folder.path().join(format!("{from}.report"));
        let fixed = ["--map", map.to_str().expect("a path"), "--report", report.to_str().expect("a path")];
        assert!(printed(&desk.run(&file, &[&fixed[..], way].concat())).contains(&counted(2, 0, 1)));
        let reported = std::fs::read_to_string(&report).expect("a report");
        let reported: Value = serde_json::from_str(reported.trim()).expect("one line of JSON");
        assert_eq!(reported["line"], 2);
        assert_eq!(reported.pointer("/problem/errors/0/rule"), Some(&json!("not_in_table")));
    }
    let all = app.anonymous().get("/v1/notices").await.expect(200);
    assert_eq!(all.items().len(), 4);
    let first = &all.items()[0];
    assert_eq!(first["amounts"][0]["fen"], 65_000_050);
    assert_eq!(first["published_at"], "2026-03-01T01:30:00.000Z");
    let broken = desk.file("broken.json", r#"{"title": "no pointer"}"#);
    let output = desk.run(&map, &["--map", broken.to_str().expect("a path")]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("the map at /title"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_of_the_manual_makes_notices_of_rich_and_of_poor_lines() {
    let app = TestApp::spawn().await;
    let desk = Desk::new(&app, &app.publisher().await);
    let map = format!("{}/docs/maps/collected.json", env!("CARGO_MANIFEST_DIR"));
    let rich = json!({"id": "x:1", "source": "demo", "title": "道路工程中标结果公告", "published_at": "2026-03-01T09:30:00+08:00",
        "business": "01", "national_code": "0104", "notice_type_raw": "中标结果公告", "industry_code": "A02",
        "region_code": "430501", "section_code": "S-1", "purchaser": "某局", "agency": "某公司", "winner": "某建设公司",
        "amount_yuan": 65.5, "source_url": "https://example.org/1", "body_html": "<p>正文</p>"});
    let poor = json!({"id": "x:2", "source": "demo", "title": "电缆询比公告", "published_date": "2026-03-02", "jurisdiction": "江西",
        "notice_type_raw": "询比公告", "budget_text": "54万元", "deadline": "2026年03月05日09时30分", "content": "本项目\n采购电缆"});
    let nowhere =
        json!({"id": "x:3", "source": "demo", "title": "公告", "published_date": "2026-03-02", "jurisdiction": "火星"});
    let file = desk.file("collected.jsonl", &lines([rich, poor, nowhere]));
    let report = desk.folder.path().join("report");
    let arguments = ["--map", &map, "--report", report.to_str().expect("a path")];
    assert!(printed(&desk.run(&file, &arguments)).contains(&counted(2, 0, 1)));
    let reported: Value = serde_json::from_str(&std::fs::read_to_string(&report).expect("a report")).expect("JSON");
    assert_eq!((&reported["line"], &reported["problem"]["errors"][0]["rule"]), (&json!(3), &json!("not_in_table")));
    let all = app.anonymous().get("/v1/notices").await.expect(200);
    let (poor, rich) = (&all.items()[0], &all.items()[1]);
    assert_eq!((&rich["category"]["code"], &rich["amounts"][0]["fen"]), (&json!("construction.a02"), &json!(6_550)));
    assert_eq!((&poor["region"]["code"], &poor["amounts"][0]["fen"]), (&json!("360000"), &json!(54_000_000)));
    assert_eq!(poor["deadlines"][0]["at"], "2026-03-05T01:30:00.000Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_goes_on_and_ends_with_the_same_figures() {
    let app = TestApp::spawn().await;
    let desk = Desk::new(&app, &app.publisher().await);
    let notices = (0..6_000).map(|number| match number % 500 {
        7 => notice_with(&format!("n{number}"), json!({"category": "nothing"})),
        11 => notice_as("n3"),
        _ => notice_as(&format!("n{number}")),
    });
    let file = desk.file("long.jsonl", &lines(notices));
    let (report, server) = (desk.folder.path().join("report"), app.url(""));
    let arguments = ["--server", &server, "--report", report.to_str().expect("a path")];
    let mut child =
        desk.command(&file, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let state = desk.folder.path().join("long.jsonl.yizhan-import");
    super::support::eventually("something is stored", async || state.exists().then_some(())).await;
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    let begun: Value = serde_json::from_str(&std::fs::read_to_string(&state).expect("a state")).expect("JSON");
    assert!(begun["lines"].as_u64().is_some_and(|lines| (1..6_000).contains(&lines)), "{begun}");
    let output = desk.run(&file, &arguments);
    assert!(String::from_utf8_lossy(&output.stderr).contains("goes on after line"), "{output:?}");
    let text = printed(&output);
    assert!(text.contains(&format!("lines 6000，{}", counted(5_976, 12, 12))), "{text}");
    let report = std::fs::read_to_string(&report).expect("a report");
    let places: Vec<u64> = report
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["line"].as_u64().expect("a line"))
        .collect();
    assert_eq!(places, (0..12).map(|number| number * 500 + 8).collect::<Vec<_>>());
    assert!(!state.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_is_said_before_anything_is_done() {
    let app = TestApp::spawn().await;
    let desk = Desk::new(&app, &app.publisher().await);
    let file = desk.file("one.jsonl", &lines([notice_as("a")]));
    let fails = |output: Output, word: &str| {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(word), "{text}");
    };
    fails(desk.run(Path::new("/nowhere.jsonl"), &[]), "/nowhere.jsonl");
    fails(desk.run(desk.folder.path(), &[]), "is a folder");
    for (text, word) in [
        ("\u{1f}\u{8b}", "unpack"),
        ("PK\u{3}\u{4}", "unpack"),
        ("\n<!DOCTYPE html>", "HTML or XML"),
        ("\u{feff}[\n {", "a JSON list"),
    ] {
        let bytes: Vec<u8> = match text.starts_with('\u{1f}') {
            true => vec![0x1f, 0x8b],
            false => text.as_bytes().to_vec(),
        };
        let path = desk.folder.path().join("odd");
        std::fs::write(&path, bytes).expect("a file");
        fails(desk.run(&path, &[]), word);
    }
    let other = std::fs::File::open(&file).expect("a file");
    other.lock().expect("a lock");
    fails(desk.run(&file, &[]), "another import of it is under way");
    drop(other);
    fails(
        desk.command(&file, &[]).env_remove("YIZHAN_PUBLISHER_KEY").output().expect("it runs"),
        "YIZHAN_PUBLISHER_KEY",
    );
    fails(
        desk.command(&file, &[])
            .env("YIZHAN_PUBLISHER_KEY", format!("yzk_{}", "0".repeat(64)))
            .output()
            .expect("it runs"),
        "credentials",
    );
    let stranger = desk.command(&file, &["--server", &app.url("")]).env("YIZHAN_PUBLISHER_KEY", "yzk_0").output();
    fails(stranger.expect("it runs"), "401");
    let held = yizhan::app::lock(app.config()).expect("the lock is free");
    if held.is_some() {
        fails(desk.run(&file, &[]), "yizhan.lock is locked");
    }
    assert_eq!(stored(&app).await, 0);
}
