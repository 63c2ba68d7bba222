//! Later tries: deliveries whose next try is due, and first ones that had no turn in their chunk.
//!
//! Promise: everything that is asked at a first try is asked again, right before each send: the gate, the deadline, the
//! lease, whether the endpoint is still there and the user still wants it. Each channel's are worked by themselves, so
//! one that hangs holds up none of the others. A try is counted when it is begun.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::edition::{self, Edition};
use super::gate::Gate;
use super::send::{Sent, Unit, Warrant};
use super::sort::{Sorted, Try, sort};
use crate::domain::channel::{Channel, Repeat};
use crate::domain::delivery::{Event, Reason, State};
use crate::domain::fanout::{SLICE_EVERY, SLICE_ROWS};
use crate::domain::id::{EndpointId, FanOutId};
use crate::domain::time::Timestamp;
use crate::services::Deps;
use crate::services::refusal::{Error, Result};
use crate::storage::delivery::Outcome;
use crate::storage::due::{self, DUE_LEASE, Due};
use crate::storage::lease::Token;
use crate::storage::matching::Among;
use crate::storage::targets::{self, Target, Wanted};
use crate::storage::transact;
use crate::telemetry::metric;

/// Deliveries of one round.
const ROUND: i64 = 1_000;
/// What is kept back of a lease for writing the outcome down.
const MARGIN: Duration = Duration::from_secs(2);
/// What became of batches that may wait to be written.
const RECORD_BUFFER: usize = 64;

/// Works what is due on a channel now; returns whether there may be more.
pub async fn work_due(deps: &Deps, channel: Channel) -> Result<bool> {
    let Some(provider) = deps.fan_out.providers.get(channel) else { return Ok(false) };
    if provider.repeat() == Repeat::Forbidden {
        transact!(deps.db, |tx| due::lose_lapsed(tx, channel).await);
    }
    // Looked at before it is written: mostly nothing is due.
    if !due::any(deps.db.reader(), channel).await? {
        return Ok(false);
    }
    let asked_at = Instant::now();
    let leased = transact!(deps.db, |tx| due::lease(tx, channel, ROUND).await);
    let full = i64::try_from(leased.len()).is_ok_and(|count| count == ROUND);
    let mut units: BTreeMap<FanOutId, Vec<Due>> = BTreeMap::new();
    for one in leased {
        units.entry(one.fan_out_id).or_default().push(one);
    }
    let until = asked_at + DUE_LEASE - MARGIN;
    let works: Vec<_> =
        units.into_iter().map(|(fan_out, due)| work_unit_or_say_so(deps, fan_out, due, until).boxed()).collect();
    let made_progress = futures_util::future::join_all(works).await.into_iter().any(|progress| progress);
    Ok(full && made_progress)
}

async fn work_unit_or_say_so(deps: &Deps, fan_out: FanOutId, due: Vec<Due>, until: Instant) -> bool {
    match work_unit(deps, fan_out, due, until).await {
        Ok(progress) => progress,
        Err(error) => {
            // Their leases end, and they are due again.
            tracing::warn!(fan_out.id = %fan_out, %error, "due deliveries could not be worked");
            false
        }
    }
}

/// Works the due deliveries of one fan-out; returns whether any had its turn.
async fn work_unit(deps: &Deps, fan_out: FanOutId, due: Vec<Due>, until: Instant) -> Result<bool> {
    let Some(edition) = edition::load(deps, fan_out).await? else { return Ok(false) };
    let now = deps.clock.now();
    let gate = Gate::new(edition.fan_out.notice_id, edition.fan_out.revision());
    let open = gate.is_open(deps).await?;
    let Sorted { to_send, mut decided } = sort(&deps.fan_out, &edition, tries(deps, &edition, &due).await?, open, now);
    decided.extend(gone(&due, &to_send, &decided, now));
    let progress = !decided.is_empty();
    if progress {
        write(deps, &edition, &Slice { decided, ..Slice::default() }).await?;
    }
    let (sender, receiver) = mpsc::channel(RECORD_BUFFER);
    let unit = Unit { deps, edition: &edition, gate: &gate, warrant: Warrant::Due { until }, until, record: sender };
    let send_all = async move {
        for (channel, to) in to_send {
            unit.send(channel, to).await?;
        }
        Ok::<_, Error>(())
    };
    let (sent, recorded) = tokio::join!(send_all, record(deps, &edition, receiver));
    let progress = recorded? || progress;
    sent.map(|()| progress)
}

/// Each due delivery with what the door says of its endpoint now.
async fn tries(deps: &Deps, edition: &Edition, due: &[Due]) -> Result<impl Iterator<Item = Try> + use<>> {
    let among = Among::Users(due.iter().map(|one| one.user_id).collect());
    let wanted = Wanted::Again(due.iter().map(|one| one.endpoint_id).collect());
    let sending = edition.sending(wanted, deps.clock.now());
    let found = targets::targets(deps.db.reader(), &edition.audience, &among, &sending).await?;
    let leases: BTreeMap<EndpointId, (i64, i64)> =
        due.iter().map(|one| (one.endpoint_id, (one.attempts, one.lease_token))).collect();
    Ok(found.into_iter().filter_map(move |target: Target| {
        let (attempts, token) = leases.get(&target.endpoint).copied()?;
        Some((target, attempts, token))
    }))
}

/// Those whose endpoint the door does not know any more.
fn gone(
    due: &[Due],
    to_send: &BTreeMap<Channel, Vec<super::sort::Addressed>>,
    decided: &[Outcome],
    now: Timestamp,
) -> Vec<Outcome> {
    let sent = to_send.values().flatten().map(|one| one.target.endpoint);
    let known: std::collections::BTreeSet<EndpointId> = sent.chain(decided.iter().map(|one| one.endpoint)).collect();
    let outcome = |one: &Due| Outcome {
        endpoint: one.endpoint_id,
        user: one.user_id,
        channel: one.channel.as_str().into(),
        state: State::Due.on(Event::Skip).unwrap_or(State::Skipped),
        reason: Some(Reason::EndpointEnded),
        shown: false,
        attempts: one.attempts - 1,
        provider_ref: None,
        detail: None,
        status: None,
        began_at: now,
        decided_at: now,
        due_at: None,
        lease_token: one.lease_token,
    };
    due.iter().filter(|one| !known.contains(&one.endpoint_id)).map(outcome).collect()
}

/// What is written in one commit: what was tried, what was decided without, and what is put back.
#[derive(Default)]
struct Slice {
    tried: Vec<Outcome>,
    decided: Vec<Outcome>,
    put_back: Vec<(EndpointId, Token, Duration)>,
    spent: Vec<(EndpointId, Token, Duration)>,
}

impl Slice {
    fn len(&self) -> usize {
        self.tried.len() + self.decided.len() + self.put_back.len() + self.spent.len()
    }

    fn add(&mut self, sent: Sent) {
        match sent {
            Sent::Outcomes(outcomes) => {
                let is_tried = |one: &Outcome| !matches!(one.state, State::Superseded | State::Expired);
                let (tried, decided): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(is_tried);
                self.tried.extend(tried);
                self.decided.extend(decided);
            }
            Sent::NoTurn(batch, wait) => {
                self.put_back.extend(batch.iter().map(|one| (one.target.endpoint, one.lease_token, wait)));
            }
            Sent::Spent(batch, wait) => {
                self.spent.extend(batch.iter().map(|one| (one.target.endpoint, one.lease_token, wait)));
            }
        }
    }
}

/// Writes down what comes, slice by slice; what had no turn is put back. Returns whether any had its turn.
async fn record(deps: &Deps, edition: &Edition, mut sent: mpsc::Receiver<Sent>) -> Result<bool> {
    let mut progress = false;
    while let Some(first) = sent.recv().await {
        let mut slice = Slice::default();
        slice.add(first);
        let commit_at = Instant::now() + SLICE_EVERY;
        while slice.len() < SLICE_ROWS
            && let Ok(Some(more)) = timeout_at(commit_at, sent.recv()).await
        {
            slice.add(more);
        }
        progress |= !slice.tried.is_empty() || !slice.decided.is_empty();
        write(deps, edition, &slice).await?;
    }
    Ok(progress)
}

async fn write(deps: &Deps, edition: &Edition, slice: &Slice) -> Result<()> {
    let (notice, revision) = (edition.fan_out.notice_id, edition.fan_out.revision());
    let tx = deps.db.begin().await?;
    due::settle(&tx, notice, revision, &slice.tried, true).await?;
    due::settle(&tx, notice, revision, &slice.decided, false).await?;
    due::put_back(&tx, notice, revision, None, &slice.put_back).await?;
    due::put_back(&tx, notice, revision, Some(Reason::Quota), &slice.spent).await?;
    tx.commit().await?;
    for outcome in &slice.tried {
        metrics::counter!(metric::RETRIES, "channel" => outcome.channel.to_string(), "state" => outcome.state.as_str())
            .increment(1);
    }
    Ok(())
}
