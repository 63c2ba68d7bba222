//! The contract of `storage::sql`: same function, same meaning, on whichever engine this run is about.

use sea_orm::{DatabaseConnection, Value};
use uuid::Uuid;
use yizhan::storage::{self, Db, DbError, Settings, Synchronous, order, sql};

use super::support::{Database, eventually};

/// Runs `test` on a fresh database.
async fn on_the_engine(test: impl AsyncFnOnce(&DatabaseConnection)) {
    let database = Database::fresh().await;
    let connection = database.connect().await;
    test(&connection).await;
}

async fn count(connection: &DatabaseConnection, text: String, value: Value) -> i64 {
    storage::value(connection, &text, [value]).await.unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[tokio::test]
async fn the_databases_clock_is_in_milliseconds_and_goes_on() {
    on_the_engine(async |connection| {
        let text = format!("SELECT {} AS value", sql::now(connection));
        let first: i64 = storage::value(connection, &text, []).await.expect("an instant");
        let here = chrono::Utc::now().timestamp_millis();
        assert!((first - here).abs() < 60_000, "the database says {first}, this process {here}");
        let later: i64 = storage::value(connection, &text, []).await.expect("an instant");
        assert!(later >= first);
    })
    .await;
}

#[tokio::test]
async fn a_set_of_ids_is_one_value() {
    on_the_engine(async |connection| {
        let ids: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
        for id in &ids {
            let text = "INSERT INTO publishers (id, name, created_at) VALUES ($1, $2, 1)";
            storage::execute(connection, text, [(*id).into(), id.to_string().into()]).await.expect("a row");
        }
        let text = format!("SELECT COUNT(*) AS value FROM publishers WHERE id IN {}", sql::uuids(connection, "$1"));
        let some = [ids[0], ids[2], Uuid::now_v7()];
        assert_eq!(count(connection, text.clone(), sql::uuid_set(connection, some)).await, 2);
        assert_eq!(count(connection, text, sql::uuid_set(connection, [])).await, 0);
    })
    .await;
}

#[tokio::test]
async fn sets_of_numbers_and_texts_are_one_value_however_large() {
    on_the_engine(async |connection| {
        let text = format!("SELECT COUNT(*) AS value FROM {} AS numbers", sql::integers(connection, "$1"));
        // More than an engine takes as single values (32,766 on SQLite, 65,535 on PostgreSQL).
        assert_eq!(count(connection, text.clone(), sql::integer_set(connection, 0..70_000)).await, 70_000);
        assert_eq!(count(connection, text, sql::integer_set(connection, [])).await, 0);

        let words = ["市政", "it's", "\"quoted\"", "back\\slash", "{a,b}", ""].map(ToOwned::to_owned);
        for word in &words {
            let text = "INSERT INTO publishers (id, name, created_at) VALUES ($1, $2, 1)";
            storage::execute(connection, text, [Uuid::now_v7().into(), word.into()]).await.expect("a row");
        }
        let text = format!("SELECT COUNT(*) AS value FROM publishers WHERE name IN {}", sql::texts(connection, "$1"));
        assert_eq!(count(connection, text.clone(), sql::text_set(connection, words)).await, 6);
        assert_eq!(count(connection, text, sql::text_set(connection, [])).await, 0);
    })
    .await;
}

#[tokio::test]
async fn rows_that_others_hold_are_passed_over() {
    on_the_engine(async |connection| {
        let locked = sql::skip_locked(connection);
        let text = format!("SELECT position AS value FROM commit_order WHERE id = $1 {locked}");
        assert_eq!(count(connection, text, 1_i64.into()).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_broken_constraint_says_which_table_it_guards() {
    on_the_engine(async |connection| {
        let text = "INSERT INTO publishers (id, name, created_at) VALUES ($1, 'one', 1)";
        storage::execute(connection, text, [Uuid::now_v7().into()]).await.expect("the first");
        let second = storage::execute(connection, text, [Uuid::now_v7().into()]).await.expect_err("the second");
        assert!(matches!(&second, DbError::Conflict(name) if name.contains("publishers")), "{second:?}");
    })
    .await;
}

#[tokio::test]
async fn concurrent_commits_take_every_position_once_and_a_rollback_takes_none() {
    let database = Database::fresh().await;
    let db = open(&database).await;
    let refused: Result<(), DbError> = db
        .write(async |tx| {
            order::take_position(tx).await?;
            Err(DbError::Conflict("given up".to_owned()))
        })
        .await;
    refused.expect_err("a rollback");
    let writers = (0..20).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { db.write(async |tx| order::take_position(tx).await).await.expect("a position") })
    });
    let mut taken = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        taken.push(writer.await.expect("a writer"));
    }
    taken.sort_unstable();
    assert_eq!(taken, (1..=20).collect::<Vec<i64>>());
    assert_eq!(order::position(db.reader()).await.expect("a position"), 20);
}

#[tokio::test]
async fn a_reader_that_stops_at_the_horizon_skips_no_open_change() {
    let database = Database::fresh().await;
    let db = open(&database).await;
    let open = db.begin().await.expect("a transaction");
    let stamp = order::stamp(&open).await.expect("a stamp");
    let horizon = order::horizon(db.reader()).await.expect("a horizon");
    assert!(horizon <= stamp, "a reader would go past the open change {stamp} to {horizon}");
    open.commit().await.expect("a commit");
    // On PostgreSQL the transactions of other tests hold the horizon back as well.
    eventually("the horizon has passed the change", async || {
        order::horizon(db.reader()).await.ok().filter(|horizon| *horizon > stamp)
    })
    .await;
}

async fn open(database: &Database) -> Db {
    Db::connect(&Settings::new(database.url.clone(), 4, Synchronous::Normal)).await.expect("the database answers")
}
