//! Yizhan (驿站) takes public announcements from the systems that publish them and sees to it that every subscriber has
//! them: in the app's inbox, as a push on the phone, as a message in WeChat.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod kv;
pub mod providers;
pub mod queue;
pub mod services;
pub mod storage;
pub mod telemetry;
