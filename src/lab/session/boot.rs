//! How a lab begins: which processes there are, with what settings, and their boot.

use super::{KAFKA_ADMIN, RABBIT_ADMIN, Session, Stepped};
use crate::lab::clients::kafka_accepts;
use crate::lab::command::LabSpec;
use crate::lab::event_log::EventLog;
use crate::lab::history::History;
use crate::lab::latency::Latencies;
use crate::lab::ledger::Ledger;
use crate::lab::outcome::LabError;
use crate::ordered::BTreeMap;
use crate::sim::{CostModel, Status, Time};
use crate::{kafka, rabbit};
use std::rc::Rc;

/// Controllers have ids of their own: 3001, 3002, 3003.
const CONTROLLER_IDS: i32 = 3_000;

/// A boot takes a few hundred events; past this many something is wrong with the program.
const BOOT_STEPS_MAX: u64 = 1_000_000;

/// `controller.quorum.voters` of so many controllers.
fn voters(count: u32) -> String {
    let each = (1..=count).map(|number| {
        let id = CONTROLLER_IDS + number as i32;
        format!("{id}@controller-{number}:9093")
    });
    each.collect::<Vec<_>>().join(",")
}

impl Session {
    /// A fresh lab whose servers have booted.
    pub fn new(spec: &LabSpec) -> Result<Session, LabError> {
        let mut session = Session::empty(spec)?;
        for number in 1..=spec.rabbit_nodes {
            let settings = session.rabbit_cluster_settings();
            let broker = rabbit::spec::Spec::Broker { number, settings };
            session.rabbit_accepts(&broker)?;
            session.add_rabbit(&format!("rabbit-{number}"), broker);
        }
        session.add_rabbit(RABBIT_ADMIN, rabbit::spec::Spec::Admin);
        // A broker that is alone is its own controller.
        if spec.has_zookeeper() {
            for id in 1..=spec.controllers {
                let servers = spec.controllers;
                let settings = spec.ways();
                let server = kafka::spec::ZooKeeperSpec { id, servers, settings };
                let server = kafka::spec::Spec::ZooKeeper(server);
                session.add_kafka(&format!("zookeeper-{id}"), server);
            }
            session.boot_until(|session| session.kafka.is_ensemble_serving())?;
        }
        let controllers = if spec.has_zookeeper() { 0 } else { spec.controllers };
        for number in 1..=controllers {
            let mut settings = session.kafka_settings(&format!("controller-{number}"));
            if spec.controllers > 1 {
                settings.insert("controller.quorum.voters".to_owned(), voters(spec.controllers));
            }
            let id = CONTROLLER_IDS + number as i32;
            let controller = kafka::spec::ControllerSpec { id, settings };
            let spec = kafka::spec::Spec::Controller(controller);
            kafka_accepts(&spec)?;
            session.add_kafka(&format!("controller-{number}"), spec);
        }
        // Brokers are started when there is somebody to register with.
        session.boot_until(|session| {
            controllers == 0 || session.kafka.active_controller().is_some()
        })?;
        for number in 1..=spec.kafka_brokers {
            let settings = session.kafka_settings(&format!("kafka-{number}"));
            let broker = kafka::spec::BrokerSpec { id: number as i32, settings };
            let broker = kafka::spec::Spec::Broker(broker);
            kafka_accepts(&broker)?;
            session.add_kafka(&format!("kafka-{number}"), broker);
        }
        // The tools come when there is somebody to ask.
        if spec.controllers > 0 {
            session.boot()?;
        }
        session.add_kafka(KAFKA_ADMIN, kafka::spec::Spec::Admin);
        session.boot()?;
        Ok(session)
    }

    /// Both worlds without a process.
    pub(in crate::lab) fn empty(spec: &LabSpec) -> Result<Session, LabError> {
        let cost = CostModel::preset(&spec.cost).ok_or_else(|| {
            let known: Vec<&str> =
                crate::sim::cost::PRESETS.iter().map(|(name, _)| *name).collect();
            let known = known.join(", ");
            LabError::Refused(format!("there is no cost preset {}; there are {known}", spec.cost))
        })?;
        let is_server = |name: &str| name.starts_with("kafka-") || name.starts_with("controller-");
        let owners = spec.settings.keys().filter_map(|name| name.split_once(':'));
        if let Some((owner, name)) = owners.into_iter().find(|(owner, _)| !is_server(owner)) {
            return Err(LabError::Refused(format!(
                "{owner}:{name} is no setting: kafka-1, controller-1 and the like have their own"
            )));
        }
        if spec.controllers == 0 && spec.kafka_brokers > 1 {
            return Err(LabError::Refused("several brokers need a controller".into()));
        }
        Ok(Session {
            spec: Rc::new(spec.clone()),
            kafka: kafka::Cluster::new(spec.seed, cost.clone()),
            rabbit: rabbit::Cluster::new(spec.seed, cost),
            now: Time::ZERO,
            steps: 0,
            acts: 0,
            workloads: BTreeMap::new(),
            order: Vec::new(),
            next_message: 0,
            next_request: 0,
            events: EventLog::default(),
            by_lab: "lab".into(),
            ledger: Ledger::new(spec.controllers > 0),
            history: History::default(),
            latencies: Latencies::default(),
            readers: BTreeMap::new(),
            consoles: BTreeMap::new(),
            told: (Vec::new(), Vec::new()),
        })
    }

    /// Settings of `lab new --set` that belong to a server of Kafka: those of all, and over them
    /// those of its own, `kafka-1:broker.rack=a`.
    pub(in crate::lab) fn kafka_settings(&self, server: &str) -> kafka::spec::Settings {
        let all = || self.spec.settings.iter().filter(|(name, _)| !is_rabbits(name));
        let common = all().filter(|(name, _)| !name.contains(':'));
        let own = all().filter_map(|(name, value)| {
            let (of, name) = name.split_once(':')?;
            (of == server).then_some((name, value))
        });
        let mut settings: kafka::spec::Settings =
            common.map(|(name, value)| (name.clone(), value.clone())).collect();
        settings.extend(own.map(|(name, value)| (name.to_owned(), value.clone())));
        settings
    }

    fn rabbit_settings(&self) -> rabbit::spec::Settings {
        let all = self.spec.settings.iter().filter(|(name, _)| is_rabbits(name));
        let profile = ("profile".to_owned(), self.spec.rabbit_version.clone());
        let all = all.map(|(name, value)| (name.clone(), value.clone()));
        all.chain([profile]).chain(self.spec.rabbit_ways()).collect()
    }

    /// The settings of a node, and how many there were at the beginning.
    pub(in crate::lab) fn rabbit_cluster_settings(&self) -> rabbit::spec::Settings {
        let mut settings = self.rabbit_settings();
        if self.spec.rabbit_nodes > 1 {
            let size = self.spec.rabbit_nodes.to_string();
            settings.insert(rabbit::broker::nodes::CLUSTER_SIZE.to_owned(), size);
        }
        settings
    }

    /// Lets time pass until every server and both tools are ready.
    pub(in crate::lab) fn boot(&mut self) -> Result<(), LabError> {
        self.boot_until(Session::is_booted)
    }

    fn boot_until(&mut self, done: impl Fn(&Session) -> bool) -> Result<(), LabError> {
        for _ in 0..BOOT_STEPS_MAX {
            if done(self) {
                return Ok(());
            }
            match self.step() {
                Stepped::Ran => {}
                Stepped::Idle => break,
                Stepped::Need(_) => {
                    return Err(LabError::NotReached("a boot met an absent block".into()));
                }
            }
        }
        match done(self) {
            true => Ok(()),
            false => Err(LabError::NotReached("the servers did not finish their boot".into())),
        }
    }

    /// True once every server that is meant to run serves.
    pub fn is_booted(&self) -> bool {
        let kafka = &self.kafka;
        let rabbit = &self.rabbit;
        kafka.world.ids().all(|id| {
            kafka.world.status(id) != Status::Running
                || !matches!(
                    kafka.spec(id),
                    kafka::spec::Spec::Broker(_)
                        | kafka::spec::Spec::Controller(_)
                        | kafka::spec::Spec::ZooKeeper(_)
                        | kafka::spec::Spec::Admin
                )
                || kafka.is_ready(id)
        }) && rabbit.world.ids().all(|id| {
            rabbit.world.status(id) != Status::Running
                || !matches!(
                    rabbit.spec(id),
                    rabbit::spec::Spec::Broker { .. } | rabbit::spec::Spec::Admin
                )
                || rabbit.is_ready(id)
        })
    }
}

/// The real names of Kafka's settings have dots and no low lines.
fn is_rabbits(setting: &str) -> bool {
    setting.contains('_') || !setting.contains('.')
}
