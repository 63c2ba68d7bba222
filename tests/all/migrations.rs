//! The schema goes up, down and up again, and is the same on both engines.

use std::collections::BTreeMap;

use migrations::{Migrator, MigratorTrait as _};
use sea_orm::{DatabaseConnection, DbBackend, FromQueryResult};
use yizhan::domain::id::{EndpointId, UserId};
use yizhan::domain::message::Address;
use yizhan::storage::{self, Db, Settings, Synchronous};

use super::support::Database;

/// What stands in a schema: `table.column` and `index` to what they are, in words that both engines share.
type Schema = BTreeMap<String, String>;

#[derive(FromQueryResult)]
struct Row {
    name: String,
    what: String,
}

#[tokio::test]
async fn every_migration_can_be_taken_back_and_run_again() {
    let database = Database::fresh().await;
    let connection = database.connect().await;
    let before = schema(&connection).await;
    assert_ne!(before, Schema::new());
    Migrator::down(&connection, None).await.expect("down");
    assert_eq!(schema(&connection).await, Schema::new());
    Migrator::up(&connection, None).await.expect("up");
    assert_eq!(schema(&connection).await, before);
    let position: i64 =
        storage::value(&connection, "SELECT position AS value FROM commit_order", []).await.expect("one");
    assert_eq!(position, 0);
}

#[tokio::test]
async fn copies_that_start_at_once_on_an_empty_database_take_turns() {
    let database = Database::fresh().await;
    let connection = database.connect().await;
    Migrator::down(&connection, None).await.expect("down");
    // On SQLite there is one copy: its folder's lock sees to that.
    let copies = if database.pair().postgres().is_some() { 4 } else { 1 };
    let settings = Settings::new(database.url.clone(), 2, Synchronous::Normal);
    let starts = (0..copies).map(|_| {
        let settings = settings.clone();
        tokio::spawn(async move { Db::connect(&settings).await.expect("the database answers").migrate().await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.expect("a copy").expect("a schema");
    }
    assert_ne!(schema(&connection).await, Schema::new());
}

/// Compares this run's engine with SQLite, so the pairs with PostgreSQL compare the two.
#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let database = Database::fresh().await;
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("reference.db").display());
    let reference = sea_orm::Database::connect(url).await.expect("SQLite");
    Migrator::up(&reference, None).await.expect("up");
    let connection = database.connect().await;
    let (ours, theirs) = (schema(&connection).await, schema(&reference).await);
    let differing: Vec<_> =
        ours.keys().chain(theirs.keys()).filter(|name| ours.get(*name) != theirs.get(*name)).collect();
    let pairs: Vec<_> =
        differing.iter().map(|name| (name, ours.get(name.as_str()), theirs.get(name.as_str()))).collect();
    assert!(pairs.is_empty(), "here and on SQLite: {pairs:#?}");
}

/// What was stored before a column came has its value after.
#[tokio::test]
async fn the_addresses_of_before_are_found_by_their_hash() {
    let database = Database::fresh().await;
    let connection = database.connect().await;
    Migrator::down(&connection, None).await.expect("down");
    let all = Migrator::migrations();
    let before = all.iter().position(|one| one.name().ends_with("000003_address_hash")).expect("the migration");
    Migrator::up(&connection, Some(u32::try_from(before).expect("few"))).await.expect("up to there");
    let (user, endpoint) = (UserId::new(), EndpointId::new());
    let text = "INSERT INTO users (id, display_name, role, created_at) VALUES ($1, 'a', 'user', 0)";
    storage::execute(&connection, text, [user.into()]).await.expect("a user");
    let address = Address::parse("token-令牌-0123456789").expect("an address");
    let text = "INSERT INTO endpoints (id, user_id, channel, address, created_at) VALUES ($1, $2, 'sandbox', $3, 0)";
    let values = [endpoint.into(), user.into(), address.expose().into()];
    storage::execute(&connection, text, values).await.expect("an endpoint");
    Migrator::up(&connection, None).await.expect("up");
    let text = "SELECT COUNT(*) AS value FROM endpoints WHERE address_hash = $1";
    let found: i64 = storage::value(&connection, text, [address.digest().to_vec().into()]).await.expect("a count");
    assert_eq!(found, 1);
}

async fn schema(connection: &DatabaseConnection) -> Schema {
    let (columns, indexes) = match connection.get_database_backend() {
        DbBackend::Postgres => (POSTGRES_COLUMNS, POSTGRES_INDEXES),
        _ => (SQLITE_COLUMNS, SQLITE_INDEXES),
    };
    let columns: Vec<Row> = storage::all(connection, columns, []).await.expect("columns");
    let indexes: Vec<Row> = storage::all(connection, indexes, []).await.expect("indexes");
    let ours = columns.into_iter().chain(indexes).filter(|row| !row.name.starts_with("seaql_migrations"));
    ours.map(|row| (row.name, row.what)).collect()
}

/// SQLite's types in PostgreSQL's words; a primary key is never null, whether the engine says so or not.
const SQLITE_COLUMNS: &str = "\
    SELECT t.name || '.' || c.name AS name, \
           CASE upper(c.type) WHEN 'BLOB' THEN 'bytes' WHEN 'INTEGER' THEN 'bigint' ELSE lower(c.type) END \
           || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN ' not null' ELSE '' END \
           || CASE WHEN c.pk > 0 THEN ' key ' || c.pk ELSE '' END AS what \
    FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";

const SQLITE_INDEXES: &str = "\
    SELECT i.name AS name, \
           CASE i.\"unique\" WHEN 1 THEN 'unique ' ELSE '' END || t.name || ' (' || \
           (SELECT group_concat(k.name, ', ') FROM pragma_index_info(i.name) k) || ')' || \
           CASE i.partial WHEN 1 THEN ' partial' ELSE '' END AS what \
    FROM sqlite_schema t JOIN pragma_index_list(t.name) i \
    WHERE t.type = 'table' AND i.origin = 'c'";

const POSTGRES_COLUMNS: &str = "\
    SELECT c.relname || '.' || a.attname AS name, \
           CASE format_type(a.atttypid, NULL) WHEN 'uuid' THEN 'bytes' WHEN 'bytea' THEN 'bytes' \
                ELSE format_type(a.atttypid, NULL) END \
           || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END \
           || COALESCE(' key ' || array_position(p.conkey, a.attnum), '') AS what \
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' \
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
    LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p' \
    WHERE a.attnum > 0 AND NOT a.attisdropped";

const POSTGRES_INDEXES: &str = "\
    SELECT i.relname::text AS name, \
           CASE WHEN x.indisunique THEN 'unique ' ELSE '' END || t.relname || ' (' || \
           (SELECT string_agg(a.attname, ', ' ORDER BY k.place) \
            FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (number, place) \
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) || ')' || \
           CASE WHEN x.indpred IS NOT NULL THEN ' partial' ELSE '' END AS what \
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
    JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'public' \
    WHERE NOT x.indisprimary";
