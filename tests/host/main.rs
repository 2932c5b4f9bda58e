//! The host with a store in memory: saving and opening again, broken storage, frames, pace.

#![allow(missing_docs, reason = "a test's name says what it shows")]

mod formats;
mod lessons;
mod links;
mod opening;
mod playing;
mod saving;
mod tab;
mod tabs;

/// Both brokers with a topic and a queue, and clients that are in the middle of it.
pub const BUSY: &str = "\
lab new --seed 7 --kafka-brokers 1 --rabbit-nodes 1
kafka-topics --create --topic t --partitions 2
rabbitmqadmin declare queue --name q --durable true
producer p --kafka t --rabbit /q --count 40 --rate 100/s --keys a,b,c
consumer ck --kafka t --group g --process 30ms
consumer cr --rabbit q --prefetch 4 --process 30ms
run 500ms";

/// A lab in which nothing happens.
pub const QUIET: &str = "lab new --seed 7 --kafka-brokers 1 --rabbit-nodes 1";
