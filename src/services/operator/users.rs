//! What a user was told, for whoever answers when the user asks.

use crate::domain::id::{NoticeId, UserId};
use crate::services::Deps;
use crate::services::inbox::{Explanation, why};
use crate::services::refusal::{Refusal, Result};
use crate::services::session::Caller;
use crate::storage::user;

/// Explains why a user has a notice, or why not. It shows what somebody subscribes to, so the log says who asked.
pub async fn explain(deps: &Deps, by: &Caller, of: UserId, notice: NoticeId) -> Result<Explanation> {
    user::find(deps.db.reader(), of).await?.ok_or(Refusal::NotFound)?;
    let explanation = why::explain(deps, of, notice).await?;
    tracing::info!(user.id = %of, notice.id = %notice, by.id = %by.user, "a user's filters were shown to an operator");
    Ok(explanation)
}
