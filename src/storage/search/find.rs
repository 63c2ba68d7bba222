//! Looking in the index.
//!
//! Promise: each set that a search is made of is read from its newest document on and no further than is asked; what
//! both engines return is the same. On SQLite the index itself stands in that order. On PostgreSQL it does not, so the
//! newest few thousand documents are asked first, by the days on which they were published, and the rest only when
//! those do not fill the page: how that is divided changes what it costs, never what is found.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};

use super::number::first_of;
use crate::domain::id::NoticeId;
use crate::domain::search::{Stream, Tier, Word, of_scope};
use crate::domain::time::Timestamp;
use crate::storage::sql::{self, Binds};
use crate::storage::{DbResult, all};

/// How many days at most may have passed since they were published.
const MAX_DAYS: i64 = 45;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;
/// How far a document may stand behind its instant, in numbers: those published in one second overflow into the next.
const OVERFLOW: i64 = 1 << 22;

/// The scope of the day of an instant.
pub(super) fn scope_of_day(at: Timestamp) -> String {
    format!("d:{}", at.as_millis().div_euclid(DAY_MILLIS))
}

/// The newest documents: where they begin, and the tokens of their days.
#[derive(Debug, Clone)]
pub struct Newest {
    from: i64,
    days: Vec<String>,
}

#[derive(FromQueryResult)]
struct Bounds {
    doc: i64,
    first: i64,
    last: i64,
}

/// Where the newest `count` documents begin; nothing where asking for them first would gain nothing. It is good for as long
/// as it is kept: what comes meanwhile was published by tomorrow, and all days until then are asked for.
pub async fn newest(conn: &impl ConnectionTrait, count: i64, now: Timestamp) -> DbResult<Option<Newest>> {
    if conn.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let text = "SELECT d.doc, d.published_at AS first, (SELECT MAX(m.published_at) FROM search_documents m \
                  WHERE m.doc = (SELECT MAX(x.doc) FROM search_documents x)) AS last \
                FROM search_documents d ORDER BY d.doc DESC LIMIT 1 OFFSET $1";
    let bounds: Vec<Bounds> = all(conn, text, [count.into()]).await?;
    let tomorrow = now.as_millis() / DAY_MILLIS + 1;
    let day = |Bounds { doc, first, last }: &Bounds| (*doc, first / DAY_MILLIS, tomorrow.max(last / DAY_MILLIS));
    let bounds = bounds.first().map(day);
    Ok(bounds.filter(|(_, first, last)| last - first < MAX_DAYS).map(|(from, first, last)| {
        // One day more: a document may stand a little behind its instant.
        let days = (first - 1..=last).map(|day| of_scope(&format!("d:{day}"))).collect();
        Newest { from, days }
    }))
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The sets it is made of, the best first.
    pub streams: &'a [Stream],
    /// Later than this place.
    pub after: Option<(Tier, i64)>,
    /// Words that the tokens alone do not vouch for.
    pub containing: Vec<&'a Word>,
    /// Words that must not be there, which tokens cannot say.
    pub without: Vec<&'a Word>,
    /// Published at this instant or later.
    pub from: Option<Timestamp>,
    /// Published before this instant.
    pub to: Option<Timestamp>,
    /// What is asked first.
    pub newest: Option<Newest>,
}

/// A candidate.
#[derive(Debug, Clone, Copy, FromQueryResult)]
pub struct Found {
    /// The number of its tier.
    pub tier: i64,
    /// Its number.
    pub doc: i64,
    /// The notice.
    pub notice_id: NoticeId,
    /// Whether it is found: the words are there and the instant is right. A candidate that does not fit is a place in
    /// the order all the same.
    pub fits: bool,
}

impl Wanted<'_> {
    /// Whether candidates may not fit.
    pub fn is_checked(&self) -> bool {
        !self.containing.is_empty() || !self.without.is_empty() || self.from.is_some() || self.to.is_some()
    }
}

/// The first candidates, in order; fewer than `count` only when there are no more.
pub async fn find(conn: &impl ConnectionTrait, wanted: &Wanted<'_>, count: i64) -> DbResult<Vec<Found>> {
    let mut binds = Binds::default();
    let sets: Vec<String> = sets(wanted)
        .iter()
        .map(|set| match conn.get_database_backend() {
            DbBackend::Postgres => on_postgres(set, count, &mut binds),
            _ => on_sqlite(set, count, &mut binds),
        })
        .collect();
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    let fits = fits(conn, wanted, &mut binds);
    let edition = "LEFT JOIN notice_revisions r ON r.notice_id = s.notice_id AND r.revision = s.text_revision";
    let edition = if wanted.containing.is_empty() && wanted.without.is_empty() { "" } else { edition };
    // CROSS JOIN: SQLite looks the few up and does not read all documents. The count stands in the text, because
    // PostgreSQL plans by it.
    let text = format!(
        "SELECT f.tier, f.doc, s.notice_id, {fits} AS fits FROM ({} LIMIT {count}) f \
         CROSS JOIN search_documents s {edition} WHERE s.doc = f.doc ORDER BY f.tier DESC, f.doc DESC",
        sets.join(" UNION ALL ")
    );
    all(conn, &text, binds).await
}

/// A set, and the numbers between which it is read.
struct Set<'a> {
    stream: &'a Stream,
    days: &'a [String],
    from: i64,
    below: i64,
}

fn sets<'a>(wanted: &'a Wanted<'a>) -> Vec<Set<'a>> {
    let from = wanted.from.map_or(i64::MIN, first_of);
    let below = wanted.to.map_or(i64::MAX, |to| first_of(to).saturating_add(OVERFLOW));
    let mut sets = Vec::new();
    for stream in wanted.streams {
        let below = match wanted.after {
            Some((tier, _)) if stream.tier > tier => continue,
            Some((tier, doc)) if stream.tier == tier => below.min(doc),
            _ => below,
        };
        match &wanted.newest {
            // Few notices have all the words in the title: there is nothing to be divided.
            Some(newest) if stream.tier <= Tier::SomeInTitle && newest.from < below => {
                sets.push(Set { stream, days: &newest.days, from: from.max(newest.from), below });
                sets.push(Set { stream, days: &[], from, below: below.min(newest.from) });
            }
            _ => sets.push(Set { stream, days: &[], from, below }),
        }
    }
    sets.retain(|set| set.from < set.below);
    sets
}

fn on_sqlite(set: &Set<'_>, count: i64, binds: &mut Binds) -> String {
    let (and, or) = (" AND ", " OR ");
    let token = |token: &String| format!("\"{}\"", token.replace('"', "\"\""));
    let every =
        |tokens: &mut dyn Iterator<Item = &String>| format!("({})", tokens.map(token).collect::<Vec<_>>().join(and));
    let mut needed = vec![every(&mut set.stream.needed.iter())];
    if !set.stream.alternatives.is_empty() {
        let each = set.stream.alternatives.iter().map(|tokens| every(&mut tokens.iter()));
        needed.push(format!("({})", each.collect::<Vec<_>>().join(or)));
    }
    let mut asked = needed.join(and);
    if !set.stream.excluded.is_empty() {
        let each = set.stream.excluded.iter().map(|tokens| every(&mut tokens.iter()));
        asked = format!("({asked}) NOT ({})", each.collect::<Vec<_>>().join(or));
    }
    format!(
        "SELECT {} AS tier, doc FROM (SELECT rowid AS doc FROM search_index WHERE search_index MATCH {} \
           AND rowid >= {} AND rowid < {} ORDER BY rowid DESC LIMIT {count})",
        set.stream.tier.number(),
        binds.add(asked),
        binds.add(set.from),
        binds.add(set.below),
    )
}

fn on_postgres(set: &Set<'_>, count: i64, binds: &mut Binds) -> String {
    let (and, or) = (" & ", " | ");
    let token = |token: &String| format!("'{}'", token.replace('\\', "\\\\").replace('\'', "''"));
    let every =
        |tokens: &mut dyn Iterator<Item = &String>| format!("({})", tokens.map(token).collect::<Vec<_>>().join(and));
    let mut asked = vec![every(&mut set.stream.needed.iter())];
    if !set.stream.alternatives.is_empty() {
        let each = set.stream.alternatives.iter().map(|tokens| every(&mut tokens.iter()));
        asked.push(format!("({})", each.collect::<Vec<_>>().join(or)));
    }
    if !set.days.is_empty() {
        asked.push(format!("({})", set.days.iter().map(token).collect::<Vec<_>>().join(or)));
    }
    if !set.stream.excluded.is_empty() {
        let each = set.stream.excluded.iter().map(|tokens| every(&mut tokens.iter()));
        asked.push(format!("!({})", each.collect::<Vec<_>>().join(or)));
    }
    // The query in a sub-select and the sums keep the planner from reading documents in their order and unpacking the
    // tokens of each: it does not know what that costs.
    format!(
        "SELECT {}::bigint AS tier, doc FROM (SELECT doc FROM search_index WHERE tokens @@ (SELECT {}::tsquery) \
           AND doc + 0 >= {} AND doc + 0 < {} ORDER BY doc + 0 DESC LIMIT {count}) AS set_{}",
        set.stream.tier.number(),
        binds.add(asked.join(and)),
        binds.add(set.from),
        binds.add(set.below),
        set.stream.tier.number(),
    )
}

/// Whether a candidate is found.
fn fits(conn: &impl ConnectionTrait, wanted: &Wanted<'_>, binds: &mut Binds) -> String {
    let mut conditions = Vec::new();
    conditions.extend(wanted.from.map(|from| format!("s.published_at >= {}", binds.add(from))));
    conditions.extend(wanted.to.map(|to| format!("s.published_at < {}", binds.add(to))));
    let mut said = |word: &Word| {
        let bind = binds.add(word.folded.as_str());
        format!(
            "({} OR {})",
            sql::contains(conn, "s.head", &bind),
            sql::contains(conn, "COALESCE(r.folded, '')", &bind)
        )
    };
    conditions.extend(wanted.containing.iter().map(|word| said(word)));
    conditions.extend(wanted.without.iter().map(|word| format!("NOT {}", said(word))));
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") }
}
