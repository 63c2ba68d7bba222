//! Keeping the counters of reach: added up, and held against the rows.
//!
//! Promise: the counters of every fan-out are held against its rows once when it has ended; where they differ it is said
//! (a metric, the report, one line in the log), and nothing is put right in silence. [`recount`] puts it right.

use std::collections::BTreeMap;

use crate::domain::id::{FanOutId, NoticeId};
use crate::services::Deps;
use crate::services::refusal::Result;
use crate::storage::reach_check::{self, Difference, Unchecked};
use crate::storage::{reach_counts, transact};

/// Fan-outs of one round, at most …
const FAN_OUTS: i64 = 500;
/// … and users, unless one fan-out alone has more.
const USERS: i64 = 100_000;
/// Notices that are recounted at a time.
const NOTICES: i64 = 100;

/// Adds up what was counted; returns whether there may be more.
pub async fn fold(deps: &Deps) -> Result<bool> {
    // Looked at before it is written: mostly there is nothing.
    if !reach_counts::any(deps.db.reader()).await? {
        return Ok(false);
    }
    Ok(transact!(deps.db, |tx| reach_counts::fold(tx).await))
}

/// Holds the counters of some fan-outs that have ended against the rows; returns whether there may be more.
pub async fn check_finished(deps: &Deps) -> Result<bool> {
    let found = reach_check::unchecked(deps.db.reader(), FAN_OUTS).await?;
    if found.is_empty() {
        return Ok(false);
    }
    let mut users = 0;
    let within = |one: &&Unchecked| {
        let first = users == 0;
        users += one.users.max(1);
        first || users <= USERS
    };
    let round: Vec<_> = found.iter().take_while(within).copied().collect();
    for old in round.iter().filter(|one| one.is_uncounted()) {
        transact!(deps.db, |tx| reach_check::count_first(tx, old.notice_id).await);
    }
    let more = found.len() > round.len();
    let mut notices: Vec<NoticeId> = round.iter().map(|one| one.notice_id).collect();
    notices.dedup();
    let mut differing: BTreeMap<NoticeId, i64> = BTreeMap::new();
    for one in reach_check::differences(deps.db.reader(), &notices).await? {
        tracing::error!(notice.id = %one.notice_id, difference = ?one, "a counter of reach is not what the rows say");
        *differing.entry(one.notice_id).or_default() += 1;
    }
    let now = deps.clock.now();
    let (wrong, right): (Vec<Unchecked>, Vec<Unchecked>) =
        round.into_iter().partition(|one| differing.contains_key(&one.notice_id));
    let right: Vec<FanOutId> = right.into_iter().map(|one| one.id).collect();
    if !right.is_empty() {
        transact!(deps.db, |tx| reach_check::checked(tx, &right, 0, now).await);
    }
    for one in wrong {
        let differences = differing.get(&one.notice_id).copied().unwrap_or(0);
        transact!(deps.db, |tx| reach_check::checked(tx, &[one.id], differences, now).await);
    }
    Ok(more || i64::try_from(found.len()).is_ok_and(|count| count == FAN_OUTS))
}

/// Puts the counters of a notice right by its rows, or of all whose counters differed when they were checked; returns what
/// was wrong. They are checked again.
pub async fn recount(deps: &Deps, notice: Option<NoticeId>) -> Result<Vec<Difference>> {
    let mut wrong = Vec::new();
    loop {
        let notices = match notice {
            Some(notice) => vec![notice],
            None => reach_check::differing(deps.db.reader(), NOTICES).await?,
        };
        for of in &notices {
            wrong.extend(reach_check::differences(deps.db.reader(), &[*of]).await?);
            let tx = deps.db.begin().await?;
            reach_check::correct(&tx, &[*of]).await?;
            reach_check::check_again(&tx, *of).await?;
            tx.commit().await?;
        }
        if notice.is_some() || notices.is_empty() {
            return Ok(wrong);
        }
    }
}
