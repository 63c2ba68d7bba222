//! The change feed, read from one end to the other by one reader in pages of 100, beside the same rows read by the same
//! index in pages of as many, without a server.
//!
//! Bounded by: writing 4 kB of text an item as JSON or XML, and one reader who asks for a page after the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait as _;
use yizhan::storage;

use crate::load::{Connection, request};
use crate::table::{Rate, Table};
use crate::world::World;

const PAGE: u32 = 100;

pub async fn measure(world: &World, at: SocketAddr, table: &mut Table) {
    let time = world.size.reading;
    let bare = rows(world, time).await;
    let changes = follow(at, format!("/v1/feed?limit={PAGE}"), "\"change\":\"", next_change, time).await;
    table.rates(
        "change feed, items",
        changes,
        bare,
        None,
        "pages of 100 with 4 kB of text each; bare: the rows by SQL",
    );
    let entries = follow(at, format!("/v1/feed.atom?limit={PAGE}"), "<entry>", next_page, time).await;
    table.rates("change feed as Atom, items", entries, bare, None, "");
}

/// Items a second of one reader who begins anew at the end. `item` stands once in each; `next` finds the next path.
async fn follow(at: SocketAddr, first: String, item: &str, next: fn(&str) -> Option<String>, time: Duration) -> f64 {
    let mut connection = Connection::open(at).await;
    let (began, mut times, mut path) = (Instant::now(), 0, first.clone());
    while began.elapsed() < time {
        let head = connection.call(&request(&path, None)).await;
        assert!(head.get(9..12) == Some(b"200".as_slice()), "{}", String::from_utf8_lossy(&head));
        let page = String::from_utf8_lossy(connection.body());
        times += u32::try_from(page.matches(item).count()).unwrap_or(0);
        path = next(&page).unwrap_or_else(|| first.clone());
    }
    Rate { times, took: began.elapsed() }.per_second()
}

fn next_change(page: &str) -> Option<String> {
    let more = page.contains("\"has_more\":true");
    let cursor = page.rsplit_once("\"next_cursor\":\"")?.1.split('"').next()?;
    more.then(|| format!("/v1/feed?limit={PAGE}&cursor={cursor}"))
}

fn next_page(page: &str) -> Option<String> {
    let href = page.split_once("rel=\"next\"")?.1.split_once("href=\"")?.1.split('"').next()?;
    href.split_once("/v1/").map(|(_, path)| format!("/v1/{}", path.replace("&amp;", "&")))
}

/// The rows of the feed a second.
async fn rows(world: &World, time: Duration) -> f64 {
    let text = "SELECT d.position, n.title, n.updated_at, p.name, v.document, v.body_html FROM notice_scopes d \
                JOIN notices n ON n.id = d.notice_id JOIN publishers p ON p.id = n.publisher_id \
                JOIN notice_revisions v ON v.notice_id = n.id AND v.revision = n.revision \
                WHERE d.scope = '*' AND d.position > $1 ORDER BY d.position LIMIT $2";
    let (began, mut times, mut after) = (Instant::now(), 0, 0_i64);
    while began.elapsed() < time {
        let statement = storage::statement(world.db.reader(), text, [after.into(), i64::from(PAGE).into()]);
        let page = world.db.reader().query_all_raw(statement).await.expect("a page");
        times += u32::try_from(page.len()).unwrap_or(0);
        after = page.last().map_or(0, |row| row.try_get("", "position").expect("a position"));
        let read = page.iter().map(|row| row.try_get::<String>("", "body_html").expect("a body").len()).sum::<usize>();
        std::hint::black_box(read);
    }
    Rate { times, took: began.elapsed() }.per_second()
}
