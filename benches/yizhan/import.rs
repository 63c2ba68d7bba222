//! How many notices a second are imported through the door, beside a bare insert of the same rows.
//!
//! Bounded by: what each notice costs before it is stored (its JSON held against the schema, its HTML cleaned, its text
//! folded, hashed and cut into what is searched), which goes on while the one before is stored; then by the database.
//! Bare is the same rows, made ready before, into the same tables with the same indexes, so many a commit.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use yizhan::domain::id::NoticeId;
use yizhan::domain::notice::Content;
use yizhan::storage::notice::bulk::{self, New};
use yizhan::storage::notice::{Notice, revision};
use yizhan::storage::search::{self, Document};
use yizhan::storage::{self, order};

use crate::process::Process;
use crate::table::{Rate, Table};
use crate::world::World;

/// Notices of a commit: as many as the import stores at once.
const AT_ONCE: usize = 250;
/// What bare inserts a second at least on an idle machine.
const FLOOR: f64 = 500.0;

const SENTENCES: [&str; 8] = [
    "本招标项目已由有关部门批准建设，项目业主为当地交通运输局，建设资金来自财政拨款与自筹。",
    "投标人须具备建筑工程施工总承包三级及以上资质，并在人员、设备、资金等方面具有相应的施工能力。",
    "本次招标不接受联合体投标，投标人可以就上述标段中的一个或多个标段投标。",
    "凡有意参加投标者，请登录公共资源交易平台下载招标文件，逾期不再受理。",
    "投标文件递交的截止时间为开标当日上午九时三十分，地点为市公共资源交易中心第二开标室。",
    "采购人对供应商的资格条件、技术参数与售后服务提出了详细的要求，具体见附件。",
    "中标候选人公示期间，投标人或者其他利害关系人对结果有异议的，应当以书面形式提出。",
    "联系人：张工，地址：湖南省长沙市雨花区湘府东路二段，邮编四一零零零零。",
];

pub async fn measure(world: &World, server: &Process, table: &mut Table) {
    for (what, announce) in [("import notices", "none"), ("import notices, told to nobody's inbox", "inbox")] {
        let (source, count) = (format!("import-{announce}"), world.size.imports);
        let lines = lines(&source, count);
        let bytes = lines.len() / usize::try_from(count).expect("a number");
        let ours = import(world, server, lines, announce, count).await;
        let bare = insert(world, &source).await;
        let remark = format!("{count} notices of {bytes} bytes, {AT_ONCE} a commit");
        table.rates(what, ours.per_second(), bare.per_second(), Some(FLOOR), &remark);
    }
}

/// Notices as a feed hands them in, in a category that nobody wants: some tables, some two thousand characters of text.
fn lines(source: &str, count: u32) -> String {
    let mut text = String::new();
    for number in 0..count {
        let mut body = String::from("<div class=\"notice\"><table border=\"1\" style=\"width:100%\">");
        for row in 0..6 {
            write!(body, "<tr><td style=\"width:28%\">项目编号</td><td>Q{number}-{row}</td></tr>").expect("a text");
        }
        body.push_str("</table>");
        for place in 0..44 {
            let sentence = SENTENCES.get((place * 7 + place / 8) % SENTENCES.len()).copied().unwrap_or_default();
            write!(body, "<p>{}、{sentence}</p>", (number % 97) + u32::try_from(place).unwrap_or(0)).expect("a text");
        }
        body.push_str("</div>");
        let notice = json!({
            "source": source, "source_id": format!("n{number}"), "title": format!("某市第{number}号地块土地使用权出让公告"),
            "category": "land-use-right", "region": "430102", "notice_type": "L-OFFER", "body_html": body,
            "project": {"code": format!("P-{}-{source}", number / 3), "name": format!("第{}号地块", number / 3)},
            "sections": [format!("P-{}-{source}-01", number / 3)], "purchaser": {"name": format!("某市自然资源局{}", number % 50)},
            "amounts": [{"kind": "budget", "text": format!("{number}.5 万元")}], "published_at": "2026-03-02T01:00:00Z",
        });
        writeln!(text, "{notice}").expect("a text");
    }
    text
}

async fn import(world: &World, server: &Process, lines: String, announce: &str, count: u32) -> Rate {
    let url = format!("{}/v1/notices/import?announce={announce}", server.url);
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let call = client.post(url).bearer_auth(world.key()).header("content-type", "application/x-ndjson");
    let began = Instant::now();
    let text = call.body(lines).send().await.expect("an answer").text().await.expect("a whole answer");
    let took = began.elapsed();
    let last: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).expect("JSON");
    let told = (last.get("event").and_then(Value::as_str), last.get("created").and_then(Value::as_u64));
    assert_eq!(told, (Some("summary"), Some(u64::from(count))), "{last}");
    Rate { times: count, took }
}

/// The rows of what was imported, once more under ids of their own.
async fn insert(world: &World, source: &str) -> Rate {
    let conn = world.db.reader();
    let text = "SELECT * FROM notices WHERE source = $1 ORDER BY position";
    let notices: Vec<Notice> = storage::all(conn, text, [source.into()]).await.expect("notices");
    let mut took = Duration::ZERO;
    let mut times = 0;
    for some in notices.chunks(AT_ONCE) {
        let (mut new, mut documents) = (Vec::new(), Vec::new());
        for notice in some {
            let edition = revision::find(conn, notice.id, 1).await.expect("a query").expect("an edition");
            let content: Content = serde_json::from_str(&edition.document).expect("a document");
            let id = NoticeId::new();
            let mut notice = Notice { id, source: "bare".to_owned(), source_id: id.to_string(), ..notice.clone() };
            notice.content_hash.reverse();
            let sections = content.section_keys();
            documents.push(Document::of(&notice, &edition.stage, &content, &edition.folded));
            new.push(New { notice, edition: revision::Revision { notice_id: id, ..edition }, sections });
        }
        let began = Instant::now();
        let tx = world.db.begin().await.expect("a transaction");
        order::take_positions(&tx, 1).await.expect("a position");
        bulk::insert(&tx, &new).await.expect("rows");
        search::index_many(&tx, &documents).await.expect("an index");
        tx.commit().await.expect("a commit");
        took += began.elapsed();
        times += u32::try_from(new.len()).expect("a number");
    }
    Rate { times, took }
}
