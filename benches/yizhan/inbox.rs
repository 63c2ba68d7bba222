//! Inbox rows a second: the engine's own way, from the publish call to the end of its fan-out, beside bare
//! `INSERT … SELECT` of the same rows, turn by turn, so that the table grows under both alike.
//!
//! Bounded by: the table's four B-trees and the commit of each 1,000 rows. What the engine adds: the plan's scan of the
//! audience, matching once more for each chunk, and a lease, a bell and a close for each chunk, in commits of their own.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use sea_orm::DbBackend;
use uuid::Uuid;
use yizhan::domain::id::NoticeId;
use yizhan::storage;

use crate::seed;
use crate::table::{Rate, Table};
use crate::world::{Publisher, To, World};

/// Rows of a commit, as a chunk of the engine has.
const COMMIT: usize = 1_000;
/// Commits at a time, as the engine has chunks; SQLite has one writer whoever asks.
const AT_ONCE: usize = 4;
/// `INSERT … SELECT` by key pages on PostgreSQL, and the nearest measured on SQLite: inserts of 1,000.
const FLOOR_POSTGRES: f64 = 226_000.0;
const FLOOR_SQLITE: f64 = 568_000.0;

pub async fn measure(world: &World, publisher: &Publisher, table: &mut Table) {
    let users = seed::users(&world.db).await;
    let (mut ours, mut bare, mut calls) = (Duration::ZERO, Duration::ZERO, Vec::new());
    for _ in 0..world.size.rounds {
        let began = Instant::now();
        let (notice, call) = publisher.publish(To::All, "inbox").await;
        world.delivered(notice).await;
        ours += began.elapsed();
        calls.push(call);
        let rows = world.number("SELECT count(*) AS n FROM inbox_items WHERE notice_id = $1", notice).await;
        assert_eq!(rows, Some(i64::from(world.size.users)), "everyone has it");
        bare += by_hand(world, &users).await;
    }
    let times = world.size.users * world.size.rounds;
    let rate = |took| Rate { times, took }.per_second();
    let floor = if world.db.engine() == DbBackend::Postgres { FLOOR_POSTGRES } else { FLOOR_SQLITE };
    let remark = format!("{} rounds of {} rows", world.size.rounds, world.size.users);
    table.rates("inbox rows", rate(ours), rate(bare), Some(floor), &remark);
    table.times(&format!("publish, audience {}", world.size.users), calls, "each after the fan-out before");
}

/// The same rows, as plainly as SQL can.
async fn by_hand(world: &World, users: &[Uuid]) -> Duration {
    let notice = NoticeId::new();
    let began = Instant::now();
    let commits = users.chunks(COMMIT).map(|some| commit(world, notice, some));
    stream::iter(commits).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    began.elapsed()
}

async fn commit(world: &World, notice: NoticeId, users: &[Uuid]) {
    let (Some(first), Some(last)) = (users.first(), users.last()) else { return };
    let tx = world.db.begin().await.expect("a transaction");
    let text = "INSERT INTO inbox_items (user_id, notice_id, revision, stamp, created_at, updated_at) \
                SELECT id, $1, 1, $2, $2, $2 FROM users WHERE id >= $3 AND id <= $4";
    let values = [notice.into(), 1_i64.into(), (*first).into(), (*last).into()];
    let rows = storage::execute(&*tx, text, values).await.expect("items");
    assert_eq!(usize::try_from(rows), Ok(users.len()), "every row was written");
    tx.commit().await.expect("a commit");
}
