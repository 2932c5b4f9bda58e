//! Brokers as the controller sees them: who is there, who is fenced, who may stop.

use super::active::{Controller, ReplyTo};
use crate::kafka::error::ErrorCode;
use crate::kafka::message::Response;
use crate::kafka::message::request::{Heartbeat, Registration};
use crate::kafka::message::response::Alive;
use crate::kafka::metadata::{BrokerImage, MetadataRecord};
use crate::kafka::process::{Out, Timer};
use crate::kafka::protection::Protection;
use crate::sim::Time;

/// A broker that is heard of.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// When it was last heard of.
    heard_at: Time,
    /// How much of the metadata log it has.
    metadata_offset: i64,
    /// The end of the metadata log when it began to stop: others must know of that first.
    stops_at: i64,
}

impl Controller {
    /// The process has begun: brokers that are not fenced get a whole session's time.
    pub fn begin(&mut self, out: &mut Out<'_>) {
        let now = out.now();
        let alive = self.image.brokers.iter().filter(|(_, broker)| !broker.fenced);
        let session = Session { heard_at: now, metadata_offset: -1, stops_at: i64::MAX };
        self.sessions = alive.map(|(id, _)| (*id, session)).collect();
        self.watch_sessions(out);
        out.timer(Timer::LeaderBalance, self.config.leader_balance_check);
        out.timer(Timer::UncleanElection, self.config.unclean_election_interval);
    }

    fn watch_sessions(&self, out: &mut Out<'_>) {
        if let Some(heard_at) = self.sessions.values().map(|session| session.heard_at).min() {
            out.timer_at(Timer::Sessions, heard_at + self.config.broker_session_timeout);
        }
    }

    /// A session may be over: its broker is fenced.
    pub fn check_sessions(&mut self, out: &mut Out<'_>) {
        let (now, timeout) = (out.now(), self.config.broker_session_timeout);
        let late = |session: &Session| session.heard_at + timeout <= now;
        let over: Vec<i32> =
            self.sessions.iter().filter(|(_, s)| late(s)).map(|(id, _)| *id).collect();
        for id in over {
            self.sessions.remove(&id);
            if !self.config.without.lacks(Protection::BrokerFencing) {
                let records = self.fence(id);
                self.write(records, ReplyTo::Nobody, None, out);
            }
        }
        self.watch_sessions(out);
    }

    pub(super) fn register(&mut self, to: ReplyTo, registration: Registration, out: &mut Out<'_>) {
        let id = registration.broker;
        let before = self.image.brokers.get(&id).cloned();
        if let Some(before) = &before
            && before.incarnation != registration.incarnation
            && self.sessions.contains_key(&id)
        {
            let error = ErrorCode::DuplicateBrokerRegistration;
            return self.answer(to, Response::BrokerRegistration(Err(error)), out);
        }
        // A life that was not ended cleanly may have lost what it had not flushed.
        let clean = before.as_ref().is_none_or(|b| b.epoch == registration.previous_epoch);
        let mut records = match before {
            Some(_) => {
                self.leave_partitions(id, if clean { &[] } else { std::slice::from_ref(&id) })
            }
            None => Vec::new(),
        };
        let epoch = self.log.log_end() + records.len() as i64;
        records.push(MetadataRecord::RegisterBroker {
            broker: id,
            epoch,
            registration: BrokerImage {
                incarnation: registration.incarnation,
                epoch,
                node: registration.node,
                rack: registration.rack,
                fenced: true,
                shutting_down: false,
            },
        });
        self.write(records, to, Some(Response::BrokerRegistration(Ok(epoch))), out);
    }

    pub(super) fn heartbeat(&mut self, to: ReplyTo, beat: &Heartbeat, out: &mut Out<'_>) {
        let id = beat.broker;
        if let Some(error) = self.error_of(id, beat.epoch) {
            return self.answer(to, Response::BrokerHeartbeat(Err(error)), out);
        }
        let Some(broker) = self.image.brokers.get(&id) else { return };
        let is_caught_up = beat.metadata_offset >= broker.epoch;
        let mut is_fenced = broker.fenced;
        let mut should_shut_down = false;
        let mut records = Vec::new();
        let change = |fenced, shutting_down| MetadataRecord::BrokerChange {
            broker: id,
            epoch: beat.epoch,
            fenced,
            shutting_down,
        };
        let leads = self.leads_any(id);
        if broker.fenced {
            should_shut_down = beat.wants_shutdown;
            if !beat.wants_shutdown && !beat.wants_fence && is_caught_up {
                records.push(change(Some(false), None));
                is_fenced = false;
            }
        } else if beat.wants_shutdown && !leads {
            let stops_at = self.sessions.get(&id).map_or(i64::MAX, |session| session.stops_at);
            should_shut_down = !broker.shutting_down || stops_at <= self.lowest_offset(id);
            if should_shut_down {
                records = self.fence(id);
                is_fenced = true;
            }
        } else if beat.wants_shutdown && !broker.shutting_down {
            records = self.leave_partitions(id, &[]);
            records.push(change(None, Some(true)));
        } else if beat.wants_fence {
            records = self.fence(id);
            is_fenced = true;
        }
        let unfenced = self.image.brokers.get(&id).is_some_and(|b| b.fenced) && !is_fenced;
        let answer = Alive { is_caught_up, is_fenced, should_shut_down };
        let begins_to_stop = beat.wants_shutdown && leads && !records.is_empty();
        self.write(records, to, Some(Response::BrokerHeartbeat(Ok(answer))), out);
        if is_fenced {
            self.sessions.remove(&id);
        } else {
            let end = self.log.log_end() - 1;
            let stops_at = self.sessions.get(&id).map_or(i64::MAX, |session| session.stops_at);
            let stops_at = if begins_to_stop { end } else { stops_at };
            let metadata_offset = beat.metadata_offset;
            self.sessions.insert(id, Session { heard_at: out.now(), metadata_offset, stops_at });
        }
        if unfenced {
            let records = self.elect_for_leaderless();
            self.write(records, ReplyTo::Nobody, None, out);
        }
        self.watch_sessions(out);
    }

    /// How much of the metadata log all other brokers that take part have.
    fn lowest_offset(&self, except: i32) -> i64 {
        let others = self.sessions.iter().filter(|(id, _)| **id != except);
        let active = others.filter(|(id, _)| self.image.is_active(**id));
        active.map(|(_, session)| session.metadata_offset).min().unwrap_or(i64::MAX)
    }

    /// The records that fence a broker.
    fn fence(&self, id: i32) -> Vec<MetadataRecord> {
        let mut records = self.leave_partitions(id, &[]);
        if let Some(broker) = self.image.brokers.get(&id) {
            let epoch = broker.epoch;
            let change = MetadataRecord::BrokerChange {
                broker: id,
                epoch,
                fenced: Some(true),
                shutting_down: None,
            };
            records.push(change);
        }
        records
    }
}
