//! What became of a webhook's deliveries, one of them sent once more, and a test.

use crate::domain::channel::Channel;
use crate::domain::delivery::State;
use crate::domain::id::{DeliveryId, NoticeId, UserId, WebhookId};
use crate::domain::message::{Address, Recipient};
use crate::domain::page::{Cursor, Page};
use crate::services::Deps;
use crate::services::fanout::{self, Tried};
use crate::services::limits::{self, Rule};
use crate::services::operator::{DeliveryFilter, Explained, explained};
use crate::services::refusal::{Error, Refusal, Result};
use crate::storage::{delivery_list, webhook};

/// Calls that a user may set off by hand: enough to try things out, too few to bother anybody with.
const BY_HAND: Rule = Rule { name: "webhook", limit: 60, window: std::time::Duration::from_secs(10 * 60) };

/// The deliveries of a user's webhook, each with every try; those of the newest notice first.
pub async fn deliveries(
    deps: &Deps,
    user: UserId,
    id: WebhookId,
    cursor: Option<&Cursor>,
    limit: u16,
) -> Result<Page<Explained>> {
    super::get(deps, user, id).await?;
    let filter = DeliveryFilter { webhook: Some(id.endpoint()), ..DeliveryFilter::default() };
    explained(deps, &filter, cursor, limit).await
}

/// Sends a notice's newest delivery to a webhook once more, with the same `webhook-id`; where a newer edition stands that
/// was never sent there, that edition.
pub async fn resend(deps: &Deps, user: UserId, id: WebhookId, notice: NoticeId) -> Result<Tried> {
    living(deps, user, id).await?;
    let filter = DeliveryFilter { notice: Some(notice), webhook: Some(id.endpoint()), ..DeliveryFilter::default() };
    let newest = delivery_list::list(deps.db.reader(), &filter, 1).await?.into_iter().next();
    let newest = newest.ok_or(Refusal::NotFound)?;
    if !newest.state.is_resendable() && newest.state != State::Superseded {
        return Err(Error::refused(Refusal::DeliveryOvertaken, newest.state.as_str()));
    }
    limits::take(deps, BY_HAND, &user.to_string()).await?;
    let of = deps.clone();
    let sent = to_its_end(async move { fanout::once_more(&of, &newest).await }).await??;
    sent.map_err(|fanout::Overtaken| Refusal::DeliveryOvertaken.into())
}

/// Sends a test to a webhook and says what it answered. It is tried while it is paused, too: that is when one tries.
pub async fn test(deps: &Deps, user: UserId, id: WebhookId) -> Result<Tried> {
    let address = living(deps, user, id).await?;
    limits::take(deps, BY_HAND, &user.to_string()).await?;
    let delivery = DeliveryId::from_uuid(uuid::Uuid::now_v7());
    let to = Recipient { endpoint: id.endpoint(), user, address, delivery };
    let of = deps.clone();
    let tried = to_its_end(async move { of.fan_out.test(&of, Channel::Webhook, &to).await }).await?;
    tried.ok_or_else(|| Refusal::Unavailable.into())
}

/// Runs a call to its end, and writes down what came of it, also when its caller leaves.
async fn to_its_end<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> Result<T> {
    tokio::spawn(call).await.map_err(|error| Error::broken(error.to_string()))
}

/// Where a user's webhook is, unless its receiver said that it is no more.
async fn living(deps: &Deps, user: UserId, id: WebhookId) -> Result<Address> {
    let found = webhook::find(deps.db.reader(), user, id).await?.ok_or(Refusal::NotFound)?;
    if found.ended_at.is_some() {
        return Err(Refusal::WebhookEnded.into());
    }
    Address::parse(&found.address.0).map_err(|_| Error::broken(format!("the address of {id} cannot be read")))
}
