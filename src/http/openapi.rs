//! The head of the OpenAPI document and what is added to it after the routes have been collected.

use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::http::problem::{FieldError, Problem};

#[derive(OpenApi)]
#[openapi(
    info(title = "Yizhan 驿站", description = include_str!("../../openapi/description.md"),
         license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(Problem, FieldError)),
)]
struct Head;

/// Title, description, licence and the ways to authenticate.
pub fn head() -> Document {
    let mut document = Head::openapi();
    let bearer = |description: &str, format: &str| {
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format(format)
                .description(Some(description.to_owned()))
                .build(),
        )
    };
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("user", bearer("A user's access token.", "JWT"));
    components.add_security_scheme("publisher", bearer("A publisher's API key.", "yzk_…"));
    document
}

/// Adds what cannot be said at a route: the webhooks and the examples.
pub fn finish(document: Document) -> Document {
    document
}
