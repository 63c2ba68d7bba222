//! Who calls: a user with an access token, and what the user may do.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use crate::domain::user::Role;
use crate::http::problem::Failure;
use crate::services::refusal::{Error, Refusal};
use crate::services::session::Caller;
use crate::services::{Deps, session};

/// A signed-in user.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn(pub Caller);

/// A signed-in user who is an operator or more.
#[derive(Debug, Clone, Copy)]
pub struct Operator(pub Caller);

/// A signed-in user who is an admin.
#[derive(Debug, Clone, Copy)]
pub struct Admin(pub Caller);

/// The credentials of `Authorization: Bearer …`.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn caller(request: HttpRequest, least: Role) -> Result<Caller, Failure> {
    // The rate limit has asked already when it counts.
    let known = request.extensions().get::<Caller>().copied();
    let caller = match known {
        Some(caller) => caller,
        None => {
            let token = bearer(&request).ok_or(Refusal::Unauthenticated)?;
            let deps = request.app_data::<Data<Deps>>().ok_or_else(|| Error::broken("the services are not mounted"))?;
            session::verify(deps, token).await?
        }
    };
    if caller.role < least { Err(Refusal::Forbidden.into()) } else { Ok(caller) }
}

macro_rules! callers {
    ($($name:ident => $least:expr;)+) => {$(
        impl FromRequest for $name {
            type Error = Failure;
            type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move { caller(request, $least).await.map(Self) })
            }
        }

        impl Deref for $name {
            type Target = Caller;

            fn deref(&self) -> &Caller {
                &self.0
            }
        }
    )+};
}

callers! {
    SignedIn => Role::User;
    Operator => Role::Operator;
    Admin => Role::Admin;
}
