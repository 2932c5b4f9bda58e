//! The phases of a broker's life.

use super::server::Server;
use super::startup::Startup;
use crate::kafka::config::BrokerConfig;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::partition_log::LogPosition;
use crate::kafka::metadata::SnapshotId;
use crate::kafka::partition::Partitions;
use crate::kafka::process::{Out, Process};
use crate::kafka::spec::BrokerSpec;
use crate::sim::{Input, NodeId};
use std::rc::Rc;

/// What a broker remembers of a read or a flush that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// A read of the start.
    Startup,
    /// A read for one partition of a Fetch.
    Fetch {
        /// The Fetch.
        fetch: u64,
        /// Which of its partitions.
        index: usize,
    },
    /// A read for one partition of a ListOffsets.
    Lookup {
        /// The ListOffsets.
        lookup: u64,
        /// Which of its partitions.
        index: usize,
    },
    /// A read of a partition of `__consumer_offsets` that is being loaded.
    LoadOffsets {
        /// The partition.
        partition: i32,
    },
    /// A read of a partition of `__transaction_state` that is being loaded.
    LoadTransactions {
        /// The partition.
        partition: i32,
    },
    /// A read of a partition of `__share_group_state` that is being loaded.
    LoadShareStates {
        /// The partition.
        partition: i32,
    },
    /// A closed segment was flushed.
    SegmentFlushed {
        /// Whose.
        partition: TopicPartition,
        /// Everything before this offset is safe.
        up_to: i64,
    },
    /// A flush that an append waits for.
    AppendFlushed {
        /// Whose.
        partition: TopicPartition,
        /// Everything before this offset is safe.
        up_to: i64,
    },
    /// The metadata log was flushed.
    MetadataFlushed {
        /// Everything before this offset is safe.
        up_to: i64,
    },
    /// A read of the metadata log for a broker.
    MetadataFetch {
        /// The Fetch.
        fetch: u64,
    },
    /// A read around the place where a log is cut.
    Truncate {
        /// Whose.
        partition: TopicPartition,
        /// The offset where it is cut.
        offset: i64,
        /// Where the read begins.
        from: LogPosition,
    },
    /// A read or a flush of the cleaner.
    Clean {
        /// Which of its runs.
        run: u64,
    },
    /// A flush of a snapshot of the metadata log.
    Snapshot(SnapshotId),
    /// A flush of what a controller wrote for its quorum.
    Quorum,
    /// A small file was made safe; nobody waits for it.
    Checkpoint,
    /// A flush of a polite stop.
    Stopping,
}

#[derive(Clone, Debug)]
enum Phase {
    Down,
    Starting(Box<Startup>),
    Serving(Box<Server>),
}

/// A broker.
#[derive(Clone, Debug)]
pub struct Broker {
    spec: BrokerSpec,
    controllers: Vec<NodeId>,
    phase: Phase,
    /// How its partitions stood when its last life ended: what the picture shows of a dead broker.
    before: Rc<Partitions>,
}

impl Broker {
    /// A broker that was not started yet. Without a controller elsewhere it is its own.
    pub fn new(spec: BrokerSpec, controllers: Vec<NodeId>) -> Broker {
        Broker { spec, controllers, phase: Phase::Down, before: Rc::default() }
    }

    /// `node.id`.
    pub fn id(&self) -> i32 {
        self.spec.id
    }

    /// Its configuration.
    pub fn spec(&self) -> &BrokerSpec {
        &self.spec
    }

    /// What it does while it serves.
    pub fn server(&self) -> Option<&Server> {
        match &self.phase {
            Phase::Serving(server) => Some(server),
            Phase::Down | Phase::Starting(_) => None,
        }
    }

    /// Its partitions: as they are, or as they were when its last life ended.
    pub fn partitions(&self) -> &Partitions {
        self.server().map_or(&self.before, |server| &server.partitions)
    }

    /// The same broker freshly started.
    pub fn restarted(&self) -> Broker {
        let before = match &self.phase {
            Phase::Serving(server) => Rc::new(server.partitions.clone()),
            Phase::Down | Phase::Starting(_) => self.before.clone(),
        };
        let (spec, controllers) = (self.spec.clone(), self.controllers.clone());
        Broker { spec, controllers, phase: Phase::Down, before }
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match &mut self.phase {
            Phase::Down => {
                if let Input::Start = input {
                    self.start(out);
                }
            }
            Phase::Starting(startup) => match input {
                // One read is under way at a time, and nothing but its answer goes on.
                Input::Read { bytes, .. } => {
                    startup.take(bytes, out);
                    self.go_on(out);
                }
                Input::Message { from, .. } => out.close(from),
                Input::Stop => out.exit(),
                _ => {}
            },
            Phase::Serving(server) => server.step(input, out),
        }
    }

    fn start(&mut self, out: &mut Out<'_>) {
        match BrokerConfig::of(&self.spec.settings) {
            Ok(config) => {
                let controllers = self.controllers.as_slice().into();
                let startup = Startup::new(self.spec.id, config, controllers, out);
                self.phase = Phase::Starting(Box::new(startup));
                self.go_on(out);
            }
            Err(error) => {
                let client = format!("kafka-{}", self.spec.id).into();
                out.emit(Event::ClientError { client, error });
                out.exit();
            }
        }
    }

    fn go_on(&mut self, out: &mut Out<'_>) {
        let Phase::Starting(startup) = &mut self.phase else { return };
        if let Some(server) = startup.go_on(out) {
            self.before = Rc::default();
            if server.is_alone() {
                out.emit(Event::BrokerStarted { broker: self.spec.id });
            }
            self.phase = Phase::Serving(Box::new(server));
        }
    }
}
