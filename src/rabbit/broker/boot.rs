//! From files to a serving broker, and the way back at a clean stop.
//!
//! First the definitions are read: exchanges, queues, bindings. Then the index of every durable
//! queue is read, and the messages at the ends of its stores are looked at; then its messages come
//! back. What is left of queues that are not durable is deleted. Only then does the broker serve.

use super::{Broker, Phase, arguments};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::rabbit::definitions::{self, Definition, RecoveryTerms, SavedBinding};
use crate::rabbit::event::Event;
use crate::rabbit::exchange::{Binding, Destination};
use crate::rabbit::ids::QueueId;
use crate::rabbit::message::Frame;
use crate::rabbit::messages::Messages;
use crate::rabbit::process::{Out, Ticket};
use crate::rabbit::profile::Profile;
use crate::rabbit::queue::{self, Queue};
use crate::rabbit::quorum::fifo::Fifo;
use crate::rabbit::quorum::files::{self, Files};
use crate::rabbit::quorum::group::{Group, tell};
use crate::rabbit::storage_v2::entry::{self, Entry};
use crate::rabbit::storage_v2::levels::Levels;
use crate::rabbit::storage_v2::message_store::{self, MessageStore};
use crate::rabbit::storage_v2::recovery::Recovered;
use crate::rabbit::storage_v2::{Storage, directory, index_file, level_directory};
use crate::rabbit::stream::{self, Stream};
use crate::rabbit::talk::Talk;
use crate::sim::{NodeId, Rope, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// A torn write ends inside one of these, and may spoil it.
const SECTOR_BYTES: u64 = 512;

/// How far the boot of a node of a cluster is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It reads the log of the definitions.
    ReadsLog,
    /// It does what was committed before.
    Follows,
    /// It deletes what belonged to its earlier life.
    Clears,
    /// It reads its queues. A node that is alone begins with this.
    #[default]
    Recovers,
}

/// What a broker knows while it boots.
#[derive(Clone, Debug, Default)]
pub struct Boot {
    /// How far a node of a cluster is.
    pub stage: Stage,
    /// What it had of the log of the definitions.
    pub metadata: Files,
    /// What clients said meanwhile.
    pub early: VecDeque<(NodeId, Frame)>,
    reads_under_way: usize,
    definitions: Vec<Definition>,
    terms: Option<RecoveryTerms>,
    /// Durable queues, with the files of their indexes.
    queues: BTreeMap<Rc<str>, QueueFiles>,
}

impl Boot {
    /// True if the life before ended politely.
    pub fn was_stopped(&self) -> bool {
        self.terms.is_some()
    }
}

#[derive(Clone, Debug)]
struct QueueFiles {
    /// Its number, in a cluster.
    id: Option<QueueId>,
    declaration: queue::Declaration,
    bindings: Vec<SavedBinding>,
    /// By level: the entries of each segment.
    index: Vec<BTreeMap<u64, Vec<Entry>>>,
    /// Messages that are not whole.
    spoilt: BTreeSet<u64>,
    /// Of a quorum queue: what its group left.
    group: Option<Files>,
    /// Of a stream: what its log left.
    stream: Option<stream::recovery::Files>,
    /// The number of a stream that several nodes have.
    shared: Option<QueueId>,
}

impl QueueFiles {
    /// The folder of the queue's files.
    fn directory(&self, name: &str) -> String {
        match (&self.group, &self.stream) {
            (Some(_), _) => files::directory(name, self.id),
            (_, Some(_)) => stream::log::directory(name, self.shared),
            _ => directory(name),
        }
    }

    /// A file of a group or a stream was read.
    fn add(&mut self, file: &str, bytes: &Rope) {
        if let Some(group) = &mut self.group {
            group.add(file, bytes);
        } else if let Some(stream) = &mut self.stream {
            stream.add(file, bytes);
        }
    }
}

impl QueueFiles {
    fn new(
        id: Option<QueueId>,
        declaration: queue::Declaration,
        bindings: Vec<SavedBinding>,
    ) -> QueueFiles {
        let levels = arguments::levels(&declaration.arguments);
        let index = vec![BTreeMap::new(); usize::from(levels)];
        let kind = arguments::queue_type(&declaration.arguments);
        let group = (kind == "quorum").then(Files::default);
        let stream = (kind == "stream").then(Default::default);
        let (spoilt, shared) = (BTreeSet::new(), None);
        QueueFiles { id, declaration, bindings, index, spoilt, group, stream, shared }
    }

    /// Of a queue of a cluster, which is known already.
    fn of(queue: &Queue) -> QueueFiles {
        let shared = queue.member.is_some().then_some(queue.id);
        let files = QueueFiles::new(Some(queue.id), queue.declaration.clone(), Vec::new());
        QueueFiles { shared, ..files }
    }
}

impl Broker {
    /// The process has begun.
    pub(super) fn boot(&mut self, out: &mut Out<'_>) {
        let mut boot = Boot::default();
        if self.is_clustered() {
            self.meet(out);
            boot.stage = Stage::ReadsLog;
            boot.reads_under_way = self.read_metadata(out);
        }
        let files: Vec<Rc<str>> =
            out.files().with_prefix(definitions::DIRECTORY).map(|(name, _)| name.into()).collect();
        for file in files {
            out.read(&file, 0, u64::MAX, Ticket::Definition { file: file.clone() });
            boot.reads_under_way += 1;
        }
        if out.files().get(RecoveryTerms::FILE).is_some() {
            out.read(RecoveryTerms::FILE, 0, u64::MAX, Ticket::RecoveryTerms);
            boot.reads_under_way += 1;
        }
        let is_new = boot.reads_under_way == 0;
        self.phase = Phase::Boots(Box::new(boot));
        if is_new {
            self.read_on(out);
        }
    }

    /// What comes first is read.
    fn read_on(&mut self, out: &mut Out<'_>) {
        match self.is_clustered() {
            true => self.begin_metadata(out),
            false => self.read_indexes(out),
        }
    }

    /// Something that was asked for was read.
    pub(super) fn was_read(&mut self, ticket: Ticket, bytes: &Rope, out: &mut Out<'_>) {
        // Queues that are there already may read while others are not.
        let is_of_queue = matches!(
            ticket,
            Ticket::TailSegment { .. } | Ticket::Messages { .. } | Ticket::Stream { .. }
        );
        let (Phase::Boots(boot), false) = (&mut self.phase, is_of_queue) else {
            return self.queue_was_read(ticket, bytes, out);
        };
        boot.reads_under_way -= 1;
        let is_last = boot.reads_under_way == 0;
        match ticket {
            Ticket::Definition { .. } => {
                boot.definitions.extend(Definition::decode(&bytes.bytes()));
                if is_last {
                    self.read_on(out);
                }
            }
            Ticket::RecoveryTerms => {
                boot.terms = postcard::from_bytes(&bytes.bytes()).ok();
                if is_last {
                    self.read_on(out);
                }
            }
            Ticket::Index { queue, level, segment } => {
                if let Some(files) = boot.queues.get_mut(&queue) {
                    let entries = entry::parse(segment, &bytes.bytes());
                    files.index[usize::from(level)].insert(segment, entries);
                }
                if is_last {
                    self.look_at_ends(out);
                }
            }
            Ticket::GroupFile { queue, file } if queue.is_empty() => {
                self.metadata_file(&file, bytes);
                if is_last {
                    self.begin_metadata(out);
                }
            }
            Ticket::GroupFile { queue, file } => {
                let files = boot.queues.get_mut(&queue);
                let is_segment = file.ends_with(".segment");
                if let Some(files) = files {
                    files.add(&file, bytes);
                }
                if is_last && is_segment {
                    self.recover_queues(out);
                } else if is_last {
                    self.look_at_ends(out);
                }
            }
            Ticket::Doubtful { queue, seq } => {
                let files = boot.queues.get_mut(&queue).expect("it was asked for by its name");
                if entry::decode_message(bytes.bytes()).is_none() {
                    files.spoilt.insert(seq);
                }
                if is_last {
                    self.recover_queues(out);
                }
            }
            _ => {}
        }
    }

    /// The definitions are known: exchanges are there again, and the indexes of queues are read.
    pub(super) fn read_indexes(&mut self, out: &mut Out<'_>) {
        let Phase::Boots(boot) = &mut self.phase else { return };
        for queue in self.queues.values().filter(|queue| queue.home.is_none()) {
            boot.queues.insert(queue.name.clone(), QueueFiles::of(queue));
        }
        let mut exchange_bindings = Vec::new();
        for definition in std::mem::take(&mut boot.definitions) {
            match definition {
                Definition::Exchange(name, declaration, bindings) => {
                    let name: Rc<str> = name.into();
                    self.exchanges.add(name.clone(), declaration);
                    exchange_bindings.push((Destination::Exchange(name), bindings));
                }
                Definition::Queue(name, declaration, bindings) => {
                    boot.queues.insert(name.into(), QueueFiles::new(None, declaration, bindings));
                }
                Definition::Policy(is_operator, policy) => {
                    self.policies[usize::from(is_operator)].set(policy);
                }
            }
        }
        let names: Vec<_> = self.exchanges.iter().map(|exchange| exchange.name.clone()).collect();
        names.iter().for_each(|name| self.apply_to_exchange(name));
        for (destination, bindings) in exchange_bindings {
            self.bind_again(&destination, bindings);
        }
        let Phase::Boots(boot) = &mut self.phase else { return };
        for (name, files) in &boot.queues {
            if files.group.is_some() || files.stream.is_some() {
                let directory = files.directory(name);
                let is_group = files.group.is_some();
                let files = out.files().with_prefix(&directory);
                let files = files.map(|(file, _)| file.to_owned());
                // Of a stream not the segments at first.
                let files = files.filter(|file| is_group || !file.ends_with(".segment"));
                for file in files.collect::<Vec<String>>() {
                    let name_inside = file.strip_prefix(&directory).unwrap_or_default();
                    let (queue, inside) = (name.clone(), name_inside.into());
                    out.read(&file, 0, u64::MAX, Ticket::GroupFile { queue, file: inside });
                    boot.reads_under_way += 1;
                }
                continue;
            }
            for level in 0..files.index.len() as u8 {
                let directory = level_directory(name, level);
                let files = out.files().with_prefix(&directory);
                let segments = files.filter_map(|(file, _)| segment(&directory, file));
                let segments: Vec<u64> = segments.collect();
                for segment in segments {
                    let file = index_file(&directory, segment);
                    let ticket = Ticket::Index { queue: name.clone(), level, segment };
                    out.read(&file, 0, u64::MAX, ticket);
                    boot.reads_under_way += 1;
                }
            }
        }
        if boot.reads_under_way == 0 {
            self.look_at_ends(out);
        }
    }

    /// The indexes are known: the messages that a torn write can have spoilt are read.
    fn look_at_ends(&mut self, out: &mut Out<'_>) {
        let Phase::Boots(boot) = &mut self.phase else { return };
        for (name, files) in &boot.queues {
            if let Some(stream) = &files.stream {
                let directory = files.directory(name);
                for file in stream.doubtful(&directory, out) {
                    let path = format!("{directory}{file}");
                    let (queue, file) = (name.clone(), file.into());
                    out.read(&path, 0, u64::MAX, Ticket::GroupFile { queue, file });
                    boot.reads_under_way += 1;
                }
                continue;
            }
            let levels = files.index.iter().enumerate();
            let entries = levels.flat_map(|(level, index)| {
                let directory = level_directory(name, level as u8);
                let entries = index.values().flatten();
                entries.map(move |entry| (entry, entry.place(&directory)))
            });
            for (entry, place) in entries {
                let Some((file, offset)) = place else { continue };
                let len = out.files().len(&file);
                let end = offset + entry.stored_bytes();
                if end <= len && end > len.saturating_sub(SECTOR_BYTES) {
                    let ticket = Ticket::Doubtful { queue: name.clone(), seq: entry.seq };
                    out.read(&file, offset, entry.stored_bytes(), ticket);
                    boot.reads_under_way += 1;
                }
            }
        }
        if boot.reads_under_way == 0 {
            self.recover_queues(out);
        }
    }

    /// The indexes are known: queues are there again, with their messages.
    fn recover_queues(&mut self, out: &mut Out<'_>) {
        let Phase::Boots(boot) = &mut self.phase else { return };
        let mut boot = std::mem::take(boot);
        let early = std::mem::take(&mut boot.early);
        self.phase = Phase::Boots(Box::new(Boot { early, ..Boot::default() }));
        out.delete(RecoveryTerms::FILE);
        self.delete_leftovers(&boot, out);
        let stores = out.files().with_prefix(message_store::DIRECTORY);
        let last = stores.filter_map(|(name, _)| message_store::file_number(name)).max();
        self.message_store = MessageStore::new(last.map_or(0, |last| last + 1));
        for (name, files) in boot.queues {
            let mut terms = boot.terms.iter().flat_map(|terms| &terms.0);
            let terms = terms.find(|(queue, _)| **queue == *name).map(|(_, levels)| &**levels);
            self.recover_queue(name, files, terms.unwrap_or_default(), out);
        }
        self.message_store.sweep(out);
        if !self.is_replaying() {
            self.serve(out);
        }
    }

    /// All queues are there.
    pub(super) fn serve(&mut self, out: &mut Out<'_>) {
        let Phase::Boots(boot) = std::mem::replace(&mut self.phase, Phase::Serves) else { return };
        self.monitor(out);
        out.emit(Event::NodeStarted { node: self.name.clone() });
        self.begin_epochs(out);
        self.begin_mirrors(out);
        self.take_early_talk(out);
        for (from, frame) in boot.early {
            self.frame(from, frame, out);
        }
    }

    fn recover_queue(
        &mut self,
        name: Rc<str>,
        files: QueueFiles,
        next_deliver_seqs: &[u64],
        out: &mut Out<'_>,
    ) {
        let now = out.now();
        if let (Some(id), Some(group)) = (files.id, &files.group) {
            return self.begin_member(id, group.clone(), out);
        }
        if let Some(group) = files.group {
            let id = self.next_queue_id();
            let storage = Messages::Quorum(Fifo::new(self.profile));
            let directory = files::directory(&name, None);
            let mut group = Group::new(&directory, &[], group, out);
            group.is_replaying = true;
            self.add_queue(Queue::new((id, name), files.declaration, None, storage, now));
            self.bind_again(&Destination::Queue(id), files.bindings);
            self.begin_group(id, group, out);
            return self.configure_group(id, out);
        }
        if let Some(stream) = files.stream {
            let definition = (files.declaration, files.bindings);
            return self.recover_stream((files.id, name, files.shared), definition, stream, out);
        }
        let mut levels = Vec::new();
        let mut recovered = Recovered::default();
        for (level, index) in files.index.into_iter().enumerate() {
            let (storage, of_level) = Storage::recover(
                (name.clone(), level as u8),
                (index, &files.spoilt),
                next_deliver_seqs.get(level).copied(),
                &mut self.message_store,
                (now, out),
            );
            levels.push(storage);
            recovered.messages.extend(of_level.messages);
            recovered.dropped.extend(of_level.dropped);
        }
        let levels = Messages::Classic(Levels::recovered(levels));
        let definition = (files.declaration, files.bindings);
        let id = self.put_back((files.id, name.clone()), definition, levels, now);
        let messages = recovered.messages.len() as u64;
        out.emit(Event::QueueRecovered { queue: name.clone(), messages });
        for (position, message) in recovered.messages {
            out.emit(Event::Recovered { queue: name.clone(), message, position });
        }
        for message in recovered.dropped {
            let (queue, reason) = (name.clone(), "not_recovered");
            out.emit(Event::Removed { queue, message, reason });
        }
        // What was dropped stays dropped, whatever is written behind it.
        self.write(id, out);
        self.used(id, out);
        self.look_at_head(id, out);
    }

    /// What a queue had is there again. In a cluster the queue itself is known already.
    fn put_back(
        &mut self,
        (id, name): (Option<QueueId>, Rc<str>),
        (declaration, bindings): (queue::Declaration, Vec<SavedBinding>),
        storage: Messages,
        now: Time,
    ) -> QueueId {
        if let Some(queue) = id.and_then(|id| self.queues.get_mut(&id)) {
            queue.storage = storage;
            return queue.id;
        }
        let id = self.next_queue_id();
        self.add_queue(Queue::new((id, name), declaration, None, storage, now));
        self.bind_again(&Destination::Queue(id), bindings);
        id
    }

    fn recover_stream(
        &mut self,
        (id, name, shared): (Option<QueueId>, Rc<str>, Option<QueueId>),
        definition: (queue::Declaration, Vec<SavedBinding>),
        files: stream::recovery::Files,
        out: &mut Out<'_>,
    ) {
        let stream = Stream::recovered((name.clone(), shared), files, &mut self.names, out);
        // Of several members the leader tells what is there, when it knows what is committed.
        if shared.is_none() {
            out.emit(Event::QueueRecovered { queue: name.clone(), messages: stream.count() });
            for (position, message) in stream.iter() {
                out.emit(Event::Recovered { queue: name.clone(), message, position });
            }
        }
        let storage = Messages::Stream(Box::new(stream));
        self.put_back((id, name), definition, storage, out.now());
    }

    fn bind_again(&mut self, destination: &Destination, bindings: Vec<SavedBinding>) {
        for SavedBinding { source, key, arguments } in bindings {
            let key = self.names.shared(&key);
            // A source that is gone took its bindings with it.
            let _ = self
                .exchanges
                .bind(&source, Binding { key, destination: destination.clone(), arguments });
        }
    }

    /// Files of queues that are not there any more.
    fn delete_leftovers(&mut self, boot: &Boot, out: &mut Out<'_>) {
        let kept: Vec<String> =
            boot.queues.iter().map(|(name, files)| files.directory(name)).collect();
        let files = out.files();
        let files = ["queues/", files::DIRECTORY, stream::log::DIRECTORY]
            .into_iter()
            .flat_map(|prefix| files.with_prefix(prefix));
        let files = files.map(|(name, _)| name);
        let left: Vec<String> = files
            .filter(|file| !kept.iter().any(|directory| file.starts_with(&**directory)))
            .map(str::to_owned)
            .collect();
        for file in left {
            out.delete(&file);
        }
    }

    // ---- the end ----

    /// It is asked to end politely: everything is written and made safe, then it ends.
    pub(super) fn stop(&mut self, out: &mut Out<'_>) {
        if !self.is_ready() {
            return out.exit();
        }
        let ids: Vec<QueueId> = self.queues.keys().collect();
        for id in ids {
            self.write(id, out);
        }
        // Who mirrors what lives here has to know that this is no failure.
        if self.profile == Profile::V3_11 {
            self.others_up().into_iter().for_each(|node| tell(node, Talk::Leaving, out));
        }
        self.tell_news(out);
        self.force_clients(out);
        let classic = self.queues.values().filter(|queue| queue.group.is_none());
        let durable = classic.filter(|queue| queue.declaration.durable);
        let terms =
            durable.map(|queue| (queue.name.to_string(), queue.storage.next_deliver_seqs()));
        let terms = RecoveryTerms(terms.collect());
        let bytes = postcard::to_stdvec(&terms).expect("plain data can always be encoded");
        out.replace(RecoveryTerms::FILE, bytes.into());
        let files = out.files().iter().filter(|(_, file)| !file.is_flushed());
        let files: Vec<String> = files.map(|(name, _)| name.to_owned()).collect();
        for file in &files {
            out.flush(file, Ticket::Defined { reply: 0 });
        }
        self.phase = Phase::Stops(files.len());
    }
}

/// The segment of an index file of this name in this folder.
fn segment(directory: &str, file: &str) -> Option<u64> {
    file.strip_prefix(directory)?.strip_suffix(".qi")?.parse().ok()
}
