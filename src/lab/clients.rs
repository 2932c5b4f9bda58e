//! What is done to a client while it lives: settings, places to read, where it is to die.

use super::act::{Acted, What, done, is_server, refused};
use super::command::ClientAct;
use super::outcome::LabError;
use super::session::Session;
use crate::kafka::command::CrashPoint;
use crate::kafka::event::{InHands, TopicPartition};
use crate::sim::{NodeId, Status};
use crate::{kafka, rabbit};

/// Refuses settings that the program of this process would refuse at its start.
pub(super) fn kafka_accepts(spec: &kafka::spec::Spec) -> Result<(), LabError> {
    kafka::config::check(spec).map_err(|error| LabError::Refused(error.sentence))
}

fn is_transactional(spec: &kafka::spec::Spec) -> bool {
    let kafka::spec::Spec::Producer(spec) = spec else { return false };
    spec.settings.contains_key("transactional.id")
}

/// The sentence of `SubscriptionState`, and what there is in its place.
fn no_assignment(name: &str, partition: &TopicPartition, assigned: &[TopicPartition]) -> String {
    let assigned: Vec<String> = assigned.iter().map(ToString::to_string).collect();
    let has = match assigned.is_empty() {
        true => "nothing is assigned to it now".to_owned(),
        false => format!("expected one of {}", assigned.join(", ")),
    };
    format!(
        "java.lang.IllegalStateException: No current assignment for partition {partition} \
         ({name}: {has})"
    )
}

impl Session {
    /// Refuses settings that no process of RabbitMQ understands, and nodes that are not there.
    pub(super) fn rabbit_accepts(&self, spec: &rabbit::spec::Spec) -> Result<(), LabError> {
        use rabbit::spec::Spec;
        rabbit::settings::check(spec).map_err(LabError::Refused)?;
        let settings = match spec {
            Spec::Publisher(spec) => &spec.settings,
            Spec::Consumer(spec) => &spec.settings,
            Spec::Broker { .. } | Spec::Admin => return Ok(()),
        };
        let hosts = settings.get("host").into_iter().flat_map(|hosts| hosts.split(','));
        let is_node =
            |name: &str| name.starts_with("rabbit-") && self.rabbit.world.id(name).is_some();
        match hosts.map(str::trim).find(|host| !is_node(host)) {
            Some(host) => Err(LabError::Refused(format!(
                "found {host}, expected nodes that are there, such as rabbit-1 (host)"
            ))),
            None => Ok(()),
        }
    }

    /// What becomes of a client.
    pub(super) fn act_client(&mut self, name: &str, act: &ClientAct) -> Acted {
        let (kafka, rabbit) = self.known(name, What::Client)?;
        if is_server(name) {
            return refused(format!("{name} is a server; `node {name} ...` acts on it"));
        }
        match act {
            ClientAct::Process(act) => return self.act_process(name, *act),
            ClientAct::Set { name: setting, value } => {
                self.lives(name)?;
                let (setting, value) = (setting.clone(), value.clone());
                let is_publishers = rabbit::settings::is_publishers(&setting);
                // A producer of both sides takes what either of them knows.
                let rabbit = rabbit.filter(|_| is_publishers || kafka.is_none());
                if let Some(id) = rabbit {
                    let spec = self.rabbit.spec(id);
                    let checked = rabbit::settings::check_live(spec, &setting, &value);
                    checked.map_err(LabError::Refused)?;
                }
                if let Some(id) = kafka.filter(|_| rabbit.is_none()) {
                    let mut spec = self.kafka.spec(id).clone();
                    if let Some(settings) = spec.settings_mut() {
                        settings.insert(setting.clone(), value.clone());
                    }
                    kafka_accepts(&spec)?;
                    let (name, value) = (setting.clone(), value.clone());
                    self.kafka.command(id, kafka::command::Command::Set { name, value });
                }
                if let Some(id) = rabbit {
                    self.rabbit.command(id, rabbit::command::Command::Set { name: setting, value });
                }
            }
            ClientAct::EndTransaction(commits) => {
                let command = kafka::command::Command::EndTransaction(*commits);
                match kafka.filter(|id| is_transactional(self.kafka.spec(*id))) {
                    Some(id) => {
                        self.lives(name)?;
                        self.kafka.command(id, command);
                    }
                    None => {
                        return refused(format!(
                            "{name} is no transactional producer; `producer --transaction N` makes one"
                        ));
                    }
                }
            }
            ClientAct::CrashAt(point) => {
                if let Some(id) = rabbit.filter(|_| kafka.is_none()) {
                    let point = self.reaches_in_rabbit(name, id, *point)?;
                    self.rabbit.command(id, rabbit::command::Command::CrashAt(point));
                    return done();
                }
                self.reaches(name, kafka, *point)?;
                let id = self.kafka_consumer(name, kafka)?;
                self.kafka.command(id, kafka::command::Command::CrashAt(*point));
            }
            ClientAct::Seek(partition, offset) => {
                let id = self.reads_by_offset(name, kafka)?;
                let assigned = self.kafka.assignment(id);
                if !assigned.contains(partition) {
                    return refused(no_assignment(name, partition, &assigned));
                }
                let command = kafka::command::Command::Seek(partition.clone(), *offset);
                self.kafka.command(id, command);
            }
            ClientAct::Commit(partition, offset) => {
                let id = self.reads_by_offset(name, kafka)?;
                let command = kafka::command::Command::Commit(partition.clone(), *offset);
                self.kafka.command(id, command);
            }
        }
        done()
    }

    /// Refuses a client that would hear nothing: what is dead takes no commands.
    fn lives(&self, name: &str) -> Result<(), LabError> {
        match self.has_ended(name) {
            true => refused(format!("{name} does not run; `client {name} start` starts it")),
            false => Ok(()),
        }
    }

    fn kafka_consumer(&self, name: &str, id: Option<NodeId>) -> Result<NodeId, LabError> {
        match id.filter(|id| matches!(self.kafka.spec(*id), kafka::spec::Spec::Consumer(_))) {
            Some(id) => Ok(id),
            None => refused(format!("{name} is no Kafka consumer: it has no offsets")),
        }
    }

    /// A consumer that lives and has a place of its own in each partition.
    fn reads_by_offset(&self, name: &str, id: Option<NodeId>) -> Result<NodeId, LabError> {
        let id = self.kafka_consumer(name, id)?;
        self.lives(name)?;
        match self.kafka.spec(id) {
            kafka::spec::Spec::Consumer(spec) if spec.is_share => refused(format!(
                "{name} is in a share group: its members acknowledge records and have no offsets; \
                 `kafka-share-groups --reset-offsets` moves the group"
            )),
            _ => Ok(id),
        }
    }

    /// A consumer is about to lose its memory.
    pub(super) fn note_memory_lost(&mut self, id: NodeId) {
        let held = self.kafka.in_hands(id);
        self.note_passed_over(id, &held);
    }

    /// A consumer dies with these in hands: those that its group has committed past are read by
    /// nobody any more.
    pub(super) fn note_passed_over(&mut self, id: NodeId, held: &[InHands]) {
        self.kafka
            .passed_over(id, held)
            .into_iter()
            .for_each(|message| self.ledger.passed_over(message));
    }

    /// The point of a RabbitMQ consumer, if it will ever reach it: a commit is an acknowledgement.
    fn reaches_in_rabbit(
        &self,
        name: &str,
        id: NodeId,
        point: CrashPoint,
    ) -> Result<rabbit::command::CrashPoint, LabError> {
        use rabbit::command::CrashPoint as Rabbit;
        if self.rabbit.world.status(id) != Status::Running {
            return refused(format!("{name} does not run: it can get nowhere"));
        }
        let rabbit::spec::Spec::Consumer(spec) = self.rabbit.spec(id) else {
            return refused(format!("{name} is no consumer: it reaches none of these points"));
        };
        match point {
            CrashPoint::Fetched => Ok(Rabbit::Fetched),
            CrashPoint::Processed => Ok(Rabbit::Processed),
            CrashPoint::Effect if spec.effect.is_none() => {
                refused(format!("{name} has no side effect; `consumer --effect NAME` gives it one"))
            }
            CrashPoint::Effect => Ok(Rabbit::Effect),
            CrashPoint::Written => refused(format!("{name} writes no results")),
            CrashPoint::Committed if spec.auto_ack => refused(format!("{name} never acknowledges")),
            CrashPoint::Committed => Ok(Rabbit::Committed),
        }
    }

    /// Refuses a point that a consumer will never reach.
    fn reaches(&self, name: &str, id: Option<NodeId>, point: CrashPoint) -> Result<(), LabError> {
        let Some(id) = id.filter(|id| self.kafka.world.status(*id) == Status::Running) else {
            return refused(format!("{name} does not run: it can get nowhere"));
        };
        let kafka::spec::Spec::Consumer(spec) = self.kafka.spec(id) else { return Ok(()) };
        match point {
            CrashPoint::Effect if spec.effect.is_none() => {
                refused(format!("{name} has no side effect; `consumer --effect NAME` gives it one"))
            }
            CrashPoint::Written
                if spec.to.is_none()
                    && !spec.settings.contains_key(kafka::config::consumer::TOPOLOGY) =>
            {
                refused(format!("{name} writes no results; `consumer --to TOPIC` makes it"))
            }
            CrashPoint::Committed if spec.commit == kafka::spec::CommitMode::Never => {
                refused(format!("{name} never commits"))
            }
            _ => Ok(()),
        }
    }
}
