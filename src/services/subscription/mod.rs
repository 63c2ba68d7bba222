//! Subscriptions: made, renamed, changed, paused, ended.
//!
//! Promise: a subscription counts for every notice whose publishing begins after the call was answered, because its
//! position is taken last in its transaction. A filter is never edited: changing it ends one edition and begins the
//! next at one position. Not promised: an order between a change and a publish call at the same instant; whichever
//! way it falls, it falls for ever.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::id::{SubscriptionId, SubscriptionRowId, UserId};
use crate::domain::lookup::Lookup;
use crate::domain::page::{Cursor, Page};
use crate::domain::subscription::{Filter, Frequency, SubscriptionEnd};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::idempotency::{self, Call};
use crate::services::name;
use crate::services::refusal::{Error, Refusal, Result, Violation};
use crate::storage::subscription::{self, NewEdition};
use crate::storage::{Tx, order, term, user};

pub use crate::storage::subscription::Edition;

mod form;

/// The list of a user's subscriptions, in cursors.
const LIST: &str = "subscriptions";
/// The list of one subscription's editions, in cursors.
const HISTORY: &str = "editions";
/// For how long a subscription can be paused at a time; who wants longer ends it.
const LONGEST_PAUSE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What a user asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wish {
    /// What the user calls it.
    pub name: String,
    /// What the user wants to hear of.
    pub filter: Filter,
    /// How soon.
    pub frequency: Frequency,
}

/// What a user changes; what is not there stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What the user calls it.
    pub name: Option<String>,
    /// What the user wants to hear of.
    pub filter: Option<Filter>,
    /// How soon.
    pub frequency: Option<Frequency>,
}

/// Makes a subscription.
pub async fn subscribe(deps: &Deps, user: UserId, call: &Call, wish: &Wish) -> Result<Edition> {
    check(deps, Some(&wish.name), Some(&wish.filter))?;
    check_offered(Some(&wish.filter), Some(wish.frequency))?;
    let limit = i64::from(deps.holdings.subscriptions);
    idempotency::once(deps, call, async |tx| {
        hold(tx, user).await?;
        if subscription::count(&**tx, user).await? >= limit {
            return Err(Error::refused(Refusal::SubscriptionLimitReached, format!("{limit}")));
        }
        let now = deps.clock.now();
        let new = NewEdition {
            row: SubscriptionRowId::new(),
            subscription: SubscriptionId::new(),
            user,
            name: wish.name.trim(),
            filter: &wish.filter,
            frequency: wish.frequency,
            paused_until: None,
            created_at: now,
            now,
        };
        begin(deps, tx, &new, None).await?;
        get_in(tx, user, new.subscription).await
    })
    .await
}

/// Changes a subscription. Another filter ends its edition and begins the next; another name does not.
pub async fn change(deps: &Deps, user: UserId, id: SubscriptionId, change: &Change) -> Result<Edition> {
    check(deps, change.name.as_deref(), change.filter.as_ref())?;
    check_offered(change.filter.as_ref(), change.frequency)?;
    deps.db
        .write(async |tx| {
            hold(tx, user).await?;
            let old = get_in(tx, user, id).await?;
            let name = change.name.as_deref().map_or(old.name.as_str(), str::trim);
            let frequency = change.frequency.unwrap_or(old.frequency);
            match &change.filter {
                Some(filter) if *filter != old.filter => {
                    let now = deps.clock.now();
                    let new = NewEdition {
                        row: SubscriptionRowId::new(),
                        subscription: id,
                        user,
                        name,
                        filter,
                        frequency,
                        paused_until: old.paused_until,
                        created_at: old.created_at,
                        now,
                    };
                    subscription::end(tx, old.row, now, SubscriptionEnd::Changed).await?;
                    begin(deps, tx, &new, Some(old.row)).await?;
                }
                _ => subscription::set(tx, old.row, name, frequency, old.paused_until).await?,
            }
            get_in(tx, user, id).await
        })
        .await
}

/// Sends nothing for a subscription until then; notices go on coming to the inbox. `None`: sends again.
pub async fn pause(deps: &Deps, user: UserId, id: SubscriptionId, until: Option<Timestamp>) -> Result<Edition> {
    until.map_or(Ok(()), |until| check_pause(deps, until))?;
    deps.db
        .write(async |tx| {
            hold(tx, user).await?;
            let old = get_in(tx, user, id).await?;
            subscription::set(tx, old.row, &old.name, old.frequency, until).await?;
            get_in(tx, user, id).await
        })
        .await
}

/// Ends a subscription. What it matched stays in the inbox.
pub async fn unsubscribe(deps: &Deps, user: UserId, id: SubscriptionId) -> Result<()> {
    deps.db
        .write(async |tx| {
            hold(tx, user).await?;
            let old = get_in(tx, user, id).await?;
            subscription::end(tx, old.row, deps.clock.now(), SubscriptionEnd::UserLeft).await?;
            let position = order::take_position(tx).await?;
            Ok(subscription::end_position(tx, old.row, position).await?)
        })
        .await
}

/// A user's subscription as it stands now.
pub async fn get(deps: &Deps, user: UserId, id: SubscriptionId) -> Result<Edition> {
    subscription::find(deps.db.reader(), user, id).await?.ok_or_else(|| Refusal::NotFound.into())
}

/// A user's subscriptions, the newest first.
pub async fn list(deps: &Deps, user: UserId, after: Option<&Cursor>, limit: u16) -> Result<Page<Edition>> {
    let before = match after {
        Some(cursor) => {
            Some(cursor.parts::<1>(LIST).ok().and_then(|[id]| id.parse().ok()).ok_or_else(Error::not_a_cursor)?)
        }
        None => None,
    };
    let found = subscription::list(deps.db.reader(), user, before, i64::from(limit) + 1).await?;
    Ok(Page::cut(found, limit, |edition| Cursor::new(LIST, [edition.subscription])))
}

/// The editions of a user's subscription, the newest first; those of one that has ended, too.
pub async fn history(
    deps: &Deps,
    user: UserId,
    id: SubscriptionId,
    after: Option<&Cursor>,
    limit: u16,
) -> Result<Page<Edition>> {
    let before = match after {
        Some(cursor) => {
            Some(cursor.parts::<1>(HISTORY).ok().and_then(|[at]| at.parse().ok()).ok_or_else(Error::not_a_cursor)?)
        }
        None => None,
    };
    let found = subscription::history(deps.db.reader(), user, id, before, i64::from(limit) + 1).await?;
    if found.is_empty() && before.is_none() {
        return Err(Refusal::NotFound.into());
    }
    Ok(Page::cut(found, limit, |edition| Cursor::new(HISTORY, [edition.started_position])))
}

/// Ends every subscription of a user and forgets what they were called, in the transaction that closes the account. It
/// takes a position: it comes last in there.
pub async fn end_all_in(tx: &Tx, user: UserId, now: Timestamp) -> Result<()> {
    subscription::forget_names(tx, user).await?;
    let position = order::take_position(tx).await?;
    subscription::end_all(tx, user, position, now, SubscriptionEnd::AccountClosed).await?;
    Ok(())
}

/// The words first, the position last: whoever holds the order's row holds up every publisher.
async fn begin(deps: &Deps, tx: &Tx, new: &NewEdition<'_>, ends: Option<SubscriptionRowId>) -> Result<()> {
    let lookup = Lookup::of(new.filter);
    let terms = term::intern(tx, &lookup.all_terms()).await?;
    subscription::insert(tx, new, &lookup, &terms).await?;
    if terms.is_new {
        term::announce(tx).await?;
        let most = deps.holdings.words;
        if term::has_more_words_than(tx, most).await? {
            return Err(Error::refused(Refusal::WordLimitReached, format!("{most}")));
        }
    }
    let position = order::take_position(tx).await?;
    subscription::begin(tx, new.row, position).await?;
    if let Some(old) = ends {
        subscription::end_position(tx, old, position).await?;
    }
    Ok(())
}

/// One change of a user's subscriptions at a time: the limit holds, and an edition ends once.
async fn hold(tx: &Tx, user: UserId) -> Result<()> {
    if user::lock(tx, user).await? { Ok(()) } else { Err(Refusal::Unauthenticated.into()) }
}

async fn get_in(tx: &Tx, user: UserId, id: SubscriptionId) -> Result<Edition> {
    subscription::find(&**tx, user, id).await?.ok_or_else(|| Refusal::NotFound.into())
}

/// What a name and a filter must look like beyond their schema: all that is wrong with either.
pub fn check(deps: &Deps, name: Option<&str>, filter: Option<&Filter>) -> Result<()> {
    let mut found: Vec<_> = name.and_then(|name| name::check("/name", name)).into_iter().collect();
    found.extend(filter.into_iter().flat_map(|filter| form::check(filter, &deps.catalogue(), "/filter")));
    Error::unless_empty(found)
}

/// Until when a subscription may be paused.
pub fn check_pause(deps: &Deps, until: Timestamp) -> Result<()> {
    let now = deps.clock.now();
    if until > now && until <= now + LONGEST_PAUSE {
        return Ok(());
    }
    let violation = Violation::body("/until", "out_of_range", "须在一年以内的将来", "must be within the next year");
    Err(Error::invalid(vec![violation]))
}

/// What is of the right form and not to be had.
fn check_offered(filter: Option<&Filter>, frequency: Option<Frequency>) -> Result<()> {
    if frequency.is_some_and(|frequency| !frequency.is_offered()) {
        let place =
            Violation::body("/frequency", "frequency_not_offered", "目前仅支持 immediate", "only immediate, for now");
        return Err(Error::from(Refusal::FrequencyNotOffered).at(place));
    }
    if filter.is_some_and(Filter::is_empty) { Err(filter_empty()) } else { Ok(()) }
}

/// The refusal of a filter that names nothing which a notice must have.
pub(super) fn filter_empty() -> Error {
    let (zh, en) = ("除排除词外，至少填写一项", "must ask for something; excluded words alone do not count");
    Error::from(Refusal::FilterEmpty).at(Violation::body("/filter", "filter_empty", zh, en))
}
