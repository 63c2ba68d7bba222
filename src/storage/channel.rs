//! What channels have left of their rates and quotas, where no Redis holds it; and how those who send stand with them.
//!
//! Promise: one row a channel, which is locked while it is taken from, by the database's clock. What of a day's quota is
//! spent can be counted anew from the deliveries ([`sent_since`]), whoever has forgotten it.

use sea_orm::{ConnectionTrait, FromQueryResult};

use super::sql::{self, Binds};
use super::{DbResult, Tx, all, execute, one, rows, value};
use crate::domain::allowance::Standing;
use crate::domain::channel::Channel;
use crate::domain::time::Timestamp;

/// How long a sender that says nothing more is still shown.
const SHOWN_MILLIS: i64 = 30_000;

#[derive(FromQueryResult)]
struct Row {
    level: i64,
    filled_at: Timestamp,
    day: Timestamp,
    used: i64,
    now: Timestamp,
}

const COLUMNS: &str = "level, filled_at, day, used";

/// What is left, and what time it is.
pub async fn find(conn: &impl ConnectionTrait, channel: Channel) -> DbResult<Option<(Standing, Timestamp)>> {
    look(conn, channel, "").await
}

/// The same, held until the commit.
pub async fn hold(tx: &Tx, channel: Channel) -> DbResult<Option<(Standing, Timestamp)>> {
    look(&**tx, channel, sql::for_update(&**tx)).await
}

async fn look(conn: &impl ConnectionTrait, channel: Channel, lock: &str) -> DbResult<Option<(Standing, Timestamp)>> {
    let text = format!("SELECT {COLUMNS}, {} AS now FROM channel_allowances WHERE channel = $1 {lock}", sql::now(conn));
    let row: Option<Row> = one(conn, &text, [channel.as_str().into()]).await?;
    Ok(row.map(|Row { level, filled_at, day, used, now }| (Standing { level, filled_at, day, used }, now)))
}

/// Makes the row of a channel that has none.
pub async fn begin(tx: &Tx, channel: Channel, standing: Standing) -> DbResult<u64> {
    let text = format!(
        "INSERT INTO channel_allowances (channel, {COLUMNS}) VALUES ($1, $2, {}, $3, $4) ON CONFLICT DO NOTHING",
        sql::now(&**tx)
    );
    let Standing { level, day, used, .. } = standing;
    execute(&**tx, &text, [channel.as_str().into(), level.into(), day.into(), used.into()]).await
}

/// Writes down what is left.
pub async fn save(tx: &Tx, channel: Channel, standing: Standing) -> DbResult<u64> {
    let text = "UPDATE channel_allowances SET level = $2, filled_at = $3, day = $4, used = $5 WHERE channel = $1";
    let Standing { level, filled_at, day, used } = standing;
    execute(&**tx, text, [channel.as_str().into(), level.into(), filled_at.into(), day.into(), used.into()]).await
}

/// How many deliveries of a channel may have been shown since an instant, counted no further than `most`. It reads the
/// deliveries of the notices that were still to be delivered then, and no older ones.
pub async fn sent_since(conn: &impl ConnectionTrait, channel: Channel, since: Timestamp, most: u32) -> DbResult<i64> {
    let text = "SELECT count(*) AS value FROM (SELECT 1 FROM deliveries d WHERE d.notice_id IN \
                  (SELECT f.notice_id FROM fan_outs f WHERE f.deadline_at >= $2) \
                  AND d.channel = $1 AND d.decided_at >= $2 AND d.shown LIMIT $3) r";
    value(conn, text, [channel.as_str().into(), since.into(), i64::from(most).into()]).await
}

/// How one process stands with a channel.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Sender {
    /// The name under which it leases.
    pub owner: String,
    /// The channel.
    pub channel: Channel,
    /// Sends that it makes at a time, as the provider's answers allow.
    pub send_limit: i64,
    /// The most that its settings allow.
    pub send_most: i64,
    /// Sends under way.
    pub under_way: i64,
    /// Until when it lets the channel rest.
    pub resting_until: Option<Timestamp>,
    /// When it said so.
    pub seen_at: Timestamp,
}

/// Writes down how a process stands, in place of what it said before, and forgets those who have said nothing for long.
pub async fn report(tx: &Tx, owner: &str, senders: &[Sender]) -> DbResult<()> {
    let text =
        format!("DELETE FROM channel_senders WHERE owner = $1 OR seen_at < {} - {SHOWN_MILLIS}", sql::now(&**tx));
    execute(&**tx, &text, [owner.into()]).await?;
    if senders.is_empty() {
        return Ok(());
    }
    let numbers = |of: fn(&Sender) -> i64| rows::Cells::Numbers(senders.iter().map(of).collect());
    let texts = |of: fn(&Sender) -> &str| rows::Cells::Texts(senders.iter().map(|one| of(one).to_owned()).collect());
    let resting = |one: &Sender| one.resting_until.map(Timestamp::as_millis);
    let rows = rows::Rows::default()
        .with("owner", texts(|one| &one.owner))
        .with("channel", texts(|one| one.channel.as_str()))
        .with("send_limit", numbers(|one| one.send_limit))
        .with("send_most", numbers(|one| one.send_most))
        .with("under_way", numbers(|one| one.under_way))
        .with("resting_until", rows::Cells::MaybeNumbers(senders.iter().map(resting).collect()));
    let mut binds = Binds::default();
    let text = format!(
        "INSERT INTO channel_senders (owner, channel, send_limit, send_most, under_way, resting_until, seen_at) \
         SELECT owner, channel, send_limit, send_most, under_way, resting_until, {} FROM ({}) r",
        sql::now(&**tx),
        rows.select(&**tx, &mut binds),
    );
    execute(&**tx, &text, binds).await.map(|_| ())
}

/// Who sends, as they said themselves within the last half minute.
pub async fn senders(conn: &impl ConnectionTrait) -> DbResult<Vec<Sender>> {
    let text = format!(
        "SELECT owner, channel, send_limit, send_most, under_way, resting_until, seen_at FROM channel_senders \
         WHERE seen_at >= {} - {SHOWN_MILLIS} ORDER BY channel, owner",
        sql::now(conn)
    );
    all(conn, &text, []).await
}
