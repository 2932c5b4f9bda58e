//! What brokers and clients are given while they run, as it lay in ZooKeeper: `/config/brokers/N`,
//! `/config/clients/NAME`, `/config/users/NAME`, `/config/users/NAME/clients/NAME`, and under
//! `<default>` what all of them have (`AdminZkClient.scala`, `ZkAdminManager.scala`).
//!
//! The broker that is asked writes there itself, and a notification in `/config/changes`, which
//! every broker watches. Quotas in bytes are kept as whole numbers; who has none left loses its
//! znode unless others lie below it, and with the last pair of a user goes what lies above it
//! (`tryCleanQuotaNodes`).

use super::registry::{Registry, Task};
use super::server::{Call, Server};
use super::settings::changed;
use super::znodes;
use crate::kafka::command::ApiError;
use crate::kafka::error::ErrorCode;
use crate::kafka::message::Response;
use crate::kafka::metadata::client_quota::{QuotaEntity, REQUEST_PERCENTAGE, java_double};
use crate::kafka::metadata::{MetadataRecord, Resource};
use crate::kafka::process::Out;
use crate::kafka::spec::Settings;
use crate::kafka::zookeeper::{Op, Reply, ZkError};
use bytes::Bytes;
use std::rc::Rc;

/// How far from a whole number a quota may be.
const EPSILON: f64 = 1e-6;

type Change = (String, Option<String>);

/// Quotas as the znode has them: bytes are whole.
fn whole(changes: Vec<Change>) -> Result<Vec<Change>, ApiError> {
    let each = changes.into_iter().map(|(name, value)| {
        let Some(text) = value else { return Ok((name, None)) };
        let number = text.parse::<f64>().unwrap_or_default();
        if name == REQUEST_PERCENTAGE {
            return Ok((name, Some(java_double(number))));
        }
        let whole = (number + EPSILON) as i64;
        if (whole as f64 - number).abs() > EPSILON {
            let sentence = format!("Configuration {name} must be a LONG value");
            return Err(ErrorCode::InvalidRequest.with(sentence));
        }
        Ok((name, Some(whole.to_string())))
    });
    each.collect()
}

/// Where the clients of a user lie.
fn clients_of(user: &str) -> Rc<str> {
    format!("{user}/clients").into()
}

impl Registry {
    /// Asks whose quotas lie below a path.
    pub(super) fn ask_quota_names(&mut self, path: Rc<str>) {
        let task = Task::QuotaNames(path.clone());
        self.ask(task, Op::GetChildren { path, watch: false });
    }

    /// It is known whose they are: asks for them, and for those of the clients of users.
    pub(super) fn ask_quotas(&mut self, path: &str, names: &[Rc<str>]) {
        for name in names {
            let path = format!("{path}/{name}");
            let of = path.strip_prefix("/config/").and_then(znodes::quota_entity);
            let Some(of) = of else { continue };
            if of.client.is_none() {
                self.ask_quota_names(format!("{path}/clients").into());
            }
            self.ask_given(Resource::Quota(of));
        }
    }

    /// A pair has no quotas any more: its user goes too if that has none and no other pair.
    pub(super) fn clean_user(&mut self, path: Rc<str>, data: &[u8], version: i32) {
        if znodes::config_of(data).is_empty() {
            self.ask(Task::Quiet, Op::Delete { path, version });
        }
    }

    /// Asks for what was given to brokers or clients.
    pub(super) fn ask_given(&mut self, of: Resource) {
        let path = znodes::config(&of);
        self.ask(Task::Given(of), Op::GetData { path, watch: false });
    }
}

impl Server {
    /// Somebody wants to give brokers or clients something else: what they have is read first.
    pub(super) fn alter_given(&mut self, call: Call, of: Resource, changes: Vec<Change>) {
        let path = znodes::config(&of);
        let Some(registry) = self.registry() else { return };
        let task = Task::GivenBefore(Box::new((call, of, changes)));
        registry.ask(task, Op::GetData { path, watch: false });
    }

    /// It is known what they have: what is all right is written.
    pub(super) fn change_given(
        &mut self,
        (call, of, changes): (Call, Resource, Vec<Change>),
        found: Result<Reply, ZkError>,
        out: &mut Out<'_>,
    ) {
        let before = match found {
            Ok(Reply::Data(data, _)) => znodes::config_of(&data),
            Err(ZkError::NoNode) => Settings::new(),
            // The client asks again.
            _ => return out.close(call.from),
        };
        let checked = match &of {
            Resource::Quota(_) => whole(changes).map(|changes| changed(before, &changes)),
            Resource::Broker(broker) => {
                let settings = changed(before, &changes);
                self.check_dynamic(*broker, settings.clone()).map(|()| settings)
            }
            Resource::Topic(_) => return,
        };
        let settings = match checked {
            Ok(settings) => settings,
            Err(error) => {
                return call.answer(Response::IncrementalAlterConfigs(Err(error)), out);
            }
        };
        let (path, version) = (znodes::config(&of), -1);
        let goes = settings.is_empty() && !matches!(of, Resource::Broker(_));
        let text = (!goes).then(|| znodes::config_text(&settings));
        let op = match &text {
            Some(text) => Op::SetData { path, data: Bytes::from(text.clone()), version },
            None => Op::Delete { path, version },
        };
        let Some(registry) = self.registry() else { return };
        registry.ask(Task::GivenWrite(Box::new((call, of, text))), op);
    }

    /// It is written, or there is no znode of it yet.
    pub(super) fn given_written(
        &mut self,
        (call, of, text): (Call, Resource, Option<String>),
        result: Result<Reply, ZkError>,
        out: &mut Out<'_>,
    ) {
        let Some(registry) = self.registry() else { return };
        let path = znodes::config(&of);
        let above = of.above().map(|user| znodes::config(&user));
        match (result, text) {
            (Err(ZkError::NoNode), Some(text)) => {
                for path in above.iter().flat_map(|user| [user.clone(), clients_of(user)]) {
                    registry.ask(Task::Quiet, znodes::create(path, Bytes::new(), false));
                }
                let op = znodes::create(path, text.clone(), false);
                registry.ask(Task::GivenWrite(Box::new((call, of, Some(text)))), op);
            }
            // Pairs lie below it.
            (Err(ZkError::NotEmpty), None) => {
                let text = znodes::config_text(&Settings::new());
                let data = Bytes::from(text.clone());
                let task = Task::GivenWrite(Box::new((call, of, Some(text))));
                registry.ask(task, Op::SetData { path, data, version: -1 });
            }
            (Ok(_), text) | (Err(ZkError::NoNode), text) => {
                if let Some(user) = above.filter(|_| text.is_none()) {
                    let path = clients_of(&user);
                    registry.ask(Task::Quiet, Op::Delete { path, version: -1 });
                    let op = Op::GetData { path: user.clone(), watch: false };
                    registry.ask(Task::User(user), op);
                }
                registry.ask(Task::Quiet, znodes::config_change(&of));
                call.answer(Response::IncrementalAlterConfigs(Ok(())), out);
            }
            // The client asks again.
            (Err(_), _) => out.close(call.from),
        }
    }

    /// Asks again for the quotas that it knows: they may be gone.
    pub(super) fn ask_known_quotas(&mut self) {
        let known: Vec<QuotaEntity> = self.image.quotas.keys().cloned().collect();
        let Some(registry) = self.registry() else { return };
        known.into_iter().for_each(|of| registry.ask_given(Resource::Quota(of)));
    }

    /// What this broker, all brokers, or clients were given.
    pub(super) fn take_given(
        &mut self,
        of: Resource,
        found: Result<Reply, ZkError>,
        out: &mut Out<'_>,
    ) {
        let mut settings = match found {
            Ok(Reply::Data(data, _)) => znodes::config_of(&data),
            Err(ZkError::NoNode) => Settings::new(),
            _ => return,
        };
        let known = match &of {
            Resource::Broker(broker) => self.image.broker_settings(*broker),
            Resource::Quota(of) => {
                for (_, value) in &mut settings {
                    *value = java_double(value.parse().unwrap_or_default());
                }
                self.image.quotas(of)
            }
            Resource::Topic(_) => return,
        };
        let gone = known.keys().filter(|name| !settings.contains_key(*name));
        let gone: Vec<Change> = gone.map(|name| (name.clone(), None)).collect();
        let set = settings.into_iter().map(|(name, value)| (name, Some(value)));
        let records = set.chain(gone).map(|(name, value)| MetadataRecord::Config {
            resource: of.clone(),
            name,
            value,
        });
        self.apply(&records.collect::<Vec<_>>(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_kept_whole() {
        let change = |text: &str| vec![("producer_byte_rate".to_owned(), Some(text.to_owned()))];
        assert_eq!(whole(change("2.0E7")), Ok(change("20000000")));
        let refused = whole(change("0.5")).map_err(|error| error.sentence);
        let sentence = "Configuration producer_byte_rate must be a LONG value";
        assert_eq!(refused, Err(sentence.to_owned()));
    }
}
