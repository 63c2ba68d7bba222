//! The one test binary: every further one would link the whole tree again.
//!
//! Tests come through the door: a real server on a port of its own, with a database of its own (`support`).

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets what it did not expect shall fail"
)]

mod all {
    pub mod support;

    mod account;
    mod alerts;
    mod allowance;
    mod announcing;
    mod at_once;
    mod attachments;
    mod bad_input;
    mod bounds;
    mod bulk;
    mod by_source;
    mod catalogue;
    mod cli;
    mod config;
    mod credentials;
    mod demo;
    mod device;
    mod docs;
    mod engine;
    mod examples;
    mod fanout;
    mod feed;
    mod floors;
    mod forms;
    mod guards;
    mod harness;
    mod import;
    mod inbox;
    mod journeys;
    mod keys;
    mod limits;
    mod matching;
    mod migrations;
    mod notice;
    mod openapi;
    mod operator;
    mod pages;
    mod preview;
    mod probe;
    mod publisher;
    mod queue;
    mod reach;
    mod readme;
    mod roles;
    mod same_notice;
    mod sandbox;
    mod scheduled;
    mod search;
    mod search_index;
    mod senders;
    mod session;
    mod sql;
    mod stream;
    mod subscription;
    mod webhook;
    mod webhook_bots;
    mod webhook_reach;
    mod webhooks;
    mod why;
}

#[path = "faults/mod.rs"]
mod faults;
