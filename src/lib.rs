//! Yizhan (驿站) takes public announcements from the systems that publish them and sees to it that every subscriber has
//! them: in the app's inbox, as a push on the phone, as a message in WeChat.
//!
//! This is the front page of the manual: how the house is built, how a request walks through it, and how a notice does.
//! The words are defined in [`domain`]; the promises stand at the head of each module; what runs where is in
//! `docs/operations.md`, and why things are as they are in `docs/adr/`.
//!
//! # The floors
//!
//! Floors are layers and nouns are columns: what has to do with a subscription is called `subscription` on every floor.
//! The staircase only goes down; `tests/all/floors.rs` reads the source and holds it to this table.
//!
//! | floor | what it is | may import |
//! | --- | --- | --- |
//! | [`app`], [`cli`] | where everything meets; one file a command | everything |
//! | [`config`] | what can be told from outside, read once, refused early | each floor's settings |
//! | [`http`] | the front door: scopes, extractors, bodies in, views out, problem documents | `services`, `domain` |
//! | [`workers`] | the back door: loops around one verb each | `services`, `queue`, `domain` |
//! | [`sandbox`] | the providers' side of the wire, mounted only when it is switched on | `domain` |
//! | [`services`] | the verbs of the trade; they open the transactions | all below |
//! | [`providers`] | the world outside, one folder a channel | `domain`, `kv` |
//! | [`queue`] | the bell: that there is work, never what it is | `storage`, `domain` |
//! | [`kv`] | what processes share and may lose | `domain` |
//! | [`storage`] | the record: every query, on both engines | `domain` |
//! | [`domain`] | the ground: types and rules, no I/O, no clock | nothing |
//!
//! `telemetry` may be imported by every floor but the ground. Two engines live behind [`storage`] (SQLite,
//! PostgreSQL), behind [`queue`] (a table, Redis Streams) and behind [`kv`] (memory, Redis); no floor above can tell
//! which it is.
//!
//! # The walk of a request
//!
//! 1. [`http`] lists every route; the same registration makes the OpenAPI document ([`http::openapi`]).
//! 2. [`http::middleware`] gives the request its id, counts it, and turns whatever goes wrong into a problem document
//!    by the one table of codes in [`http::problem`].
//! 3. [`http::extract`]: each argument of a handler is one fact about the request. Who calls is an extractor, so a
//!    route without one is open to everybody; a body is held against the documented schema before it is parsed.
//! 4. The handler, at most twenty lines, makes one call of a verb in [`services`].
//! 5. The verb opens a transaction ([`storage::Db::write`]), reads and writes through `storage/<noun>.rs`, and commits.
//!    Nothing leaves the building inside a transaction. A call with an `Idempotency-Key` keeps its answer in the same
//!    transaction ([`services::idempotency`]).
//! 6. Back up: a view, or an [`services::Error`]: a *refusal*, which is part of the contract, or a *fault*, which is
//!    logged once and answered as a bare 500.
//!
//! # The walk of a notice
//!
//! ```text
//! publisher ─▶ publish ─one transaction─▶ notice, revision, position, fan-out, outbox          the record
//!                                             │ relay                                          rings the bell
//!                                             ▼
//!                                           plan: matches by user id, cursor committed, chunk rows
//!                                             ▼
//!                                           chunk: leased in its row; users re-derived from the record
//!                                             ├─ first commit: inbox items
//!                                             ├─ send, one unit a channel
//!                                             └─ outcomes in slices under the lease's token; the last closes the chunk
//!                                                  │
//!                                                  ├─▶ due: tried again later      └─▶ dead letters: replayable
//! ```
//!
//! - *Who matches* is decided by positions in one order of commits ([`storage::order`]) and by what the revision said
//!   when it was stored ([`domain::subscription`], and its SQL twin [`storage::matching`]).
//! - *The engine room* is [`services::fanout`], told in the order in which it happens.
//! - *The bell* ([`queue`]) carries ids. All of it may be lost: a sweep finds what is unfinished and rings again.
//! - *Leases and fencing tokens* live in the rows of the work, in the database's time ([`storage::lease`]).
//! - *What becomes of a delivery* is drawn in [`domain::delivery`]; no other file computes a state.
//!
//! # To add something
//!
//! | to add | touch |
//! | --- | --- |
//! | a push provider | `providers/<name>/` and three lines in [`providers`]; its name in [`domain::channel`]; configuration |
//! | an endpoint on a known noun | `http/<noun>/`, a verb in `services/<noun>.rs`, its example (`http::openapi::examples`), `scripts/openapi`, a test |
//! | a part of a filter | [`domain::subscription`], its SQL twin in [`storage::matching`], a migration; a law test holds both |
//! | a refusal | a variant of [`services::Refusal`] and a row in [`http::problem`] |
//! | a state of a delivery | [`domain::delivery`]: a test fails until drawing and function agree |
//! | a setting | `config/<concern>.rs` and `.env.example`: a test compares |
//! | a migration | `migrations/src/`, a pair of SQL texts for both engines: a test compares |

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod kv;
pub mod providers;
pub mod queue;
pub mod sandbox;
pub mod services;
pub mod storage;
pub mod telemetry;
pub mod workers;
