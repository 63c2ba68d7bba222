//! Hints between copies through PostgreSQL, where there is no Redis: NOTIFY and LISTEN.
//!
//! Promise: none that a hint arrives; whoever listens asks the record now and then.

use sea_orm::ConnectionTrait;
use sqlx::postgres::PgListener;

use super::{Db, DbError, DbResult, execute};

/// Where hints are told.
const CHANNEL: &str = "yizhan_hints";
/// The most bytes of one notification; PostgreSQL refuses 8,000.
pub const MAX_BYTES: usize = 7_500;

/// Tells every copy that listens.
pub async fn notify(conn: &impl ConnectionTrait, text: &str) -> DbResult<()> {
    execute(conn, "SELECT pg_notify($1, $2)", [CHANNEL.into(), text.into()]).await.map(|_| ())
}

/// A connection of its own that hears what is told.
pub struct Listener(PgListener);

/// Begins to listen.
pub async fn listen(db: &Db) -> DbResult<Listener> {
    let connected = async {
        let mut listener = PgListener::connect(db.url()).await?;
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    connected.await.map(Listener).map_err(lost)
}

impl Listener {
    /// The next hint; nothing when the connection was lost, and hints with it.
    pub async fn next(&mut self) -> DbResult<Option<String>> {
        let heard = self.0.try_recv().await.map_err(lost)?;
        Ok(heard.map(|heard| heard.payload().to_owned()))
    }
}

fn lost(error: sqlx::Error) -> DbError {
    DbError::Busy(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}
