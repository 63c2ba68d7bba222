//! Who publishes: a system with an API key.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::http::extract::signed_in::bearer;
use crate::http::problem::Failure;
use crate::services::Deps;
use crate::services::publisher::{self, Caller};
use crate::services::refusal::{Error, Refusal};

/// A publisher's key that opens, and how far.
#[derive(Debug, Clone)]
pub struct PublisherCaller(pub Arc<Caller>);

impl FromRequest for PublisherCaller {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let secret = bearer(&request).ok_or(Refusal::Unauthenticated)?;
            let deps = request.app_data::<Data<Deps>>().ok_or_else(|| Error::broken("the services are not mounted"))?;
            Ok(Self(publisher::caller(deps, secret).await?))
        })
    }
}

impl Deref for PublisherCaller {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}
