//! What the controller reads for each affair, and what it makes of it.

use super::{Affair, Elected};
use crate::kafka::broker::znodes;
use crate::kafka::event::TopicPartition;
use crate::kafka::metadata::records::Resource;
use crate::kafka::metadata::{BrokerImage, Image, MetadataRecord, PartitionImage};
use crate::kafka::ways::Ways;
use crate::kafka::zookeeper::{Op, Reply};
use crate::ordered::BTreeMap;
use std::rc::Rc;

type Read = (Rc<str>, Op);

fn children(path: &str) -> Read {
    (path.into(), Op::GetChildren { path: path.into(), watch: true })
}

fn data(path: Rc<str>, watch: bool) -> Read {
    (path.clone(), Op::GetData { path, watch })
}

/// The topics that are to go; from now on it is heard of when reassignments are asked for by hand.
fn deletions() -> Read {
    let (path, made) = (znodes::DELETIONS.into(), znodes::REASSIGNMENTS.into());
    (znodes::DELETIONS.into(), Op::GetChildrenAnd { path, made })
}

/// Whether another controller was elected.
fn epoch() -> Read {
    let path: Rc<str> = znodes::CONTROLLER_EPOCH.into();
    (path.clone(), Op::Exists { path, watch: false })
}

fn states(image: &Image, wants: impl Fn(&TopicPartition, &PartitionImage) -> bool) -> Vec<Read> {
    let all = image.partitions().filter(|(key, partition)| wants(key, partition));
    all.map(|(key, _)| data(znodes::state(&key), false)).collect()
}

/// The states of partitions of which one of these brokers has a replica.
fn states_with(image: &Image, brokers: &[i32]) -> Vec<Read> {
    states(image, |_, partition| brokers.iter().any(|id| partition.replicas.contains(id)))
}

impl Elected {
    fn states(&self, wants: impl Fn(&TopicPartition, &PartitionImage) -> bool) -> Vec<Read> {
        states(&self.image, wants)
    }

    /// What is read first.
    pub(super) fn reads_of(&self, affair: &Affair) -> Vec<Read> {
        match affair {
            Affair::Begin => {
                [znodes::BROKER_IDS, znodes::TOPICS, znodes::TOPIC_CONFIGS, znodes::ISR_CHANGES]
                    .into_iter()
                    .map(children)
                    .chain([deletions()])
                    .collect()
            }
            Affair::Brokers => vec![epoch(), children(znodes::BROKER_IDS)],
            Affair::Topics => vec![children(znodes::TOPICS)],
            Affair::Deletions => vec![children(znodes::DELETIONS)],
            Affair::IsrChanges => vec![children(znodes::ISR_CHANGES)],
            Affair::Grown(topic) => vec![data(znodes::topic(topic), true)],
            Affair::Again(partitions) => {
                let states = partitions.iter().map(|key| data(znodes::state(key), false));
                states.chain([epoch()]).collect()
            }
            // Leaders may have written them since: what is decided rests on what stands there.
            Affair::Shutdown(_, broker, _) => {
                self.states(|_, partition| partition.isr.contains(broker))
            }
            Affair::Elect(_, _, Some(wanted)) => self.states(|key, _| wanted.contains(key)),
            Affair::Elect(_, _, None) | Affair::Balance => self.states(|_, _| true),
            // Each new ISR of one that moves may be the last that was waited for.
            Affair::Move { partitions, .. } | Affair::Moved(partitions) => {
                partitions.iter().map(|key| data(znodes::state(key), true)).collect()
            }
            // A watch on what is not there yet: the data is read behind it.
            Affair::ByHand => {
                let path: Rc<str> = znodes::REASSIGNMENTS.into();
                vec![(path.clone(), Op::Exists { path, watch: true })]
            }
            Affair::Strike(_) => vec![data(znodes::REASSIGNMENTS.into(), false)],
            Affair::ProducerIds(..) => vec![data(znodes::PRODUCER_IDS.into(), false)],
            _ => Vec::new(),
        }
    }
}

/// What is read next when this was found.
pub(super) fn reads_behind(
    image: &Image,
    (affair, ways): (&Affair, Ways),
    path: &str,
    reply: &Reply,
) -> Vec<Read> {
    let looks_again = matches!(affair, Affair::Brokers) && !ways.hears_half;
    let below = |name: &str| -> Rc<str> { format!("{path}/{name}").into() };
    match reply {
        Reply::Children(names, _) => match path {
            znodes::BROKER_IDS => {
                let lives = names.iter().map(|name| data(below(name), false));
                // Leaders may have written ISRs since with those who are gone now.
                let known = image.brokers.keys().filter(|_| looks_again);
                let is_there = |id: &i32| names.iter().any(|name| name.parse() == Ok(*id));
                let gone: Vec<i32> = known.copied().filter(|id| !is_there(id)).collect();
                lives.chain(states_with(image, &gone)).collect()
            }
            znodes::TOPICS => {
                let fresh = names.iter().filter(|name| !image.topics.contains_key(*name));
                let all = fresh.flat_map(|name| {
                    let config = data(znodes::topic_config(name), false);
                    let config = (!matches!(affair, Affair::Begin)).then_some(config);
                    [Some(data(below(name), true)), config]
                });
                all.flatten().collect()
            }
            znodes::TOPIC_CONFIGS | znodes::ISR_CHANGES => {
                names.iter().map(|name| data(below(name), false)).collect()
            }
            _ => Vec::new(),
        },
        Reply::Stat(_) if path == znodes::REASSIGNMENTS => vec![data(path.into(), false)],
        Reply::Data(bytes, stat) => {
            let Some((above, name)) = path.rsplit_once('/') else { return Vec::new() };
            match above {
                znodes::BROKER_IDS if looks_again => {
                    let anew = name.parse().ok().filter(|id| {
                        image.brokers.get(id).is_some_and(|known| known.epoch != stat.czxid)
                    });
                    anew.map_or_else(Vec::new, |id| states_with(image, &[id]))
                }
                // Its states: of a topic that is new there are none.
                znodes::TOPICS if matches!(affair, Affair::Begin) => {
                    let partitions = znodes::topic_of(bytes).map_or(0, |(_, all)| all.len());
                    let keys =
                        (0..partitions as i32).map(|number| TopicPartition::new(name, number));
                    keys.map(|key| data(znodes::state(&key), false)).collect()
                }
                znodes::ISR_CHANGES => {
                    let keys = znodes::isr_change_of(bytes);
                    keys.iter().map(|key| data(znodes::state(key), false)).collect()
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// What was found.
pub type Found = BTreeMap<Rc<str>, Reply>;

/// The names that were found below a path.
pub fn names<'a>(found: &'a Found, path: &str) -> &'a [Rc<str>] {
    match found.get(path) {
        Some(Reply::Children(names, _)) => names,
        _ => &[],
    }
}

/// The brokers that were found.
pub fn brokers(found: &Found) -> BTreeMap<i32, BrokerImage> {
    let all = names(found, znodes::BROKER_IDS).iter().filter_map(|name| {
        let id = name.parse().ok()?;
        match found.get(&znodes::broker(id)) {
            Some(Reply::Data(data, stat)) => Some((id, znodes::broker_of(data, stat.czxid)?)),
            _ => None,
        }
    });
    all.collect()
}

/// A topic that was found, without leaders, as a broker learns it that never heard of it.
pub fn learn_topic(image: &mut Image, found: &Found, name: &Rc<str>) -> usize {
    let Some(Reply::Data(data, _)) = found.get(&znodes::topic(name)) else { return 0 };
    let Some((id, partitions)) = znodes::topic_of(data) else { return 0 };
    if !image.topics.contains_key(name) {
        if let Some(Reply::Data(data, _)) = found.get(&znodes::topic_config(name)) {
            for (setting, value) in znodes::config_of(data) {
                let (resource, value) = (Resource::Topic(name.to_string()), Some(value));
                image.apply(&MetadataRecord::Config { resource, name: setting, value });
            }
        }
        image.apply(&MetadataRecord::Topic { name: name.to_string(), id });
    }
    let count = partitions.len();
    for (number, partition) in partitions.into_iter().enumerate() {
        let key = TopicPartition { topic: name.clone(), partition: number as i32 };
        if image.partition(&key).is_none() {
            image.set_partition(&key, partition);
        }
    }
    count
}

/// The states that were found; gives the partitions of which it was another one, with what was
/// known before.
pub fn learn_states(image: &mut Image, found: &Found) -> Vec<(TopicPartition, PartitionImage)> {
    let mut changed = Vec::new();
    for (path, reply) in found {
        let (Some(key), Reply::Data(data, stat)) = (znodes::partition_of(path), reply) else {
            continue;
        };
        let Some(known) = image.partition(&key) else { continue };
        let Some((leader, leader_epoch, isr)) = znodes::state_of(data) else { continue };
        if known.partition_epoch != stat.version {
            let (before, partition_epoch) = (known.clone(), stat.version);
            let state =
                PartitionImage { leader, leader_epoch, isr, partition_epoch, ..before.clone() };
            image.set_partition(&key, state);
            changed.push((key, before));
        }
    }
    changed
}
