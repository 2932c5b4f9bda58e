//! A subscription by a regular expression: which topics it stands for now.
//!
//! The client looks by itself: it asks for the metadata of all topics, and each time they come
//! (`metadata.max.age.ms`, 5 minutes, at the latest) it subscribes to those that match
//! (`ConsumerCoordinator.updatePatternSubscription`). Internal topics do not match
//! (`exclude.internal.topics`).

use super::client::Consumer;
use crate::kafka::client::pattern::Pattern;
use crate::kafka::process::Out;
use crate::kafka::spec::Reads;
use std::rc::Rc;

/// An expression, and what matches it.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    /// The expression, if it subscribes by one.
    pub pattern: Option<Pattern>,
    /// The topics, in order.
    pub topics: Vec<Rc<str>>,
}

impl Matched {
    /// Nothing was found yet.
    pub fn by(reads: &Reads) -> Matched {
        let pattern = match reads {
            Reads::Pattern { pattern, .. } => Pattern::parse(pattern),
            Reads::Group { .. } | Reads::Assigned { .. } => None,
        };
        Matched { pattern, topics: Vec::new() }
    }
}

impl Consumer {
    /// Topics came or went: it subscribes to those that match, and says so to its group.
    pub(super) fn match_topics(&mut self, out: &mut Out<'_>) {
        let Some(pattern) = &self.matched.pattern else { return };
        let all = self.core.metadata.known();
        let all = all.filter(|(name, found)| !found.internal && pattern.matches(name));
        let topics: Vec<Rc<str>> = all.map(|(name, _)| name.clone()).collect();
        if topics == self.matched.topics {
            return;
        }
        let gone = self.matched.topics.iter().filter(|topic| !topics.contains(topic));
        gone.for_each(|topic| self.core.metadata.unwant(topic));
        topics.iter().for_each(|topic| self.core.metadata.want(topic));
        self.matched.topics = topics;
        self.subscription_changed(out);
    }
}
