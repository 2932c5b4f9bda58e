//! What a client has heard of brokers, topics and leaders.

use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::response::{Metadata, TopicMetadata};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{NodeId, Span, Time};
use std::rc::Rc;

/// What a client has heard of a topic.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it was told.
    pub found: Result<TopicMetadata, ErrorCode>,
    /// The partitions that have a leader.
    pub available: Rc<[i32]>,
}

/// The metadata of one client.
#[derive(Clone, Debug)]
pub struct ClientMetadata {
    bootstrap: Vec<NodeId>,
    brokers: BTreeMap<i32, NodeId>,
    topics: BTreeMap<Rc<str>, Known>,
    wanted: BTreeSet<Rc<str>>,
    /// True if it is asked for all topics that there are.
    pub wants_all: bool,
    max_age: Span,
    /// When it was last heard.
    updated_at: Option<Time>,
    needs_update: bool,
    /// Not to be asked again before this instant.
    not_before: Time,
    /// Tries in a row that left something open.
    pub(super) attempts: u32,
}

impl ClientMetadata {
    /// Nothing but where to begin (`bootstrap.servers`).
    pub fn new(bootstrap: Vec<NodeId>, max_age: Span) -> ClientMetadata {
        ClientMetadata {
            bootstrap,
            brokers: BTreeMap::new(),
            topics: BTreeMap::new(),
            wanted: BTreeSet::new(),
            wants_all: false,
            max_age,
            updated_at: None,
            needs_update: true,
            not_before: Time::ZERO,
            attempts: 0,
        }
    }

    /// True once a broker has answered.
    pub fn is_known(&self) -> bool {
        self.updated_at.is_some()
    }

    /// Adds a topic of interest.
    pub fn want(&mut self, topic: &Rc<str>) {
        if self.wanted.insert(topic.clone()) {
            self.needs_update = true;
        }
    }

    /// A topic is of interest no more.
    pub fn unwant(&mut self, topic: &str) {
        self.wanted.remove(topic);
    }

    /// All topics that were heard of, and are there.
    pub fn known(&self) -> impl Iterator<Item = (&Rc<str>, &TopicMetadata)> {
        let known = self.topics.iter();
        known.filter_map(|(name, known)| Some((name, known.found.as_ref().ok()?)))
    }

    /// The topics of interest.
    pub fn wanted(&self) -> impl Iterator<Item = &Rc<str>> {
        self.wanted.iter()
    }

    /// Asks for an update as soon as it is allowed.
    pub fn request_update(&mut self) {
        self.needs_update = true;
    }

    /// True for a topic of which nothing was heard, and may be.
    pub fn is_awaited(&self, topic: &str) -> bool {
        self.topic(topic).is_none() && (self.needs_update || !self.wants_all)
    }

    /// What is known of a topic.
    pub fn topic(&self, topic: &str) -> Option<&Result<TopicMetadata, ErrorCode>> {
        self.topics.get(topic).map(|known| &known.found)
    }

    /// The same with the topic's shared name, and where its leaders are.
    pub fn named(&self, topic: &str) -> Option<(&Rc<str>, &Known)> {
        self.topics.get_key_value(topic)
    }

    /// The leader of a partition and its epoch: broker id, where it is, epoch.
    pub fn leader(&self, partition: &TopicPartition) -> Option<(i32, NodeId, i32)> {
        let topic = self.topics.get(&partition.topic)?.found.as_ref().ok()?;
        let found = topic.partitions.get(usize::try_from(partition.partition).ok()?)?;
        let id = found.leader?;
        Some((id, *self.brokers.get(&id)?, found.leader_epoch))
    }

    /// Where a broker is.
    pub fn broker(&self, id: i32) -> Option<NodeId> {
        self.brokers.get(&id).copied()
    }

    /// Any broker may answer a question about the cluster: those that were heard of, else the
    /// bootstrap servers.
    pub fn nodes(&self) -> Vec<NodeId> {
        match self.brokers.is_empty() {
            true => self.bootstrap.clone(),
            false => self.brokers.values().copied().collect(),
        }
    }

    /// True if it is to be asked for now.
    pub fn is_due(&self, now: Time) -> bool {
        let old = self.updated_at.is_some_and(|at| now >= at + self.max_age);
        (self.needs_update || old) && now >= self.not_before
    }

    /// When it will be due.
    pub fn next_due(&self) -> Option<Time> {
        match self.needs_update {
            true => Some(self.not_before),
            false => self.updated_at.map(|at| (at + self.max_age).max(self.not_before)),
        }
    }

    /// A request for it was lost: try again after `wait`.
    pub(super) fn failed(&mut self, now: Time, wait: Span) {
        self.attempts += 1;
        self.needs_update = true;
        self.not_before = now + wait;
        // The brokers that it knew may all be gone: begin where it began.
        if self.attempts > 1 {
            self.brokers.clear();
        }
    }

    /// Takes an answer. True if something wanted is still open, so that it must be asked again
    /// after a backoff.
    pub(super) fn heard(&mut self, metadata: Metadata, now: Time) -> bool {
        self.brokers = metadata.brokers.into_iter().collect();
        self.updated_at = Some(now);
        if self.wants_all {
            self.topics.clear();
        }
        for (name, found) in metadata.topics {
            let partitions = found.iter().flat_map(|topic| topic.partitions.iter().enumerate());
            let led = partitions.filter(|(_, partition)| partition.leader.is_some());
            let available = led.map(|(number, _)| number as i32).collect();
            self.topics.insert(name, Known { found, available });
        }
        let known = |name: &Rc<str>| self.topics.get(name).map(|known| &known.found);
        let unheard = self.wanted.iter().any(|name| known(name).is_none());
        let unheard = unheard && !self.wants_all;
        let open = self.wanted.iter().any(|name| match known(name) {
            Some(Ok(topic)) => topic.partitions.iter().any(|p| p.leader.is_none()),
            Some(Err(error)) => error.is_retriable(),
            None => false,
        });
        self.needs_update = unheard || open;
        if !open {
            self.attempts = 0;
            self.not_before = now;
        }
        open
    }

    /// Asks again after `wait`.
    pub(super) fn again_after(&mut self, now: Time, wait: Span) {
        self.attempts += 1;
        self.not_before = now + wait;
    }
}
