//! The providers' side of the wire: a stand-in for push providers, with a page that shows what phones would show.
//!
//! Promise: it takes what the `sandbox` channel sends, over HTTP; it keeps a log of its own, from which tests audit ours;
//! it deduplicates by idempotency key as a *safe* provider does (or not, by its settings); and it fails on demand, by
//! token (the table in `outcome.rs`) or as a whole (`PUT /sandbox/v1/faults`). Memory is bounded by its settings.
//! Not promised: authentication. It is mounted only where it is switched on, and shows confirmation codes to whoever
//! asks.
//!
//! | route under `/sandbox` | what |
//! | --- | --- |
//! | `POST /v1/messages:batch`, `POST /v1/messages` | send to up to 500, or one |
//! | `GET`, `PUT /v1/faults` | how the whole channel misbehaves |
//! | `GET /v1/log?after=&limit=&token=&token_like=&notice=&key=&newest=` | the log |
//! | `GET /v1/stats`, `GET /v1/keys/{key}` | exact counters |
//! | `GET /v1/devices`, `GET /v1/devices/{token}` | what phones show |
//! | `GET /v1/codes?address=` | confirmation codes |
//! | `GET /sandbox`, `GET /events` | the page, and its live stream |

mod book;
mod codes;
mod events;
mod faults;
mod generations;
mod handlers;
mod log;
mod log_file;
mod outcome;
mod page;
mod phones;
mod settings;
mod state;
mod wire;

use actix_web::Scope;
use actix_web::web::{self, Data, JsonConfig, PayloadConfig};

pub use self::codes::NotedCode;
pub use self::faults::{Fault, Mode};
pub use self::log::{Entry, KeyStats, LogPage, LogQuery, Stats};
pub use self::outcome::Code;
pub use self::phones::{About, Notification, Phone};
pub use self::settings::Settings;
pub use self::state::SandboxState;

/// Everything under `/sandbox`, for any `App`.
pub fn scope(state: SandboxState) -> Scope {
    web::scope("/sandbox")
        .app_data(Data::new(state))
        .app_data(PayloadConfig::new(wire::BODY_MAX_BYTES))
        .app_data(JsonConfig::default().limit(wire::BODY_MAX_BYTES))
        .service(handlers::batch)
        .service(handlers::single)
        .service(handlers::set_fault)
        .service(handlers::get_fault)
        .service(handlers::log)
        .service(handlers::stats)
        .service(handlers::key)
        .service(handlers::device)
        .service(handlers::devices)
        .service(handlers::codes)
        .service(events::events)
        .service(page::page)
        .service(page::page_with_slash)
}
