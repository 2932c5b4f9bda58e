//! pushpull: a laboratory for message brokers.

pub mod ordered;

pub mod sim;

pub mod raft;

pub mod kafka;
pub mod rabbit;

pub mod storage;

pub mod lab;

pub mod shell;

pub mod explore;

pub mod bench;

pub mod lesson;

pub mod view;

pub mod host;

#[cfg(target_arch = "wasm32")]
pub mod browser;

pub mod ui;
