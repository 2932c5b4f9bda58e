//! Connections and metadata together: what producer, consumer and admin client stand on.

use super::backoff::backoff;
use super::connections::{Connections, Heard};
use super::metadata::ClientMetadata;
use crate::kafka::config::producer::NetworkConfig;
use crate::kafka::event::Event;
use crate::kafka::message::response::Metadata;
use crate::kafka::message::{KafkaMessage, Request, Response};
use crate::kafka::process::{Out, Timer};
use crate::ordered::BTreeSet;
use crate::sim::{NodeId, Span, Time};
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Purpose<P> {
    Metadata,
    Own(P),
}

/// What a message meant to a client.
#[derive(Clone, Debug)]
pub enum CoreHeard<P> {
    /// The answer to what it asked for this purpose.
    Answer(P, Response),
    /// New metadata.
    Metadata,
    /// Nothing, or a connection is open now.
    Nothing,
}

/// The lower half of a client.
#[derive(Clone, Debug)]
pub struct ClientCore<P> {
    /// `client.id`.
    pub name: Rc<str>,
    /// Timeouts and backoffs.
    pub config: NetworkConfig,
    /// What it has heard of the cluster.
    pub metadata: ClientMetadata,
    /// True if asking for an unknown topic may make it.
    pub allow_auto_create: bool,
    /// Topics of which it has logged that something is wrong with them, until all is right.
    warned: BTreeSet<Rc<str>>,
    connections: Connections<Purpose<P>>,
    asking_metadata: bool,
    wake_at: Option<Time>,
}

impl<P> ClientCore<P> {
    /// A client that has not begun.
    pub fn new(name: Rc<str>, config: NetworkConfig, bootstrap: Vec<NodeId>) -> ClientCore<P> {
        ClientCore {
            connections: Connections::new(name.clone(), config.clone()),
            metadata: ClientMetadata::new(bootstrap, config.metadata_max_age),
            allow_auto_create: true,
            warned: BTreeSet::new(),
            asking_metadata: false,
            wake_at: None,
            config,
            name,
        }
    }

    /// The process has begun.
    pub fn begin(&mut self, out: &mut Out<'_>) {
        self.connections.begin(out);
    }

    /// Asks for metadata if it is due and somebody can be asked.
    pub fn pump(&mut self, out: &mut Out<'_>) {
        if self.asking_metadata || !self.metadata.is_due(out.now()) {
            return;
        }
        if let Some(node) = self.any_node(out) {
            let request = Request::Metadata {
                topics: match self.metadata.wants_all {
                    true => None,
                    false => Some(self.metadata.wanted().cloned().collect()),
                },
                allow_auto_create: self.allow_auto_create,
            };
            let timeout = self.config.request_timeout;
            self.connections.send(node, (request, Purpose::Metadata), timeout, out);
            self.asking_metadata = true;
        }
    }

    /// The least loaded broker with an open connection; if there is none, one is being opened.
    pub fn any_node(&mut self, out: &mut Out<'_>) -> Option<NodeId> {
        let nodes = self.metadata.nodes();
        let open = nodes.iter().copied().filter(|node| self.connections.is_open(*node));
        let idlest = open.min_by_key(|node| self.connections.in_flight(*node));
        if idlest.is_none() {
            let now = out.now();
            let tried = |node: &NodeId| !self.connections.is_backing_off(*node, now);
            let next = nodes.iter().copied().find(tried).or(nodes.first().copied());
            if let Some(node) = next {
                self.connections.connect(node, out);
            }
        }
        idlest
    }

    /// True if requests can be sent to a node now; if not, its connection is being opened.
    pub fn connect(&mut self, node: NodeId, out: &mut Out<'_>) -> bool {
        self.connections.connect(node, out)
    }

    /// How many requests to a node are under way.
    pub fn in_flight(&self, node: NodeId) -> usize {
        self.connections.in_flight(node)
    }

    /// How many requests are under way in all.
    pub fn all_in_flight(&self) -> usize {
        self.connections.all_in_flight()
    }

    /// Metrics of its connections. The real client has one more, to the broker that it asks first.
    pub fn traffic(&self) -> [(&'static str, f64); 6] {
        let traffic = self.connections.traffic;
        [
            ("connection-close-total", traffic.ended as f64),
            ("connection-count", self.connections.open() as f64),
            ("connection-creation-total", traffic.opened as f64),
            ("network-io-total", (traffic.requests + traffic.responses) as f64),
            ("request-total", traffic.requests as f64),
            ("response-total", traffic.responses as f64),
        ]
    }

    /// Sends a request on an open connection.
    pub fn send(&mut self, node: NodeId, request: Request, purpose: P, out: &mut Out<'_>) {
        let timeout = self.config.request_timeout;
        self.connections.send(node, (request, Purpose::Own(purpose)), timeout, out);
    }

    /// Sends a request that a broker may hold for longer than `request.timeout.ms`.
    pub fn send_within(
        &mut self,
        node: NodeId,
        (request, purpose): (Request, P),
        timeout: Span,
        out: &mut Out<'_>,
    ) {
        self.connections.send(node, (request, Purpose::Own(purpose)), timeout, out);
    }

    /// Sends a request that is not answered.
    pub fn send_one_way(&mut self, node: NodeId, request: Request, out: &mut Out<'_>) {
        self.connections.send_one_way(node, request, out);
    }

    /// Takes a message.
    pub fn hear(&mut self, from: NodeId, message: KafkaMessage, out: &mut Out<'_>) -> CoreHeard<P> {
        let correlation = match &message {
            KafkaMessage::Response { correlation, .. } => *correlation,
            KafkaMessage::Request { .. } => 0,
        };
        match self.connections.hear(from, message) {
            Heard::Answer(Purpose::Own(purpose), response) => CoreHeard::Answer(purpose, response),
            Heard::Answer(Purpose::Metadata, Response::Metadata(metadata)) => {
                self.asking_metadata = false;
                self.warn(&metadata, correlation, out);
                if self.metadata.heard(metadata, out.now()) {
                    let wait = self.retry_backoff(self.metadata.attempts, out);
                    self.metadata.again_after(out.now(), wait);
                }
                CoreHeard::Metadata
            }
            Heard::Answer(Purpose::Metadata, _) | Heard::Opened | Heard::Nothing => {
                CoreHeard::Nothing
            }
        }
    }

    /// Logs what is wrong with topics (`NetworkClient`). Simplified: once, where the real client
    /// does so with each answer until all is right.
    fn warn(&mut self, metadata: &Metadata, correlation: i32, out: &mut Out<'_>) {
        let (mut issues, mut error, mut is_new) = (Vec::new(), None, false);
        for (topic, found) in &metadata.topics {
            match found {
                Ok(_) => drop(self.warned.remove(topic)),
                Err(issue) => {
                    is_new |= self.warned.insert(topic.clone());
                    issues.push(format!("{topic}={}", issue.name()));
                    error = error.or(Some(*issue));
                }
            }
        }
        if let Some(error) = error.filter(|_| is_new) {
            let sentence = format!(
                "The metadata response from the cluster reported a recoverable issue with \
                 correlation id {} : {{{}}}",
                self.connections.ordinal(correlation),
                issues.join(", ")
            );
            let (client, error) = (self.name.clone(), error.with(sentence));
            out.emit(Event::ClientError { client, error });
        }
    }

    /// A connection ended; gives back what was asked on it and will not be answered.
    pub fn closed(&mut self, node: NodeId, out: &mut Out<'_>) -> Vec<P> {
        let lost = self.connections.closed(node, out);
        // A leader may have gone: the real clients ask for metadata after each disconnection.
        self.metadata.request_update();
        self.lost(lost, out)
    }

    /// Ends connections on which something took too long; gives back what was asked on them.
    pub fn expire(&mut self, out: &mut Out<'_>) -> Vec<P> {
        let lost = self.connections.expire(out);
        if !lost.is_empty() {
            self.metadata.request_update();
        }
        self.lost(lost, out)
    }

    fn lost(&mut self, lost: Vec<Purpose<P>>, out: &mut Out<'_>) -> Vec<P> {
        let mut own = Vec::new();
        for purpose in lost {
            match purpose {
                Purpose::Own(purpose) => own.push(purpose),
                Purpose::Metadata => {
                    self.asking_metadata = false;
                    let wait = self.retry_backoff(self.metadata.attempts, out);
                    self.metadata.failed(out.now(), wait);
                }
            }
        }
        own
    }

    /// How long to wait before something is asked again.
    pub fn retry_backoff(&self, failures: u32, out: &mut Out<'_>) -> Span {
        let (first, most) = (self.config.retry_backoff, self.config.retry_backoff_max);
        backoff(first, most, failures, out.random())
    }

    /// The one timer of the client is up.
    pub fn woken(&mut self) {
        self.wake_at = None;
    }

    /// True if nothing was due since it last went to sleep.
    pub fn is_calm(&self, now: Time) -> bool {
        self.wake_at.is_some_and(|at| now < at)
            && (self.asking_metadata || !self.metadata.is_due(now))
    }

    /// Sets the one timer to the earliest of what is due here and to `own`. It is only ever moved
    /// forward: a wake that finds nothing to do costs less than a timer for each request.
    pub fn sleep(&mut self, own: Option<Time>, out: &mut Out<'_>) {
        let metadata = self.metadata.next_due().filter(|_| !self.asking_metadata);
        // What is overdue waits for a connection, whose own instants are among these.
        let connections = self.connections.next_due(out.now());
        let lower = [metadata, connections].into_iter().flatten().filter(|at| *at > out.now());
        let due = lower.chain(own).min();
        let Some(due) = due else { return };
        let due = due.max(out.now());
        if self.wake_at.is_none_or(|at| due < at) {
            self.wake_at = Some(due);
            out.timer_at(Timer::Wake, due);
        }
    }
}
