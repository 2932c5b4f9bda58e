//! Settings that a broker is given while it runs (KIP-226): its own, and those that the cluster has
//! for all brokers. They lie in the metadata log, so they outlive the broker; over them only a
//! topic's own settings win, under them is what the broker was started with.
//!
//! Before KRaft they lie in `/config/brokers` ([`super::config_entities`]).

use super::channel::Purpose;
use super::server::{Call, Server};
use super::startup::topic_config;
use crate::kafka::command::ApiError;
use crate::kafka::config::BrokerConfig;
use crate::kafka::config::broker::{check_names, read_only};
use crate::kafka::error::ErrorCode;
use crate::kafka::message::response::BrokerSettings;
use crate::kafka::message::{Request, Response};
use crate::kafka::metadata::Resource;
use crate::kafka::process::Out;
use crate::kafka::spec::Settings;
use std::rc::Rc;

/// Settings with these changes.
pub(super) fn changed(mut settings: Settings, changes: &[(String, Option<String>)]) -> Settings {
    for (name, value) in changes {
        match value {
            Some(value) => drop(settings.insert(name.clone(), value.clone())),
            None => drop(settings.remove(name)),
        }
    }
    settings
}

impl Server {
    fn broker_settings(&self) -> BrokerSettings {
        BrokerSettings {
            own: self.image.broker_settings(Some(self.id)),
            default: self.image.broker_settings(None),
            fixed: self.config.fixed.clone(),
            quotas: self.image.quotas.clone(),
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
            && let Err(error) =
                self.check_dynamic(*broker, changed(self.image.broker_settings(*broker), &changes))
        {
            return call.answer(Response::IncrementalAlterConfigs(Err(error)), out);
        }
        let request = Request::IncrementalAlterConfigs { resource, changes };
        self.ask_controller(Purpose::Forward(call), request, out);
    }

    /// Says why a broker cannot be given these while it runs.
    pub(super) fn check_dynamic(
        &self,
        broker: Option<i32>,
        settings: Settings,
    ) -> Result<(), ApiError> {
        let refuse = |sentence: String| Err(ErrorCode::InvalidRequest.with(sentence));
        if let Some(id) = broker.filter(|id| *id != self.id) {
            return refuse(format!(
                "Unexpected broker id, expected {}, but received {id}",
                self.id
            ));
        }
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
        for (key, partition) in self.partitions.iter_mut() {
            let Some(topic) = self.image.topics.get(&key.topic) else { continue };
            partition.log.config = topic_config(&self.config, &key.topic, &topic.settings);
        }
    }
}
