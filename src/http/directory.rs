//! The routes as the document knows them, for what no route can say of itself: which methods a path has, and that an
//! operation without parameters takes none.

use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error as ActixError, HttpResponse};

use crate::http::openapi::{self, Known};
use crate::http::pages;
use crate::http::problem::render;
use crate::services::refusal::{Error, Refusal, Violation};

/// A path and what it knows.
struct Route {
    path: ResourceDef,
    methods: Vec<Known>,
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let page = |path: &&str| ((*path).to_owned(), vec![Known { method: "GET", takes_query: true }]);
    let all = openapi::known().into_iter().chain(pages::PATHS.iter().map(page));
    let mut all: Vec<_> = all.collect();
    // What is written out goes before what a parameter matches: `/sessions/current` is no session's id.
    all.sort_by_key(|(path, _)| path.matches('{').count());
    all.into_iter().map(|(path, methods)| Route { path: ResourceDef::new(path), methods }).collect()
});

fn find(path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.path.is_match(path))
}

/// What is answered where nothing is registered: 405 and the methods that there are, or 404.
pub async fn nothing(request: HttpRequest) -> HttpResponse {
    match find(request.path()) {
        None => render(&request, &Refusal::NotFound.into()),
        Some(route) => {
            let methods: Vec<_> = route.methods.iter().map(|known| known.method).collect();
            let mut response = render(&request, &Refusal::MethodNotAllowed.into());
            if let Ok(value) = methods.join(", ").parse() {
                response.headers_mut().insert(header::ALLOW, value);
            }
            response
        }
    }
}

/// Refuses parameters where the operation has none; elsewhere [`Query`](crate::http::extract::query::Query) does.
pub async fn without_query<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let names = surplus(request.request());
    if names.is_empty() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let violation = |name| Violation::query(name, "unknown_parameter", "没有这个参数", "there is no such parameter");
    let error = Error::invalid(names.into_iter().map(violation).collect());
    let document = render(request.request(), &error);
    Ok(request.into_response(document))
}

fn surplus(request: &HttpRequest) -> Vec<String> {
    let query = request.query_string();
    let known = || find(request.path())?.methods.iter().find(|known| known.method == request.method().as_str());
    if query.is_empty() || known().is_none_or(|known| known.takes_query) {
        return Vec::new();
    }
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    pairs.into_iter().map(|(name, _)| name).collect()
}
