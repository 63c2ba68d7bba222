//! Many rows in few statements: users who want all construction notices, a phone each, notices, and what is in their
//! inboxes already. The rows are those that the product itself would have written.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, DbBackend};
use uuid::Uuid;
use yizhan::storage::search::fold;
use yizhan::storage::{self, Db};

use crate::Size;

/// Categories, regions and types of the notices, as paths; the last part is the code.
pub const CATEGORIES: [&str; 8] = [
    "/construction/construction.a01/",
    "/construction/construction.a02/",
    "/construction/construction.a03/",
    "/construction/construction.a07/",
    "/gov-procurement/gov-procurement.goods/",
    "/gov-procurement/gov-procurement.services/",
    "/land-use-right/land-use-right.residential/",
    "/state-assets/state-assets.equity/",
];
pub const REGIONS: [&str; 7] = [
    "/430000/430100/430102/",
    "/430000/430100/430103/",
    "/430000/430100/430111/",
    "/430000/430200/430202/",
    "/430000/430200/430203/",
    "/430000/430300/430302/",
    "/430000/430300/430304/",
];
/// A type and its stage.
pub const TYPES: [(&str, &str); 5] = [
    ("C-PLAN", "planning"),
    ("C-TENDER", "tender"),
    ("C-CANDIDATE", "evaluation"),
    ("C-RESULT", "award"),
    ("C-CONTRACT", "contract"),
];

/// The last code of a path.
pub fn code(path: &str) -> &str {
    path.trim_matches('/').rsplit('/').next().unwrap_or_default()
}

/// Items of an inbox before anything is measured.
const ITEMS: u32 = 100;
/// Users whose inboxes are filled by one statement.
const AT_ONCE: usize = 500;

/// What differs between the engines.
struct Words {
    id: &'static str,
    hash: &'static str,
    hex: &'static str,
}

/// Users, subscriptions, phones, notices.
pub async fn rows(db: &Db, size: Size) {
    let postgres = db.engine() == DbBackend::Postgres;
    let words = if postgres {
        Words { id: "gen_random_uuid()", hash: "decode(md5(s.n::text), 'hex')", hex: "replace(id::text, '-', '')" }
    } else {
        Words { id: "randomblob(16)", hash: "randomblob(16)", hex: "lower(hex(id))" }
    };
    for statement in people(size, &words).into_iter().chain(notices(size, &words)) {
        db_execute(db, &statement).await;
    }
    if postgres {
        // What autovacuum does within its first minute.
        db_execute(db, "ANALYZE").await;
    }
}

async fn db_execute(db: &Db, statement: &str) {
    let tx = db.begin().await.expect("a transaction");
    tx.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{error}: {statement}"));
    tx.commit().await.expect("a commit");
}

/// The numbers from 1, as `s.n`.
fn series(count: u32) -> String {
    format!("(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {count}) SELECT n FROM r) s")
}

fn people(size: Size, words: &Words) -> [String; 6] {
    let Words { id, hex, .. } = words;
    let subscription = |filter: &str, whom: &str| {
        format!(
            "INSERT INTO subscriptions (id, subscription_id, user_id, name, filter, frequency, notice_types, stages, \
               unknown_amount, started_position, created_at, started_at) \
             SELECT {id}, {id}, id, '{filter}', '{{\"categories\":[\"{filter}\"]}}', 'immediate', '', '', true, 0, 0, 0 \
             FROM users WHERE id IN ({whom})"
        )
    };
    [
        format!(
            "INSERT INTO users (id, display_name, role, created_at) SELECT {id}, 'reader', 'user', 0 FROM {}",
            series(size.users)
        ),
        subscription("construction", "SELECT id FROM users"),
        subscription("other", "SELECT id FROM users ORDER BY id LIMIT 1"),
        "INSERT INTO subscription_keys (term_id, category, region, user_id, subscription, subscription_id, \
           started_position, notice_types, stages, unknown_amount, more_terms) \
         SELECT 0, name, '', user_id, id, subscription_id, 0, '', '', true, false FROM subscriptions"
            .to_owned(),
        format!(
            "INSERT INTO endpoints (id, user_id, channel, address, created_at) \
             SELECT {id}, id, 'sandbox', 'sbx-' || {hex}, 0 FROM users"
        ),
        // Behind the positions of the notices below.
        "UPDATE commit_order SET position = position + 1000000 WHERE id = 1".to_owned(),
    ]
}

/// `(VALUES …)` with columns `column1`, `column2`, … on both engines.
fn values(rows: impl Iterator<Item = Vec<String>>) -> String {
    let text = |cells: Vec<String>| format!("({})", cells.join(", "));
    format!("(VALUES {})", rows.map(text).collect::<Vec<_>>().join(", "))
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}

fn notices(size: Size, words: &Words) -> Vec<String> {
    let now = yizhan::domain::time::Clock::system().now().as_millis();
    let numbered = |paths: &[&str]| {
        values(paths.iter().enumerate().map(|(n, path)| vec![n.to_string(), quoted(path), quoted(code(path))]))
    };
    let types = values(TYPES.iter().enumerate().map(|(n, (code, _))| vec![n.to_string(), quoted(code)]));
    let chosen = format!(
        "JOIN {} c ON c.column1 = s.n % {} JOIN {} r ON r.column1 = s.n % {} JOIN {types} t ON t.column1 = s.n % {}",
        numbered(&CATEGORIES),
        CATEGORIES.len(),
        numbered(&REGIONS),
        REGIONS.len(),
        TYPES.len(),
    );
    let mut statements = vec![format!(
        "INSERT INTO notices (id, publisher_id, source, source_id, revision, position, state, title, category_path, \
           region_path, notice_type, content_hash, published_at, received_at, updated_at) \
         SELECT {id}, (SELECT id FROM publishers LIMIT 1), 'bench', 'seed-' || s.n, 1, s.n, 'published', \
           '某某工程第' || s.n || '号公告', c.column2, r.column2, t.column2, {hash}, {now} - s.n * 60000, {now}, {now} \
         FROM {} {chosen}",
        series(size.notices),
        id = words.id,
        hash = words.hash,
    )];
    // Four kilobytes of Chinese, as notices have.
    let body = "本招标项目已由有关部门批准建设，现对该项目的施工进行公开招标。".repeat(42);
    let ends = |paths: &[&str]| values(paths.iter().map(|path| vec![quoted(path), quoted(code(path))]));
    let stages = values(TYPES.iter().map(|(code, stage)| vec![quoted(code), quoted(stage)]));
    statements.push(format!(
        "INSERT INTO notice_revisions (notice_id, revision, position, kind, announce, matcher, document, body_html, \
           folded, category_path, region_path, notice_type, stage, purchaser_keys, changes, created_at) \
         SELECT n.id, 1, n.position, 'notice', 'none', 1, '{{\"title\":\"' || n.title || '\",\"category\":\"' || \
             c.column2 || '\",\"region\":\"' || r.column2 || '\",\"notice_type\":\"' || n.notice_type || '\"}}', \
           '<p>{body}</p>', '{body}', n.category_path, n.region_path, n.notice_type, t.column2, '[]', '[]', {now} \
         FROM notices n JOIN {} c ON c.column1 = n.category_path JOIN {} r ON r.column1 = n.region_path \
           JOIN {stages} t ON t.column1 = n.notice_type",
        ends(&CATEGORIES),
        ends(&REGIONS),
    ));
    let scopes = |prefix: &'static str, paths: &'static [&'static str]| {
        let each = |path: &'static str| path.split('/').filter(|code| !code.is_empty()).map(move |code| (path, code));
        values(
            paths
                .iter()
                .copied()
                .flat_map(each)
                .map(|(path, code)| vec![quoted(path), quoted(&format!("{prefix}:{code}"))]),
        )
    };
    let place = |scope: &str, from: &str| {
        format!(
            "INSERT INTO notice_scopes (scope, published_at, notice_id, position) \
             SELECT {scope}, n.published_at, n.id, n.position FROM notices n{from}"
        )
    };
    statements.extend([
        place("'*'", ""),
        // Only what the search is measured with is indexed; the rest would be while other things are measured.
        "UPDATE search_progress SET finished_at = 1".to_owned(),
        place("'t:' || n.notice_type", ""),
        place("x.column2", &format!(" JOIN {} x ON x.column1 = n.category_path", scopes("c", &CATEGORIES))),
        place("x.column2", &format!(" JOIN {} x ON x.column1 = n.region_path", scopes("r", &REGIONS))),
    ]);
    statements
}

/// The ids of all who want what is published to all, in their order.
pub async fn users(db: &Db) -> Vec<Uuid> {
    let text = "SELECT id FROM users WHERE display_name <> 'integrator' ORDER BY id";
    let statement = storage::statement(db.reader(), text, []);
    let rows = db.reader().query_all_raw(statement).await.expect("users");
    rows.iter().map(|row| row.try_get("", "id").expect("an id")).collect()
}

/// Gives users a hundred items each, for as many as the time allows; returns how many, and how long it took.
pub async fn inboxes(db: &Db, size: Size) -> (usize, Duration) {
    let began = Instant::now();
    let users = users(db).await;
    let mut filled = 0;
    for some in users.chunks(AT_ONCE) {
        if began.elapsed() > size.filling {
            break;
        }
        let (Some(first), Some(last)) = (some.first(), some.last()) else { break };
        let text = format!(
            "INSERT INTO inbox_items (user_id, notice_id, revision, stamp, created_at, updated_at) \
             SELECT u.id, n.id, 1, 0, n.published_at, n.published_at FROM users u \
             CROSS JOIN (SELECT id, published_at FROM notices ORDER BY published_at DESC LIMIT {ITEMS}) n \
             WHERE u.id >= $1 AND u.id <= $2"
        );
        let tx = db.begin().await.expect("a transaction");
        storage::execute(&*tx, &text, [(*first).into(), (*last).into()]).await.expect("items");
        tx.commit().await.expect("a commit");
        filled += some.len();
    }
    (filled, began.elapsed())
}

/// Folds what is indexed as the scheduler does, until nothing is left to be folded.
pub async fn fold(db: &Db) {
    loop {
        let tx = db.begin().await.expect("a transaction");
        let more = fold::fold(&tx).await.expect("a fold");
        tx.commit().await.expect("a commit");
        if !more {
            return;
        }
    }
}
