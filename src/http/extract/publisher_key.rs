//! Who publishes: a system with an API key.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::http::extract::credentials::{self, Shown};
use crate::http::problem::Failure;
use crate::services::publisher::Caller;
use crate::services::refusal::Refusal;

/// A publisher's key that opens, and how far.
#[derive(Debug, Clone)]
pub struct PublisherCaller(pub Arc<Caller>);

impl FromRequest for PublisherCaller {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match credentials::shown(&request).await? {
                Shown::Publisher(caller) => Ok(Self(caller)),
                Shown::User(_) | Shown::Nobody => Err(Refusal::Unauthenticated.into()),
            }
        })
    }
}

impl Deref for PublisherCaller {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}
