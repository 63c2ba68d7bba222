//! The public pages: a list with random filters, a detail, and a 304, beside a handler that does nothing in a bare
//! server of its own with as many threads.
//!
//! Bounded by: one query for a list (how common each filter is, is asked once a minute), one for a detail; what is asked
//! again within seconds is answered from what is kept, because no notice changes meanwhile. Server and callers share this
//! process and its cores, on both sides alike.

use std::net::{SocketAddr, TcpListener};

use actix_web::{App, HttpResponse, HttpServer, web};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use sea_orm::ConnectionTrait as _;
use yizhan::config::Config;
use yizhan::config::env::Env;
use yizhan::domain::id::NoticeId;
use yizhan::{app, http, storage};

use crate::feed;
use crate::load::{Connection, header, rate, request};
use crate::seed::{CATEGORIES, REGIONS, TYPES, code};
use crate::table::Table;
use crate::world::World;

/// Different requests of each kind.
const REQUESTS: usize = 2_000;
/// Threads of each server: what the product takes.
const THREADS: usize = 2;
/// actix with a short answer at 64 connections.
pub const FLOOR: f64 = 83_000.0;

pub async fn measure(world: &World, table: &mut Table) {
    let (ours, empty) = (server(world).await, nothing());
    let time = world.size.reading;
    let bare = rate(empty, vec![request("/", None)], "200", time).await;
    let mut random = StdRng::seed_from_u64(1);
    let lists = (0..REQUESTS).map(|_| request(&list(&mut random), None)).collect();
    let lists = rate(ours, lists, "200", time).await;
    table.rates("notice list, random filters", lists, bare, Some(FLOOR), "20 notices a page; bare: an empty handler");
    let paths = details(world).await;
    let details = rate(ours, paths.iter().map(|path| request(path, None)).collect(), "200", time).await;
    table.rates("notice detail", details, bare, Some(FLOOR), "4 kB of text");
    let mut known = Vec::new();
    let mut connection = Connection::open(ours).await;
    for path in &paths {
        let head = connection.call(&request(path, None)).await;
        known.push(request(path, header(&head, "etag").as_deref()));
    }
    let unchanged = rate(ours, known, "304", time).await;
    table.rates("notice detail, 304", unchanged, bare, Some(FLOOR), "");
    feed::measure(world, ours, table).await;
}

/// The product's door on this world, without limits for one address; nothing is delivered from here.
pub async fn server(world: &World) -> SocketAddr {
    let mut environment = world.pair.environment();
    environment.push(("YIZHAN_RATE_LIMITS".to_owned(), "off".to_owned()));
    let config = Config::read(Env::of(environment)).expect("a configuration");
    let deps = app::build(&config).await.expect("the parts");
    let (listener, at) = listener();
    let server = HttpServer::new(move || http::app(deps.clone(), |_| ()));
    tokio::spawn(server.workers(THREADS).disable_signals().listen(listener).expect("the port is ours").run());
    at
}

pub fn nothing() -> SocketAddr {
    let (listener, at) = listener();
    let server = HttpServer::new(|| App::new().route("/", web::get().to(|| async { HttpResponse::Ok().finish() })));
    tokio::spawn(server.workers(THREADS).disable_signals().listen(listener).expect("the port is ours").run());
    at
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    (listener, at)
}

/// A code of a path, an ancestor's now and then, as people look at a whole province.
fn step(path: &'static str, random: &mut StdRng) -> &'static str {
    let codes: Vec<&str> = path.split('/').filter(|code| !code.is_empty()).collect();
    codes.choose(random).copied().unwrap_or_else(|| code(path))
}

/// One, two or three filters.
fn list(random: &mut StdRng) -> String {
    let category = CATEGORIES.choose(random).map(|path| step(path, random)).unwrap_or_default();
    let region = REGIONS.choose(random).map(|path| step(path, random)).unwrap_or_default();
    let kind = TYPES.choose(random).map(|(code, _)| *code).unwrap_or_default();
    let filters = [
        format!("category={category}"),
        format!("region={region}"),
        format!("notice_type={kind}"),
        format!("category={category}&region={region}"),
        format!("region={region}&notice_type={kind}"),
        format!("category={category}&region={region}&notice_type={kind}"),
    ];
    format!("/v1/notices?{}", filters.choose(random).map(String::as_str).unwrap_or_default())
}

async fn details(world: &World) -> Vec<String> {
    let text = "SELECT id FROM notices WHERE source_id LIKE 'seed-%' ORDER BY content_hash LIMIT $1";
    let count = i64::try_from(REQUESTS).unwrap_or(1);
    let statement = storage::statement(world.db.reader(), text, [count.into()]);
    let rows = world.db.reader().query_all_raw(statement).await.expect("notices");
    let id = |row: &sea_orm::QueryResult| NoticeId::from_uuid(row.try_get("", "id").expect("an id"));
    rows.iter().map(|row| format!("/v1/notices/{}", id(row))).collect()
}
