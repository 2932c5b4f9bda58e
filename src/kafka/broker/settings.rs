//! Settings that a broker is given while it runs (KIP-226): its own, and those that the cluster has
//! for all brokers. They lie in the metadata log, so they outlive the broker; over them only a
//! topic's own settings win, under them is what the broker was started with.
//!
//! Before KRaft they lie in `/config/brokers`: the broker that is asked writes them there itself,
//! and a notification in `/config/changes`, which every broker watches.

use super::channel::Purpose;
use super::registry::Task;
use super::server::{Call, Server};
use super::startup::topic_config;
use super::znodes;
use crate::kafka::command::ApiError;
use crate::kafka::config::BrokerConfig;
use crate::kafka::config::broker::{check_names, read_only};
use crate::kafka::error::ErrorCode;
use crate::kafka::message::response::BrokerSettings;
use crate::kafka::message::{Request, Response};
use crate::kafka::metadata::{MetadataRecord, Resource};
use crate::kafka::process::Out;
use crate::kafka::spec::Settings;
use crate::kafka::zookeeper::{Op, ZkError};
use bytes::Bytes;
use std::rc::Rc;

impl Server {
    fn broker_settings(&self) -> BrokerSettings {
        BrokerSettings {
            own: self.image.broker_settings(Some(self.id)),
            default: self.image.broker_settings(None),
            fixed: self.config.fixed.clone(),
            quotas: self.image.client_quotas.clone(),
        }
    }

    pub(super) fn describe_configs(&self, call: &Call, topics: Vec<Rc<str>>, out: &mut Out<'_>) {
        let described = topics.into_iter().filter_map(|name| {
            let settings = self.image.topics.get(&name)?.settings.clone();
            Some((name, settings))
        });
        let described = described.collect();
        let own = Box::new(self.broker_settings());
        call.answer(Response::DescribeConfigs(own, described), out);
    }

    /// Looks whether a change can be made while brokers run, and hands it on.
    pub(super) fn alter_configs(
        &mut self,
        call: Call,
        resource: Resource,
        changes: Vec<(String, Option<String>)>,
        out: &mut Out<'_>,
    ) {
        if let Resource::Broker(broker) = &resource
            && let Err(error) = self.check_dynamic(*broker, &changes)
        {
            return call.answer(Response::IncrementalAlterConfigs(Err(error)), out);
        }
        let request = Request::IncrementalAlterConfigs { resource, changes };
        self.ask_controller(Purpose::Forward(call), request, out);
    }

    /// The same in the ZooKeeper era: what is all right is written.
    pub(super) fn alter_in_zookeeper(
        &mut self,
        call: Call,
        broker: Option<i32>,
        changes: &[(String, Option<String>)],
        out: &mut Out<'_>,
    ) {
        if let Err(error) = self.check_dynamic(broker, changes) {
            return call.answer(Response::IncrementalAlterConfigs(Err(error)), out);
        }
        let text = znodes::config_text(&self.changed(broker, changes));
        let Some(registry) = self.registry() else { return };
        let op = Op::SetData {
            path: znodes::broker_config(broker),
            data: Bytes::from(text.clone()),
            version: -1,
        };
        registry.ask(Task::BrokerWrite(Box::new((call, broker, text))), op);
    }

    /// The settings of a broker are written, or there is no znode of them yet.
    pub(super) fn broker_config_written(
        &mut self,
        (call, broker, text): (Call, Option<i32>, String),
        result: Result<(), ZkError>,
        out: &mut Out<'_>,
    ) {
        let path = znodes::broker_config(broker);
        let Some(registry) = self.registry() else { return };
        match result {
            Ok(()) => {
                let op = Op::Create {
                    path: format!("{}/config_change_", znodes::CONFIG_CHANGES).into(),
                    data: Bytes::from(znodes::broker_change_text(broker)),
                    ephemeral: false,
                    sequential: true,
                };
                registry.ask(Task::Quiet, op);
                call.answer(Response::IncrementalAlterConfigs(Ok(())), out);
            }
            Err(ZkError::NoNode) => {
                let op = znodes::create(path, text.clone(), false);
                registry.ask(Task::BrokerWrite(Box::new((call, broker, text))), op);
            }
            // The client asks again.
            Err(_) => out.close(call.from),
        }
    }

    /// What `/config/brokers` has for this broker, or for all of them.
    pub(super) fn take_broker_config(
        &mut self,
        broker: Option<i32>,
        settings: Settings,
        out: &mut Out<'_>,
    ) {
        let known = self.image.broker_settings(broker);
        let gone = known.keys().filter(|name| !settings.contains_key(*name));
        let gone: Vec<(String, Option<String>)> = gone.map(|name| (name.clone(), None)).collect();
        let set = settings.into_iter().map(|(name, value)| (name, Some(value)));
        let records = set.chain(gone).map(|(name, value)| MetadataRecord::Config {
            resource: Resource::Broker(broker),
            name,
            value,
        });
        self.apply(&records.collect::<Vec<_>>(), out);
    }

    /// What a broker was given, with these changes.
    fn changed(&self, broker: Option<i32>, changes: &[(String, Option<String>)]) -> Settings {
        let mut settings = self.image.broker_settings(broker);
        for (name, value) in changes {
            match value {
                Some(value) => drop(settings.insert(name.clone(), value.clone())),
                None => drop(settings.remove(name)),
            }
        }
        settings
    }

    fn check_dynamic(
        &self,
        broker: Option<i32>,
        changes: &[(String, Option<String>)],
    ) -> Result<(), ApiError> {
        let refuse = |sentence: String| Err(ErrorCode::InvalidRequest.with(sentence));
        if let Some(id) = broker.filter(|id| *id != self.id) {
            return refuse(format!(
                "Unexpected broker id, expected {}, but received {id}",
                self.id
            ));
        }
        let settings = self.changed(broker, changes);
        check_names(&settings).or_else(|error| refuse(error.sentence))?;
        let fixed: Vec<&str> = settings.keys().filter(|n| read_only(n)).map(|n| &**n).collect();
        if !fixed.is_empty() {
            return refuse(format!(
                "Cannot update these configs dynamically: Set({})",
                fixed.join(", ")
            ));
        }
        let mut all = self.broker_settings();
        match broker {
            Some(_) => all.own = settings,
            None => all.default = settings,
        }
        BrokerConfig::of(&all.merged()).map(drop).or_else(|error| refuse(error.sentence))
    }

    /// The metadata log has other settings for this broker.
    pub(super) fn reconfigure(&mut self) {
        let BrokerSettings { fixed, .. } = self.broker_settings();
        let Ok(config) = BrokerConfig::of(&self.broker_settings().merged()) else { return };
        self.config = Rc::new(BrokerConfig { fixed, ..config });
        for (key, partition) in &mut self.partitions {
            let Some(topic) = self.image.topics.get(&key.topic) else { continue };
            partition.log.config = topic_config(&self.config, &key.topic, &topic.settings);
        }
    }
}
