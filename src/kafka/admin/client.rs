//! The admin client's process.

use super::each::Question;
use super::job::{Step, Target};
use crate::kafka::client::{ClientCore, CoreHeard};
use crate::kafka::command::{Answer, ApiError, Ask, Command, RequestId};
use crate::kafka::config::ConsumerConfig;
use crate::kafka::error::client_error;
use crate::kafka::event::Event;
use crate::kafka::message::Response;
use crate::kafka::process::{Out, Process};
use crate::kafka::zookeeper::{self, Op, Reply, Session, SessionEvent, ZkError};
use crate::ordered::BTreeMap;
use crate::sim::{Input, NodeId, Span, Stream, Time};

/// `default.api.timeout.ms`.
const API_TIMEOUT: Span = Span::seconds(60);

/// `kafka-configs` waits no longer than this for an answer.
const CONFIGS_TIMEOUT: Span = Span::seconds(30);

fn timeout(ask: &Ask) -> Span {
    match ask {
        Ask::DescribeConfigs { .. } | Ask::AlterConfigs { .. } => CONFIGS_TIMEOUT,
        _ => API_TIMEOUT,
    }
}

/// A question that is being worked on.
#[derive(Clone, Debug)]
struct Work {
    job: Question,
    deadline: Time,
    retry_at: Time,
    failures: u32,
    /// Requests of the present step that are not answered.
    under_way: usize,
    /// True if one of them must be tried again.
    failed: bool,
}

/// The admin client.
#[derive(Clone, Debug)]
pub struct Admin {
    bootstrap: Vec<NodeId>,
    core: ClientCore<RequestId>,
    work: BTreeMap<RequestId, Work>,
    is_ready: bool,
    shell: Option<Box<Shell>>,
}

/// What `zookeeper-shell` asks.
#[derive(Clone, Debug)]
struct Shell {
    id: RequestId,
    session: Session,
    /// How many servers were tried in vain, and until when it waits.
    tried: usize,
    deadline: Time,
    /// What it was told: then it ends its session, and waits for that to be done.
    result: Option<Result<Reply, ZkError>>,
}

/// `zookeeper-shell` asks for a session of so long, and waits as long for a connection.
const SHELL_TIMEOUT: Span = Span::seconds(30);

impl Admin {
    /// An admin client that was not started yet; `bootstrap` is where it begins to ask.
    pub fn new(bootstrap: Vec<NodeId>) -> Admin {
        let config = ConsumerConfig::of(&BTreeMap::new()).expect("the defaults are right");
        Admin {
            core: ClientCore::new("kafka-admin".into(), config.network, bootstrap.clone()),
            bootstrap,
            work: BTreeMap::new(),
            is_ready: false,
            shell: None,
        }
    }

    /// The same client freshly started; questions under way are forgotten.
    pub fn restarted(&self) -> Admin {
        Admin::new(self.bootstrap.clone())
    }

    /// True once it knows the cluster.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match input {
            Input::Start => self.core.begin(out),
            Input::Stop => return out.exit(),
            Input::Timer(_) => self.core.woken(),
            Input::Message { from, body } if self.is_ensemble(from) => {
                let event = self.shell.as_mut().and_then(|shell| {
                    shell.session.heard(from, out.now());
                    shell.session.hear(from, *body)
                });
                if let Some(SessionEvent::Answered(_, result)) = event {
                    self.shell_answered(result, out);
                }
            }
            Input::Message { from, body } => {
                if let CoreHeard::Answer(id, response) = self.core.hear(from, *body, out) {
                    self.answered(id, Some(response), out);
                }
            }
            Input::Closed { peer } if self.is_ensemble(peer) => self.shell_lost(peer, out),
            Input::Closed { peer } => {
                for id in self.core.closed(peer, out) {
                    self.answered(id, None, out);
                }
            }
            Input::Command(Command::Ask(id, ask)) => self.asked(id, *ask, out),
            Input::Command(_) | Input::Read { .. } | Input::Flushed { .. } => {}
        }
        self.pump(out);
    }

    fn asked(&mut self, id: RequestId, ask: Ask, out: &mut Out<'_>) {
        if let Ask::ZooKeeper { servers, op } = ask {
            let servers: Vec<NodeId> = (1..=servers).map(zookeeper::place_of).collect();
            let name = "zookeeper-shell".into();
            let mut session = Session::new(name, servers.into(), SHELL_TIMEOUT, out);
            session.ask(0, op);
            let deadline = out.now() + SHELL_TIMEOUT;
            let shell = Shell { id, session, tried: 0, deadline, result: None };
            self.shell = Some(Box::new(shell));
            return;
        }
        let work = Work {
            deadline: out.now() + timeout(&ask),
            job: Question::new(ask, Stream::named(out.random().clone().bits(), "admin")),
            retry_at: Time::ZERO,
            failures: 0,
            under_way: 0,
            failed: false,
        };
        self.work.insert(id, work);
    }

    fn is_ensemble(&self, node: NodeId) -> bool {
        self.shell.as_ref().is_some_and(|shell| shell.session.is_server(node))
    }

    /// ZooKeeper has answered the shell, which ends its session then: what is ephemeral is gone
    /// when the shell is.
    fn shell_answered(&mut self, result: Result<Reply, ZkError>, out: &mut Out<'_>) {
        match &mut self.shell {
            Some(shell) if shell.result.is_none() => {
                shell.result = Some(result);
                shell.session.ask(1, Op::CloseSession);
            }
            _ => self.shell_ended(out),
        }
    }

    fn shell_ended(&mut self, out: &mut Out<'_>) {
        if let Some(mut shell) = self.shell.take() {
            if shell.result.is_none() {
                shell.session.end(out);
            }
            let result = shell.result.unwrap_or(Err(ZkError::ConnectionLoss));
            self.finish(shell.id, Ok(Answer::ZooKeeper(result)), out);
        }
    }

    /// A server of ZooKeeper has ended the connection: the shell tries each of them once.
    fn shell_lost(&mut self, peer: NodeId, out: &mut Out<'_>) {
        let Some(shell) = &mut self.shell else { return };
        shell.session.closed(peer, out);
        shell.tried += 1;
        if shell.result.is_some() || shell.tried > shell.session.servers() {
            self.shell_ended(out);
        }
    }

    fn pump_shell(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let shell = self.shell.as_mut()?;
        if shell.deadline <= out.now() {
            self.shell_ended(out);
            return None;
        }
        let deadline = shell.deadline;
        let (_, due) = shell.session.pump(out);
        Some(due.min(deadline))
    }

    fn answered(&mut self, id: RequestId, response: Option<Response>, out: &mut Out<'_>) {
        let Some(work) = self.work.get_mut(&id) else { return };
        work.under_way -= 1;
        match response.map(|response| work.job.take(response)) {
            Some(Ok(())) => {}
            Some(Err(error)) if !error.is_passing => return self.finish(id, Err(error.error), out),
            Some(Err(_)) | None => work.failed = true,
        }
        if work.under_way == 0 && work.failed {
            work.failed = false;
            work.retry_at = out.now() + self.core.retry_backoff(work.failures, out);
            work.failures += 1;
            work.job.job().again();
        }
    }

    fn pump(&mut self, out: &mut Out<'_>) {
        for id in self.core.expire(out) {
            self.answered(id, None, out);
        }
        self.core.pump(out);
        if self.core.metadata.is_known() && !self.is_ready {
            self.is_ready = true;
            out.emit(Event::ClientReady { client: self.core.name.clone() });
        }
        let ids: Vec<RequestId> = self.work.keys().copied().collect();
        let mut next: Option<Time> = self.pump_shell(out);
        for id in ids {
            let Some(work) = self.work.get_mut(&id) else { continue };
            if work.deadline <= out.now() && work.job.job().is_of_configs() {
                let error = client_error("java.util.concurrent.TimeoutException", "");
                self.finish(id, Err(error), out);
                continue;
            }
            if work.deadline <= out.now() {
                let sentence = format!(
                    "Timed out waiting for a node assignment. Call: {}",
                    work.job.job().call()
                );
                self.finish(id, Err(client_error("TimeoutException", sentence)), out);
                continue;
            }
            if work.under_way == 0 && work.retry_at <= out.now() {
                self.step_job(id, out);
            }
            if let Some(work) = self.work.get(&id) {
                let waits = work.under_way == 0 && work.retry_at > out.now();
                let at = if waits { work.retry_at.min(work.deadline) } else { work.deadline };
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        self.core.sleep(next, out);
    }

    /// Sends the next requests of a question, or answers it.
    fn step_job(&mut self, id: RequestId, out: &mut Out<'_>) {
        let Some(work) = self.work.get_mut(&id) else { return };
        match work.job.next_step() {
            Step::Done(result) => self.finish(id, result, out),
            Step::Send(requests) => {
                let mut ready = Vec::with_capacity(requests.len());
                for (target, request) in requests {
                    let node = match target {
                        Target::Any => self.core.any_node(out),
                        Target::Node(node) => self.core.connect(node, out).then_some(node),
                        Target::Nobody => None,
                    };
                    ready.extend(node.map(|node| (node, request)));
                }
                // All of them or none: what cannot be sent yet waits for its connection.
                if ready.len() == work.job.job().requests() {
                    work.under_way = ready.len();
                    for (node, request) in ready {
                        self.core.send(node, request, id, out);
                    }
                }
            }
        }
    }

    fn finish(&mut self, id: RequestId, result: Result<Answer, ApiError>, out: &mut Out<'_>) {
        self.work.remove(&id);
        out.emit(Event::Answered { request: id, answer: result });
    }
}
