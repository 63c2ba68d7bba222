//! What a caller shows at the door, and whom it proves. Asked once a request, before anything else looks at it: who may
//! not call is told so, and not what is wrong with the body.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest};

use crate::services::refusal::{Error, Refusal, Result};
use crate::services::session::Caller;
use crate::services::{Deps, publisher, session};

/// Whom the credentials of a request prove.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A user who is signed in.
    User(Caller),
    /// A publisher, by a key that opens.
    Publisher(Arc<publisher::Caller>),
    /// Nobody: there are none, or none that are good.
    Nobody,
}

/// Whom the credentials of a request prove; fails when they cannot be looked up.
pub async fn shown(request: &HttpRequest) -> Result<Shown> {
    if let Some(known) = request.extensions().get::<Shown>() {
        return Ok(known.clone());
    }
    let deps = request.app_data::<Data<Deps>>().ok_or_else(|| Error::broken("the services are not mounted"))?;
    let shown = match look_up(deps, bearer(request).unwrap_or_default()).await {
        Err(error) if error.refusal() == Some(Refusal::Unauthenticated) => Shown::Nobody,
        other => other?,
    };
    request.extensions_mut().insert(shown.clone());
    Ok(shown)
}

async fn look_up(deps: &Deps, token: &str) -> Result<Shown> {
    if token.is_empty() {
        Ok(Shown::Nobody)
    } else if token.starts_with(publisher::PREFIX) {
        publisher::caller(deps, token).await.map(Shown::Publisher)
    } else {
        session::verify(deps, token).await.map(Shown::User)
    }
}

/// The credentials of `Authorization: Bearer …`.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
