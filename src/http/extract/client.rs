//! From which network address a request comes.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use crate::domain::net::Networks;
use crate::http::problem::Failure;
use crate::services::{Deps, Error};

/// The network address that the request comes from.
#[derive(Debug, Clone, Copy)]
pub struct From(pub IpAddr);

impl FromRequest for From {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let deps = request.app_data::<Data<Deps>>();
        let deps = deps.ok_or_else(|| Failure(Error::broken("the services are not mounted")));
        ready(deps.map(|deps| Self(address(request, &deps.limits.trusted_proxies))))
    }
}

/// The peer; when that is a trusted proxy, the nearest hop of `X-Forwarded-For` that is none. What stands further to
/// the left was written by somebody whom nobody vouches for.
pub fn address(request: &HttpRequest, trusted: &Networks) -> IpAddr {
    let mut at = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let lines = request.headers().get_all("x-forwarded-for").filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        match hop.parse() {
            Ok(further) if trusted.contain(at) => at = further,
            _ => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let trusted: Networks = "10.0.0.0/8".parse().expect("networks");
        let mut request = TestRequest::default().peer_addr(format!("{peer}:1").parse().expect("an address"));
        for line in forwarded {
            request = request.append_header(("x-forwarded-for", *line));
        }
        address(&request.to_http_request(), &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(seen("203.0.113.1", &["198.51.100.1"]), "203.0.113.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.1, nonsense"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
    }
}
