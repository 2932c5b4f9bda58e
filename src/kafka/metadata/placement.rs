//! Where the replicas of new partitions go.
//!
//! KRaft controllers stripe: consecutive partitions begin at consecutive brokers, racks take
//! turns, and after a round everything is shuffled ([`striped`]). Controllers of the ZooKeeper era
//! and the tools go round with a start index and a shift ([`shifted`]).

use crate::kafka::command::ApiError;
use crate::kafka::error::ErrorCode;
use crate::ordered::{BTreeMap, Order};

/// A broker that may hold replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `node.id`.
    pub id: i32,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// A fenced broker gets replicas where there are not enough others, and never leads.
    pub fenced: bool,
}

/// Gives a number from 0 up to below its argument.
pub type Draw<'a> = &'a mut dyn FnMut(usize) -> usize;

/// `Collections.shuffle` of Java.
fn shuffle<T>(list: &mut [T], draw: Draw<'_>) {
    for end in (1..list.len()).rev() {
        list.swap(end, draw(end + 1));
    }
}

/// Brokers that are taken in turn from an offset on, which moves by one with each partition.
#[derive(Default)]
struct Ring {
    ids: Vec<i32>,
    partition: usize,
    offset: usize,
    taken: usize,
}

impl Ring {
    fn start(&mut self, draw: Draw<'_>) {
        self.ids.order();
        if !self.ids.is_empty() {
            self.offset = draw(self.ids.len());
        }
    }

    /// The next one for this partition; `None` once all had their turn.
    fn next(&mut self, partition: usize) -> Option<i32> {
        if self.ids.is_empty() {
            return None;
        }
        if self.partition != partition {
            (self.partition, self.taken) = (partition, 0);
            self.offset = (self.offset + 1) % self.ids.len();
        }
        if self.taken >= self.ids.len() {
            return None;
        }
        self.taken += 1;
        Some(self.ids[(self.offset + self.taken - 1) % self.ids.len()])
    }
}

#[derive(Default)]
struct Rack {
    unfenced: Ring,
    fenced: Ring,
}

impl Rack {
    fn place(&mut self, partition: usize) -> Option<i32> {
        self.unfenced.next(partition).or_else(|| self.fenced.next(partition))
    }
}

/// The racks in their present order, and which one begins.
struct Racks {
    all: BTreeMap<Option<String>, Rack>,
    names: Vec<Option<String>>,
    offset: usize,
    partition: usize,
    unfenced: usize,
}

impl Racks {
    fn new(brokers: &[Candidate], draw: Draw<'_>) -> Racks {
        let mut all = BTreeMap::<Option<String>, Rack>::new();
        for broker in brokers {
            let rack = all.entry(broker.rack.clone()).or_default();
            let ring = if broker.fenced { &mut rack.fenced } else { &mut rack.unfenced };
            ring.ids.push(broker.id);
        }
        for rack in all.values_mut() {
            rack.fenced.start(draw);
            rack.unfenced.start(draw);
        }
        let names: Vec<_> = all.keys().cloned().collect();
        let offset = draw(names.len());
        let unfenced = brokers.iter().filter(|broker| !broker.fenced).count();
        Racks { all, names, offset, partition: 0, unfenced }
    }

    fn rack(&mut self, index: usize) -> &mut Rack {
        let name = &self.names[index % self.names.len()];
        self.all.get_mut(name).expect("every name has a rack")
    }

    fn place(&mut self, factor: usize, draw: Draw<'_>) -> Vec<i32> {
        if self.unfenced > 1 && self.partition == self.unfenced {
            shuffle(&mut self.names, draw);
            for rack in self.all.values_mut() {
                shuffle(&mut rack.fenced.ids, draw);
                shuffle(&mut rack.unfenced.ids, draw);
            }
            self.partition = 0;
        }
        let partition = self.partition;
        self.partition += 1;
        let first = self.offset % self.names.len();
        self.offset = first + 1;
        let mut replicas = Vec::with_capacity(factor);
        // The leader comes from the first rack that has a broker that is not fenced.
        let mut passed_over = None;
        for index in first..first + self.names.len() {
            if let Some(leader) = self.rack(index).unfenced.next(partition) {
                replicas.push(leader);
                passed_over = Some(index % self.names.len());
                break;
            }
        }
        let mut index = first;
        while replicas.len() < factor {
            let at = index % self.names.len();
            index += 1;
            if passed_over == Some(at) {
                passed_over = None;
                continue;
            }
            replicas.extend(self.rack(at).place(partition));
        }
        replicas
    }
}

/// Striped placement (KRaft): the replicas of each partition, the preferred leader first.
pub fn striped(
    brokers: &[Candidate],
    partitions: usize,
    factor: i16,
    draw: Draw<'_>,
) -> Result<Vec<Vec<i32>>, ApiError> {
    let refuse = |sentence: String| Err(ErrorCode::InvalidReplicationFactor.with(sentence));
    if factor <= 0 {
        return refuse(format!(
            "Invalid replication factor {factor}: the replication factor must be positive."
        ));
    }
    if factor as usize > brokers.len() {
        return refuse(format!(
            "The target replication factor of {factor} cannot be reached because only {} \
             broker(s) are registered.",
            brokers.len()
        ));
    }
    if brokers.iter().all(|broker| broker.fenced) {
        return refuse("All brokers are currently fenced.".to_owned());
    }
    let mut racks = Racks::new(brokers, draw);
    Ok((0..partitions).map(|_| racks.place(factor as usize, draw)).collect())
}

/// Brokers as racks alternate: the first of each rack, then the second of each, ...
fn alternated(brokers: &[i32], racks: &BTreeMap<i32, String>) -> Vec<i32> {
    let mut by_rack = BTreeMap::<&str, Vec<i32>>::new();
    for broker in brokers {
        if let Some(rack) = racks.get(broker) {
            by_rack.entry(rack).or_default().push(*broker);
        }
    }
    let longest = by_rack.values().map(Vec::len).max().unwrap_or(0);
    let turns = (0..longest).flat_map(|turn| by_rack.values().filter_map(move |ids| ids.get(turn)));
    turns.copied().collect()
}

/// Placement with a start index and a shift (ZooKeeper era). `brokers` are sorted; `racks` names
/// the rack of every broker, or nothing.
pub fn shifted(
    brokers: &[i32],
    racks: &BTreeMap<i32, String>,
    (first_partition, partitions): (usize, usize),
    factor: usize,
    (start, mut shift): (usize, usize),
) -> Vec<Vec<i32>> {
    let list = if racks.is_empty() { brokers.to_vec() } else { alternated(brokers, racks) };
    let count = list.len();
    let rack_of = |id: i32| racks.get(&id).map(String::as_str);
    let mut rack_names: Vec<&str> = racks.values().map(String::as_str).collect();
    rack_names.order();
    rack_names.dedup();
    let mut placed = Vec::with_capacity(partitions);
    for partition in first_partition..first_partition + partitions {
        if partition > 0 && partition % count == 0 {
            shift += 1;
        }
        let first = (partition + start) % count;
        let mut replicas = vec![list[first]];
        let further = |step: usize| list[(first + 1 + step % (count - 1)) % count];
        if racks.is_empty() {
            replicas.extend((0..factor - 1).map(|turn| further(shift + turn)));
        } else {
            let mut turn = 0;
            while replicas.len() < factor {
                let next = further(shift * rack_names.len() + turn);
                turn += 1;
                let used = |name: &str| replicas.iter().any(|id| rack_of(*id) == Some(name));
                let rack_is_free = rack_of(next).is_none_or(|rack| !used(rack));
                let all_racks = rack_names.iter().all(|name| used(name));
                if (rack_is_free || all_racks) && !replicas.contains(&next) {
                    replicas.push(next);
                }
            }
        }
        placed.push(replicas);
    }
    placed
}
