//! Subscribers by the thousand, in a few statements, and notices that they want.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend};
use serde_json::{Value, json};

/// What a seeded reader follows.
pub const WANTED: &str = "construction";
/// What nobody follows until somebody is told to.
pub const OTHER: &str = "gov-procurement";

/// A notice that all seeded readers want.
pub fn notice(source_id: &str) -> Value {
    json!({
        "source": "faults", "source_id": source_id, "title": format!("道路工程施工招标公告 {source_id}"),
        "category": "construction.a02", "region": "430104", "notice_type": "C-TENDER",
        "body_html": format!("<p>{source_id}</p>"),
    })
}

/// A notice that only those want who follow the other category.
pub fn other_notice(source_id: &str) -> Value {
    let mut notice = notice(source_id);
    notice["category"] = json!(OTHER);
    notice["notice_type"] = json!("G-OPEN");
    notice
}

/// Lays down readers, each with one subscription and one phone, and newcomers who have a phone alone.
pub async fn readers(conn: &DatabaseConnection, readers: u32, newcomers: u32) {
    let (id, hex) = match conn.get_database_backend() {
        DbBackend::Postgres => ("gen_random_uuid()", "replace(id::text, '-', '')"),
        _ => ("randomblob(16)", "lower(hex(id))"),
    };
    let series = |count: u32| match conn.get_database_backend() {
        DbBackend::Postgres => format!("generate_series(1, {count}) s"),
        _ => format!(
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s) s"
        ),
    };
    let people = |name: &str, count: u32| {
        format!(
            "INSERT INTO users (id, display_name, role, created_at) SELECT {id}, '{name}', 'user', 0 FROM {}",
            series(count)
        )
    };
    let mut statements = vec![people("reader", readers)];
    if newcomers > 0 {
        statements.push(people("newcomer", newcomers));
    }
    statements.extend([
        format!(
            "INSERT INTO subscriptions (id, subscription_id, user_id, name, filter, frequency, notice_types, stages, \
               unknown_amount, started_position, created_at, started_at) \
             SELECT {id}, {id}, id, 'all', '{{\"categories\":[\"{WANTED}\"]}}', 'immediate', '', '', true, 0, 0, 0 \
             FROM users WHERE display_name = 'reader'"
        ),
        keys("all", WANTED),
        format!(
            "INSERT INTO endpoints (id, user_id, channel, address, created_at) \
             SELECT {id}, id, 'sandbox', 'sbx-' || {hex}, 0 FROM users WHERE display_name IN ('reader', 'newcomer')"
        ),
    ]);
    for statement in statements {
        conn.execute_unprepared(&statement).await.expect("a seed");
    }
}

/// Lets the reader with the lowest id follow the other category too.
pub async fn follow_other(conn: &DatabaseConnection) {
    let first = "(SELECT * FROM subscriptions ORDER BY user_id LIMIT 1) s";
    follow_others(conn, first).await;
}

/// Lets the readers of these subscriptions, `(SELECT * …) s`, follow the other category too.
pub async fn follow_others(conn: &DatabaseConnection, of: &str) {
    let id = match conn.get_database_backend() {
        DbBackend::Postgres => "gen_random_uuid()",
        _ => "randomblob(16)",
    };
    for statement in [
        format!(
            "INSERT INTO subscriptions (id, subscription_id, user_id, name, filter, frequency, notice_types, stages, \
               unknown_amount, started_position, created_at, started_at) \
             SELECT {id}, {id}, user_id, 'one', '{{\"categories\":[\"{OTHER}\"]}}', 'immediate', '', '', true, 0, 0, 0 \
             FROM {of}"
        ),
        keys("one", OTHER),
    ] {
        conn.execute_unprepared(&statement).await.expect("a subscription");
    }
}

fn keys(name: &str, category: &str) -> String {
    format!(
        "INSERT INTO subscription_keys (term_id, category, region, user_id, subscription, subscription_id, \
           started_position, notice_types, stages, unknown_amount, more_terms) \
         SELECT 0, '{category}', '', user_id, id, subscription_id, 0, '', '', true, false FROM subscriptions \
         WHERE name = '{name}'"
    )
}
