//! The process of a ZooKeeper server: it reads its log, and then takes part.

use super::disk::{EPOCH, LOG, TxnLog};
use super::place_of;
use super::server::Server;
use crate::kafka::broker::life::Ticket;
use crate::kafka::broker::server::Call;
use crate::kafka::event::Event;
use crate::kafka::message::{KafkaMessage, Request};
use crate::kafka::process::{Out, Process, Timer};
use crate::kafka::spec::ZooKeeperSpec;
use crate::kafka::ways::Ways;
use crate::raft::Saved;
use crate::sim::{Input, Message, NodeId};
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Phase {
    Down,
    /// Reads what an earlier life has left: the epoch, then the log.
    Reading(Option<String>),
    /// What was written and may not be flushed is made safe before anything rests on it.
    Flushing(Box<(TxnLog, Saved)>, usize),
    Serving(Box<Server>),
}

/// A ZooKeeper server.
#[derive(Clone, Debug)]
pub struct ZooKeeper {
    spec: ZooKeeperSpec,
    phase: Phase,
}

impl ZooKeeper {
    /// A server that was not started yet.
    pub fn new(spec: ZooKeeperSpec) -> ZooKeeper {
        ZooKeeper { spec, phase: Phase::Down }
    }

    /// `myid`.
    pub fn id(&self) -> u32 {
        self.spec.id
    }

    /// What it does once it has read its log.
    pub fn server(&self) -> Option<&Server> {
        match &self.phase {
            Phase::Serving(server) => Some(server),
            _ => None,
        }
    }

    /// The same server freshly started.
    pub fn restarted(&self) -> ZooKeeper {
        ZooKeeper::new(self.spec.clone())
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match (&mut self.phase, input) {
            (Phase::Down, Input::Start) => {
                self.phase = Phase::Reading(None);
                out.read(EPOCH, 0, u64::MAX, Ticket::Startup);
            }
            (Phase::Reading(epoch @ None), Input::Read { bytes, .. }) => {
                *epoch = Some(String::from_utf8_lossy(&bytes.bytes()).into_owned());
                out.read(LOG, 0, u64::MAX, Ticket::Startup);
            }
            (Phase::Reading(Some(epoch)), Input::Read { bytes, .. }) => {
                let found = TxnLog::open(&bytes.bytes(), epoch, out);
                let files = [EPOCH, LOG].into_iter().filter(|file| out.files().len(file) > 0);
                let files: Vec<&str> = files.collect();
                files.iter().for_each(|file| out.flush(file, Ticket::Quorum));
                self.phase = Phase::Flushing(Box::new(found), files.len());
                self.begin(out);
            }
            (Phase::Flushing(_, left), Input::Flushed { .. }) => {
                *left -= 1;
                self.begin(out);
            }
            (Phase::Serving(server), input) => serve(server, input, out),
            (_, Input::Message { from, .. }) => out.close(from),
            (_, Input::Stop) => out.exit(),
            _ => {}
        }
    }

    fn begin(&mut self, out: &mut Out<'_>) {
        let Phase::Flushing(found, 0) = &mut self.phase else { return };
        let found = (std::mem::take(&mut found.0), std::mem::take(&mut found.1));
        out.emit(Event::ZooKeeperStarted { server: self.spec.id as i32 });
        let ways = Ways::of(&self.spec.settings);
        let server = Server::new((self.spec.id, ways), self.members(), found, out);
        self.phase = Phase::Serving(Box::new(server));
    }

    /// Every server, and where it is.
    fn members(&self) -> Rc<[(u32, NodeId)]> {
        (1..=self.spec.servers).map(|id| (id, place_of(id))).collect()
    }
}

fn serve(server: &mut Server, input: Input<Process>, out: &mut Out<'_>) {
    match input {
        Input::Message { from, body } => {
            out.work(out.cost().request_of(body.size_bytes()));
            let KafkaMessage::Request { correlation, client, body } = *body else { return };
            match body {
                Request::ZooKeeper(op) => server.ask(Call { from, correlation, client }, *op, out),
                Request::Ensemble(peer) => server.hear(from, *peer, out),
                _ => out.close(from),
            }
        }
        Input::Flushed { .. } => server.flushed(out),
        Input::Timer(Timer::Quorum) => server.raft_ticked(out),
        Input::Timer(Timer::Sessions) => server.ticked(out),
        Input::Closed { peer } => server.closed(peer, out),
        Input::Stop => out.exit(),
        _ => {}
    }
}
