//! Who calls: a user with an access token, and what the user may do.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::domain::user::Role;
use crate::http::extract::credentials::{self, Shown};
use crate::http::problem::Failure;
use crate::services::refusal::Refusal;
use crate::services::session::Caller;

/// A signed-in user.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn(pub Caller);

/// A signed-in user who is an operator or more.
#[derive(Debug, Clone, Copy)]
pub struct Operator(pub Caller);

/// A signed-in user who is an admin.
#[derive(Debug, Clone, Copy)]
pub struct Admin(pub Caller);

async fn caller(request: HttpRequest, least: Role) -> Result<Caller, Failure> {
    match credentials::shown(&request).await? {
        Shown::User(caller) if caller.role >= least => Ok(caller),
        Shown::User(_) => Err(Refusal::Forbidden.into()),
        Shown::Publisher(_) | Shown::Nobody => Err(Refusal::Unauthenticated.into()),
    }
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
