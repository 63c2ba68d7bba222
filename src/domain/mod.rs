//! The ground: types and rules, no I/O, no clock.
//!
//! # Words
//!
//! These and no synonyms, in code, API, documents, metrics and logs.
//!
//! - **notice** (公告): one published announcement. It has a **category** (分类, a tree), a **region** (行政区划, the
//!   tree of GB/T 2260), a **notice type** (公告类型: where it stands in its project's life), and often a **project**
//!   (项目, by its code) and **sections** (标段), which tie the notices of one procurement together.
//! - A notice **amends** an earlier one: 更正, 澄清, 延期 and 终止 are notices of their own.
//! - **revision**: a corrected edition of the same notice. A notice can be **withdrawn**.
//! - **scheduled notice** (定时公告): a notice that was handed in to be published at an instant to come.
//! - **publisher**: the organisation or system that hands notices in, with scoped API keys.
//! - **user**: a registered person; **identity**: one way in which a user signs in; **session**: one sign-in.
//! - **device**: an installed app of a user, belonging to a session. **endpoint**: a place that a message can go; each
//!   has a **channel**, such as `sandbox`.
//! - **webhook**: an endpoint of its own, bound to no device or session: a server of the user's, or the bot of a group
//!   chat, which the **preset** speaks to.
//! - **subscription**: a user's standing **filter** over notices. **match**: a notice satisfying a subscription.
//! - **inbox item**: the one record that a user has a notice, however many subscriptions matched.
//! - **position**: a place in the one order of commits in which publishing and changes of subscriptions stand.
//! - **fan-out**: the carrying of one notice revision to all its matches, in **chunks** of users.
//! - **delivery**: one notice revision to one endpoint; **attempt**: one try at it; **outcome**: how it ended.
//! - **provider**: the service behind a channel. **sandbox**: this product's own stand-in for providers.
//!
//! # How they relate
//!
//! ```text
//! publisher ──< notice ──< revision ──1 fan-out ──< chunk ──< delivery ──< attempt
//!                 │                                    │         │
//!                 └──────────────< inbox item >────────┘      endpoint >── device >── session
//!                                       │                        │                       │
//!                                      user ─────────────────────┴───────────────────────┘
//!                                       └──< subscription ──< edition of its filter
//! ```

#![warn(missing_docs)]

pub mod allowance;
pub mod catalogue;
pub mod channel;
pub mod completion;
pub mod delivery;
pub mod device;
pub mod explanation;
pub mod fanout;
pub mod fold;
pub mod id;
pub mod identity;
pub mod lookup;
pub mod message;
pub mod money;
pub mod net;
pub mod notice;
pub mod page;
pub mod publisher;
pub mod retry;
pub mod scheduled;
pub mod search;
pub mod session;
pub mod stream;
pub mod subscription;
pub mod template;
pub mod time;
pub mod user;
pub mod webhook;
pub mod words;
