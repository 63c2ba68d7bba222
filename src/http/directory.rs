//! The routes as the document knows them, for what no route can say of itself: which methods a path has, and that an
//! operation without parameters takes none.

use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error as ActixError, HttpResponse};

use crate::http::extract::query;
use crate::http::openapi::{self, Known};
use crate::http::pages;
use crate::http::problem::render;
use crate::services::Deps;
use crate::services::refusal::{Error, MAX_VIOLATIONS, Refusal};

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

/// The route of a request, by the address as it was routed: `/%76%31` is the `/v1` that it stands for.
fn find(request: &HttpRequest) -> Option<&'static Route> {
    let path = request.match_info().as_str();
    let serves_api = request.app_data::<Data<Deps>>().is_some_and(|deps| deps.copy.api);
    let mounted = serves_api || super::health::PATHS.contains(&path);
    ROUTES.iter().filter(|_| mounted).find(|route| route.path.is_match(path))
}

/// What is answered where nothing is registered: 405 and the methods that there are, or 404.
pub async fn nothing(request: HttpRequest) -> HttpResponse {
    let Some(route) = find(&request) else { return render(&request, &Refusal::NotFound.into()) };
    let methods = route.methods.iter().flat_map(|known| match known.method {
        // Whatever can be read can be asked for its head: see `middleware::head`.
        "GET" => vec!["GET", "HEAD"],
        other => vec![other],
    });
    let mut response = render(&request, &Refusal::MethodNotAllowed.into());
    if let Ok(value) = methods.collect::<Vec<_>>().join(", ").parse() {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// Refuses parameters where the operation has none; elsewhere [`Query`](crate::http::extract::query::Query) does.
pub async fn without_query<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    match refuse_surplus(request.request()) {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => {
            let document = render(request.request(), &error);
            Ok(request.into_response(document))
        }
    }
}

fn refuse_surplus(request: &HttpRequest) -> Result<(), Error> {
    let query = request.query_string();
    let known = || find(request)?.methods.iter().find(|known| known.method == request.method().as_str());
    if query.is_empty() || known().is_none_or(|known| known.takes_query) {
        return Ok(());
    }
    let pairs = query::pairs(query)?;
    let violations: Vec<_> = pairs.iter().take(MAX_VIOLATIONS).map(|(name, _)| query::unknown(name)).collect();
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
}
