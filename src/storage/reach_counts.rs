//! The counters of reach: what a revision came to, counted in the transactions that write the rows.
//!
//! Promise: whoever writes inbox items, deliveries or attempts appends in the same transaction what that changes
//! ([`Deltas`]), so that counters and rows never differ in any snapshot, whatever dies. Nobody waits: deltas are only
//! appended, and [`fold`] adds them up. Reading ([`of`]) costs the same however many were reached. Counters outlive the
//! rows that they count.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use serde::Serialize;

use super::rows::{Cells, Rows};
use super::sql::Binds;
use super::{DbResult, Tx, all, execute, value};
use crate::domain::delivery::{Reason, State};
use crate::domain::id::{EndpointId, NoticeId};

/// The columns that are added up.
pub const SUMMED: [&str; 7] = ["deliveries", "shown", "attempts", "recorded", "inboxed", "items_here", "items_read"];
/// Deltas of one round of [`fold`].
const ROUND: i64 = 5_000;

/// What a revision came to, or what is to be added to that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, FromQueryResult)]
pub struct Totals {
    /// Deliveries.
    pub deliveries: i64,
    /// Of these, those that a phone may have shown.
    pub shown: i64,
    /// Tries that were begun.
    pub attempts: i64,
    /// Of these, those whose outcome has a row of its own.
    pub recorded: i64,
    /// Users of the chunks whose inboxes are filled.
    pub inboxed: i64,
    /// Inbox items that stand at it.
    pub items_here: i64,
    /// Of these, those that are read.
    pub items_read: i64,
}

impl Totals {
    fn columns(&self) -> [i64; 7] {
        let Self { deliveries, shown, attempts, recorded, inboxed, items_here, items_read } = *self;
        [deliveries, shown, attempts, recorded, inboxed, items_here, items_read]
    }
}

/// A delivery as it is counted.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Counted {
    /// The notice.
    pub notice_id: NoticeId,
    /// Its revision.
    pub revision: i64,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// The name of its channel.
    pub channel: String,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reason: Option<Reason>,
    /// Whether the phone may have shown it.
    pub shown: bool,
    /// Tries begun.
    pub attempts: i64,
}

/// The columns of [`Counted`], of a table or under an alias.
pub fn counted(of: &str) -> String {
    let names = ["notice_id", "revision", "endpoint_id", "channel", "state", "reason", "shown", "attempts"];
    names.map(|name| format!("{of}.{name}")).join(", ")
}

/// A row of counters: a revision, and where its deliveries stand; no channel: its totals.
type Key = (NoticeId, i64, String, &'static str, &'static str);

/// What a transaction changes.
#[derive(Debug, Clone, Default)]
pub struct Deltas(BTreeMap<Key, Totals>);

impl Deltas {
    /// The totals of a revision.
    pub fn of(&mut self, notice: NoticeId, revision: i64) -> &mut Totals {
        self.0.entry((notice, revision, String::new(), "", "")).or_default()
    }

    /// More deliveries, or fewer, that stand so.
    pub fn stand(
        &mut self,
        (notice, revision): (NoticeId, i64),
        (channel, state, reason): (&str, State, Option<Reason>),
        more: i64,
    ) {
        let reason = reason.map_or("", Reason::as_str);
        let key = (notice, revision, channel.to_owned(), state.as_str(), reason);
        self.0.entry(key).or_default().deliveries += more;
    }

    /// Deliveries that were so and are so now.
    pub fn change(&mut self, before: &[Counted], after: &[Counted]) {
        for (rows, sign) in [(before, -1), (after, 1)] {
            for row in rows {
                let revision = (row.notice_id, row.revision);
                self.stand(revision, (&row.channel, row.state, row.reason), sign);
                let totals = self.of(row.notice_id, row.revision);
                totals.shown += sign * i64::from(row.shown);
                totals.attempts += sign * row.attempts;
            }
        }
    }

    fn rows(&self) -> Option<Rows> {
        let changed: Vec<_> = self.0.iter().filter(|(_, totals)| **totals != Totals::default()).collect();
        if changed.is_empty() {
            return None;
        }
        let texts = |of: &dyn Fn(&Key) -> String| Cells::Texts(changed.iter().map(|(key, _)| of(key)).collect());
        let mut rows = Rows::default()
            .with("notice_id", Cells::Ids(changed.iter().map(|(key, _)| key.0.as_uuid()).collect()))
            .with("revision", Cells::Numbers(changed.iter().map(|(key, _)| key.1).collect()))
            .with("channel", texts(&|key| key.2.clone()))
            .with("state", texts(&|key| key.3.to_owned()))
            .with("reason", texts(&|key| key.4.to_owned()));
        for (number, name) in SUMMED.into_iter().enumerate() {
            let numbers = changed.iter().map(|(_, totals)| totals.columns().get(number).copied().unwrap_or(0));
            rows = rows.with(name, Cells::Numbers(numbers.collect()));
        }
        Some(rows)
    }

    fn insertion(&self, conn: &impl ConnectionTrait, binds: &mut Binds) -> Option<String> {
        let rows = self.rows()?.select(conn, binds);
        Some(format!("INSERT INTO reach_deltas ({KEY}, {}) {rows}", SUMMED.join(", ")))
    }

    /// Appends them.
    pub async fn write(&self, tx: &Tx) -> DbResult<()> {
        let mut binds = Binds::default();
        match self.insertion(&**tx, &mut binds) {
            Some(text) => execute(&**tx, &text, binds).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Appends them together with a statement that writes what they count: on PostgreSQL in one round trip. Returns the
    /// rows that the statement touched.
    pub async fn write_with(&self, tx: &Tx, text: &str, mut binds: Binds) -> DbResult<u64> {
        if tx.get_database_backend() == DbBackend::Postgres
            && let Some(insertion) = self.insertion(&**tx, &mut binds)
        {
            return execute(&**tx, &format!("WITH counted AS ({insertion}) {text}"), binds).await;
        }
        let touched = execute(&**tx, text, binds).await?;
        if tx.get_database_backend() != DbBackend::Postgres {
            self.write(tx).await?;
        }
        Ok(touched)
    }
}

/// The columns that say what is counted.
const KEY: &str = "notice_id, revision, channel, state, reason";

/// `SUM(…) AS …` of every column that is added up.
fn sums() -> String {
    SUMMED.map(|name| format!("CAST(SUM({name}) AS BIGINT) AS {name}")).join(", ")
}

/// Locks the deliveries that `chosen` finds (`FROM deliveries d …`, with its own lock and limit), sets on them what `set`
/// says, and counts; returns how many they were.
pub async fn change(tx: &Tx, chosen: &str, binds: Binds, set: impl FnOnce(&mut Binds) -> String) -> DbResult<u64> {
    let before: Vec<Counted> = all(&**tx, &format!("SELECT {} {chosen}", counted("d")), binds).await?;
    if before.is_empty() {
        return Ok(0);
    }
    let mut binds = Binds::default();
    let set = set(&mut binds);
    let keys = Rows::default()
        .with("notice_id", Cells::Ids(before.iter().map(|row| row.notice_id.as_uuid()).collect()))
        .with("revision", Cells::Numbers(before.iter().map(|row| row.revision).collect()))
        .with("endpoint_id", Cells::Ids(before.iter().map(|row| row.endpoint_id.as_uuid()).collect()));
    let keys = keys.select(&**tx, &mut binds);
    // The limit: as of `delivery::rows`.
    let limit = if tx.get_database_backend() == DbBackend::Postgres { "" } else { " LIMIT -1" };
    let text = format!(
        "UPDATE deliveries SET {set} FROM ({keys}{limit}) k WHERE deliveries.notice_id = k.notice_id \
           AND deliveries.revision = k.revision AND deliveries.endpoint_id = k.endpoint_id RETURNING {}",
        counted("deliveries")
    );
    let after: Vec<Counted> = all(&**tx, &text, binds).await?;
    let mut deltas = Deltas::default();
    deltas.change(&before, &after);
    deltas.write(tx).await?;
    Ok(u64::try_from(after.len()).unwrap_or(u64::MAX))
}

/// How many of a revision stand so.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Count {
    /// The revision.
    pub revision: i64,
    /// The channel; none: the revision's totals.
    pub channel: String,
    /// The state's word.
    pub state: String,
    /// The reason's word, or none.
    pub reason: String,
    /// The numbers, of the revision or of what stands so.
    #[sea_orm(nested)]
    pub totals: Totals,
}

/// The counters of a notice, folded or not, in the order of revisions, channels, states and reasons.
pub async fn of(conn: &impl ConnectionTrait, notice: NoticeId) -> DbResult<Vec<Count>> {
    let text = format!(
        "SELECT revision, channel, state, reason, {sums} FROM ( \
           SELECT {KEY}, {columns} FROM reach_counts WHERE notice_id = $1 \
           UNION ALL SELECT {KEY}, {columns} FROM reach_deltas WHERE notice_id = $1) c \
         GROUP BY revision, channel, state, reason ORDER BY revision, channel, state, reason",
        sums = sums(),
        columns = SUMMED.join(", "),
    );
    all(conn, &text, [notice.into()]).await
}

/// Adds up deltas, the oldest first; says whether there may be more. Two at once do not meet.
pub async fn fold(tx: &Tx) -> DbResult<bool> {
    let columns = SUMMED.join(", ");
    let added = SUMMED.map(|name| format!("{name} = reach_counts.{name} + excluded.{name}")).join(", ");
    let into = |from: &str| {
        format!(
            "INSERT INTO reach_counts ({KEY}, {columns}) SELECT {KEY}, {sums} FROM {from} WHERE true GROUP BY {KEY} \
               ORDER BY {KEY} ON CONFLICT ({KEY}) DO UPDATE SET {added}",
            sums = sums()
        )
    };
    let (count, most) = ("SELECT count(*) AS value FROM", ROUND);
    let folded: i64 = match tx.get_database_backend() {
        DbBackend::Postgres => {
            let text = format!(
                "WITH gone AS (DELETE FROM reach_deltas WHERE id IN (SELECT id FROM reach_deltas ORDER BY id LIMIT $1 \
                   FOR UPDATE SKIP LOCKED) RETURNING *), folded AS ({}) {count} gone",
                into("gone")
            );
            value(&**tx, &text, [most.into()]).await?
        }
        _ => {
            let some = "(SELECT * FROM reach_deltas ORDER BY id LIMIT $1)";
            let folded = value(&**tx, &format!("{count} {some} s"), [most.into()]).await?;
            execute(&**tx, &into(some), [most.into()]).await?;
            let text = "DELETE FROM reach_deltas WHERE id IN (SELECT id FROM reach_deltas ORDER BY id LIMIT $1)";
            execute(&**tx, text, [most.into()]).await?;
            folded
        }
    };
    Ok(folded >= ROUND)
}

/// Whether something waits to be added up. Costs one look into an index.
pub async fn any(conn: &impl ConnectionTrait) -> DbResult<bool> {
    value(conn, "SELECT EXISTS (SELECT 1 FROM reach_deltas) AS value", []).await
}
