//! Saving a lab and opening it again.
//!
//! A save packs the bytes that storage does not hold yet, of all files of all processes, into few
//! large blocks, and describes everything else in a manifest. Opening again is a crash of every
//! process at the saved instant: the processes start on their files and recover as they always
//! do.

use super::command::LabSpec;
use super::event_log::EventLog;
use super::ledger::{Ledger, Ledger2};
use super::session::Session;
use super::timeline::Timeline;
use super::workload::Workload;
use crate::ordered::{BTreeMap, BTreeSet, Order};
use crate::sim::disk::{Block, File, Kind, Piece, StoredAt};
use crate::sim::network::Faults;
use crate::sim::{Disk, MachineId, Node, NodeId, Saved, SavedProcess, Status, Time, World};
use crate::storage::Manifest;
use crate::storage::manifest::{JournalLine, SavedFile, SavedFlushed, SavedNode, SavedPiece};
use crate::{kafka, rabbit};
use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// The largest stored block. IndexedDB writes values of this size fastest.
const STORED_MAX: usize = 1 << 20;

/// A stored block smaller than this is packed anew with others once there are many of them.
const SMALL: u64 = 64 << 10;

/// So many small stored blocks are borne.
const SMALL_MAX: usize = 64;

/// What a save has to write.
#[derive(Debug)]
pub struct Save {
    /// The new manifest.
    pub manifest: Manifest,
    /// New stored blocks, by id.
    pub blocks: Vec<(u64, Bytes)>,
    /// Where each block will be once they are written.
    placed: Vec<(Rc<Block>, StoredAt)>,
}

impl Save {
    /// The blocks that storage will hold once it is written, and did not hold there before.
    pub fn placed(&self) -> impl Iterator<Item = &Rc<Block>> {
        self.placed.iter().map(|(block, _)| block)
    }
}

/// What the lab keeps beside its processes.
#[derive(Serialize, Deserialize)]
struct Rest<L> {
    kafka: WorldRest,
    rabbit: WorldRest,
    workloads: BTreeMap<String, Rc<Workload>>,
    order: Vec<String>,
    next_message: u64,
    next_request: u64,
    ledger: L,
    readers: BTreeMap<String, String>,
}

/// Since then the ledger is written as it is now.
const FORMAT_OF_LEDGER: u32 = 3;

impl Rest<Ledger> {
    /// From a manifest of any format that is read.
    fn read(manifest: &Manifest) -> Result<Rest<Ledger>, postcard::Error> {
        if manifest.format() >= FORMAT_OF_LEDGER {
            return postcard::from_bytes(&manifest.rest);
        }
        let old: Rest<Ledger2> = postcard::from_bytes(&manifest.rest)?;
        Ok(Rest {
            kafka: old.kafka,
            rabbit: old.rabbit,
            workloads: old.workloads,
            order: old.order,
            next_message: old.next_message,
            next_request: old.next_request,
            ledger: old.ledger.into(),
            readers: old.readers,
        })
    }
}

/// More processes than this are no lab, but a damaged manifest.
const PROCESSES_MAX: u32 = 1_000_000;

/// What of a world stands beside its processes' files; `processes` in the manifest's order.
#[derive(Serialize, Deserialize)]
struct WorldRest {
    machines: u32,
    ids: u32,
    faults: Faults,
    processes: Vec<(NodeId, Status)>,
}

impl WorldRest {
    fn of<N: Node>(world: &World<N>) -> WorldRest {
        let saved = world.saved();
        WorldRest {
            machines: saved.machines,
            ids: saved.ids,
            faults: saved.faults,
            processes: saved.processes.iter().map(|p| (p.id, p.status)).collect(),
        }
    }

    /// What [`World::restored`] takes for granted.
    fn check(&self, nodes: &[&SavedNode]) -> Result<(), String> {
        let most = PROCESSES_MAX;
        if self.machines > most || self.ids > most {
            let found = self.machines.max(self.ids);
            return Err(format!("the manifest counts {found} processes; at most {most} can be"));
        }
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for (node, (id, status)) in nodes.iter().zip(&self.processes) {
            let name = &node.name;
            if node.machine >= self.machines || id.0 >= self.ids {
                let (machine, id) = (node.machine, id.0);
                return Err(format!("{name} stands on machine {machine} as number {id}: too high"));
            }
            if !ids.insert(*id) || !names.insert(name) || *status == Status::Gone {
                return Err(format!("{name} stands twice in the manifest, or is gone"));
            }
        }
        Ok(())
    }

    /// The world's saved parts, with the configurations of its processes from the manifest.
    fn into_saved<S: DeserializeOwned>(
        self,
        now: Time,
        nodes: &[&SavedNode],
    ) -> Result<Saved<S>, String> {
        if nodes.len() != self.processes.len() {
            let (found, expected) = (nodes.len(), self.processes.len());
            return Err(format!("the manifest has {found} processes; {expected} were expected"));
        }
        self.check(nodes)?;
        let mut processes = Vec::with_capacity(nodes.len());
        for (saved, (id, status)) in nodes.iter().zip(self.processes) {
            processes.push(SavedProcess {
                id,
                name: saved.name.clone(),
                machine: MachineId(saved.machine),
                life: saved.life,
                status,
                node: read_spec(saved)?,
                disk: restore_disk(&saved.files),
            });
        }
        let (machines, ids, faults) = (self.machines, self.ids, self.faults);
        Ok(Saved { now, machines, ids, faults, processes })
    }
}

impl Timeline {
    /// What would have to be written now to save the lab as it is. `last` is the manifest that
    /// storage holds, if any. Call [`Timeline::saved`] once it is written.
    pub fn save(&mut self, engine: &str, last: Option<&Manifest>) -> Save {
        let journal = self.journal_lines();
        let session = &mut self.session;
        let mut packer = Packer::new(last.map_or(1, |last| last.next_block));
        seal(&mut session.kafka.world);
        seal(&mut session.rabbit.world);
        packer.repack_small(session);
        let kafka = &session.kafka;
        let spec = |id| serde_json::to_string(kafka.spec(id));
        let mut nodes = save_nodes(&kafka.world, "kafka", spec, &mut packer);
        let rabbit = &session.rabbit;
        let spec = |id| serde_json::to_string(rabbit.spec(id));
        nodes.extend(save_nodes(&rabbit.world, "rabbit", spec, &mut packer));
        packer.close();
        packer.fill_in(&mut nodes);
        let rest = Rest {
            kafka: WorldRest::of(&session.kafka.world),
            rabbit: WorldRest::of(&session.rabbit.world),
            workloads: session.workloads.clone(),
            order: session.order.clone(),
            next_message: session.next_message,
            next_request: session.next_request,
            ledger: session.ledger.clone(),
            readers: session.readers.clone(),
        };
        let manifest = Manifest {
            older_by: 0,
            engine: engine.to_owned(),
            generation: last.map_or(1, |last| last.generation + 1),
            time_us: session.now().micros(),
            steps: session.steps(),
            lab: serde_json::to_string(session.spec()).expect("a lab's spec is plain data"),
            journal,
            nodes,
            rest: postcard::to_stdvec(&rest).expect("a lab's rest is plain data"),
            lesson: String::new(),
            next_block: packer.next,
        };
        Save { manifest, blocks: packer.blocks, placed: packer.placed.into_values().collect() }
    }

    /// A save was written: storage holds its blocks now.
    pub fn saved(&mut self, save: &Save) {
        for (block, stored) in &save.placed {
            block.mark_saved(*stored);
        }
    }

    /// Grows with everything that a save would have to write.
    pub fn changes(&self) -> u64 {
        let kafka = &self.session.kafka.world;
        let rabbit = &self.session.rabbit.world;
        let kafka: u64 = kafka.ids().map(|id| kafka.disk(id).changes()).sum();
        let rabbit: u64 = rabbit.ids().map(|id| rabbit.disk(id).changes()).sum();
        kafka + rabbit + self.session.steps() + self.session.acts as u64
    }

    /// Opens a saved lab: every process crashed at the saved instant and starts again. Its blocks
    /// are absent at first; whoever steps it is told which to load.
    pub fn reopen(manifest: &Manifest) -> Result<Timeline, String> {
        let mut spec: LabSpec = serde_json::from_str(&manifest.lab)
            .map_err(|error| format!("the manifest's lab cannot be read: {error}"))?;
        spec.recorded_by(&manifest.engine);
        let rest = Rest::read(manifest)
            .map_err(|error| format!("the manifest's ledger cannot be read: {error}"))?;
        let mut session = Session::empty(&spec).map_err(|error| error.to_string())?;
        session.now = Time::from_micros(manifest.time_us);
        session.steps = manifest.steps;
        session.workloads = rest.workloads;
        session.order = rest.order;
        session.next_message = rest.next_message;
        session.next_request = rest.next_request;
        session.ledger = rest.ledger.counted();
        session.readers = rest.readers;
        session.events = EventLog::default();
        let now = session.now;
        let of = |world: &str| -> Vec<&SavedNode> {
            manifest.nodes.iter().filter(|node| node.world == world).collect()
        };
        let cost = session.kafka.world.cost().clone();
        let mut saved = rest.kafka.into_saved::<kafka::spec::Spec>(now, &of("kafka"))?;
        let servers = saved.processes.iter_mut().filter_map(|p| p.node.server_settings_mut());
        servers.for_each(|settings| settings.extend(spec.ways()));
        session.kafka = kafka::Cluster::restored(spec.seed, cost.clone(), saved);
        let mut saved = rest.rabbit.into_saved::<rabbit::spec::Spec>(now, &of("rabbit"))?;
        for process in &mut saved.processes {
            if let rabbit::spec::Spec::Broker { settings, .. } = &mut process.node {
                settings.extend(spec.rabbit_ways());
            }
        }
        session.rabbit = rabbit::Cluster::restored(spec.seed, cost, saved);
        session.after_restart("crashed");
        let mut timeline = Timeline::of(session);
        timeline.earlier = manifest.journal.clone();
        timeline.earlier.push(JournalLine {
            steps: manifest.steps,
            time_us: manifest.time_us,
            text: "crash-all".into(),
        });
        Ok(timeline)
    }
}

impl Session {
    /// A digest of everything that decides what happens next, for comparing a lab that was
    /// recovered with one that was replayed: files, processes' configurations and lives, the
    /// clock, the workloads.
    pub fn fingerprint(&self) -> u64 {
        let mut text = format!("{} {:?} {:?}", self.now.micros(), self.workloads, self.order);
        let mut bytes = Vec::new();
        digest(&self.kafka.world, &mut text, &mut bytes);
        digest(&self.rabbit.world, &mut text, &mut bytes);
        bytes.extend_from_slice(text.as_bytes());
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

fn digest<N: Node>(world: &World<N>, text: &mut String, bytes: &mut Vec<u8>) {
    use std::fmt::Write;
    for id in world.ids() {
        let _ = write!(text, "{} {:?} {}", world.name(id), world.status(id), world.life(id));
        for (name, file) in world.disk(id).iter() {
            let _ = write!(text, "{name} {} {}", file.len(), file.flushed_len());
            if let Ok(content) = file.read(0, u64::MAX) {
                bytes.extend_from_slice(&content.bytes());
            }
        }
    }
}

fn read_spec<S: DeserializeOwned>(node: &SavedNode) -> Result<S, String> {
    serde_json::from_str(&node.spec)
        .map_err(|error| format!("the configuration of {} cannot be read: {error}", node.name))
}

/// Replicas that were written from the same bytes in memory are stored once.
fn share<N: Node>(world: &World<N>) {
    let files = world.ids().flat_map(|id| world.disk(id).iter().map(|(_, file)| file));
    let fresh = files.flat_map(|file| file.pieces().iter().rev().take_while(|p| is_unsaved(p)));
    let mut blocks: Vec<((usize, u64), Rc<Block>)> = fresh
        .map(|piece| piece.block.home().0)
        .filter_map(|block| block.address().map(|address| (address, block)))
        .collect();
    blocks.order_by_key(|(address, _)| *address);
    for pair in blocks.windows(2) {
        let (twin, _) = pair[0].1.home();
        let other = &pair[1].1;
        if pair[0].0 == pair[1].0 && !Rc::ptr_eq(&twin, other) && !other.has_moved() {
            other.become_one_with(&twin);
        }
    }
}

fn is_unsaved(piece: &Piece) -> bool {
    piece.block.home().0.saved_as().is_none()
}

fn seal<N: Node>(world: &mut World<N>) {
    share(world);
    let mut sealed = Vec::new();
    let ids: Vec<_> = world.ids().collect();
    for id in ids {
        let fresh = world.disk(id).iter().any(|(_, file)| {
            file.pieces().iter().rev().take(2).filter(|p| p.block.saved_as().is_none()).count() > 1
        });
        if fresh {
            for (_, file) in world.disk_mut(id).files_mut() {
                file.seal(STORED_MAX as u64, &mut sealed);
            }
        }
    }
}

fn save_nodes<N: Node>(
    world: &World<N>,
    name: &str,
    spec: impl Fn(crate::sim::NodeId) -> serde_json::Result<String>,
    packer: &mut Packer,
) -> Vec<SavedNode> {
    world
        .ids()
        .map(|id| SavedNode {
            world: name.to_owned(),
            name: world.name(id).to_owned(),
            spec: spec(id).expect("a configuration is plain data"),
            machine: world.machine(id).0,
            life: world.life(id),
            alive: matches!(world.status(id), Status::Running | Status::Paused),
            files: world.disk(id).iter().map(|(name, file)| packer.file(name, file)).collect(),
        })
        .collect()
}

/// Packs blocks that storage does not hold into few large ones.
struct Packer {
    next: u64,
    open: BytesMut,
    /// Blocks that lie in the open stored block, with their places.
    waiting: Vec<(Rc<Block>, u64)>,
    blocks: Vec<(u64, Bytes)>,
    /// By the address of the block, which lives as long as this does.
    placed: BTreeMap<usize, (Rc<Block>, StoredAt)>,
    /// Stored blocks whose content is packed anew.
    repacked: BTreeSet<u64>,
}

impl Packer {
    fn new(next: u64) -> Packer {
        Packer {
            next,
            open: BytesMut::new(),
            waiting: Vec::new(),
            blocks: Vec::new(),
            placed: BTreeMap::new(),
            repacked: BTreeSet::new(),
        }
    }

    /// Marks small stored blocks to be packed anew if there are many of them.
    fn repack_small(&mut self, session: &Session) {
        let mut small = BTreeSet::new();
        let mut look = |file: &File| {
            for piece in file.pieces() {
                if let Some(stored) = piece.block.saved_as()
                    && stored.stored_len < SMALL
                {
                    small.insert(stored.id);
                }
            }
        };
        let kafka = &session.kafka.world;
        kafka.ids().for_each(|id| kafka.disk(id).iter().for_each(|(_, file)| look(file)));
        let rabbit = &session.rabbit.world;
        rabbit.ids().for_each(|id| rabbit.disk(id).iter().for_each(|(_, file)| look(file)));
        if small.len() > SMALL_MAX {
            self.repacked = small;
        }
    }

    fn file(&mut self, name: &str, file: &File) -> SavedFile {
        // Who reads a log from its start is not to load what else was written meanwhile.
        let has_own_blocks = self.unplaced_bytes(file.pieces()) >= SMALL;
        if has_own_blocks {
            self.close();
        }
        let pieces = self.pieces(file.pieces());
        if has_own_blocks {
            self.close();
        }
        let flushed = match file.kind() {
            Kind::Log { flushed } => SavedFlushed::Bytes(*flushed),
            Kind::Whole { flushed } => {
                SavedFlushed::Whole(flushed.as_ref().map(|pieces| self.pieces(pieces)))
            }
        };
        SavedFile { name: name.to_owned(), pieces, flushed }
    }

    fn pieces(&mut self, pieces: &[Piece]) -> Vec<SavedPiece> {
        let mut saved: Vec<SavedPiece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let (block, inner) = piece.block.home();
            let stored = self.place(&block);
            let from = stored.at + inner + piece.from;
            let (block, block_len, len) = (stored.id, stored.stored_len, piece.len);
            match saved.last_mut() {
                Some(last) if last.block == block && last.from + last.len == from => {
                    last.len += len
                }
                _ => saved.push(SavedPiece { block, block_len, from, len }),
            }
        }
        saved
    }

    /// Bytes of these pieces that will have to be packed.
    fn unplaced_bytes(&self, pieces: &[Piece]) -> u64 {
        let unplaced = pieces.iter().filter(|piece| {
            let (block, _) = piece.block.home();
            let key = Rc::as_ptr(&block) as usize;
            self.kept(&block).is_none() && !self.placed.contains_key(&key)
        });
        unplaced.map(|piece| piece.len).sum()
    }

    /// Where storage holds a block, if it is to stay there.
    fn kept(&self, block: &Rc<Block>) -> Option<StoredAt> {
        let is_moved =
            |stored: &StoredAt| self.repacked.contains(&stored.id) && block.is_resident();
        block.saved_as().filter(|stored| !is_moved(stored))
    }

    /// Where storage holds a block, or will.
    fn place(&mut self, block: &Rc<Block>) -> StoredAt {
        if let Some(stored) = self.kept(block) {
            return stored;
        }
        let key = Rc::as_ptr(block) as usize;
        if let Some((_, stored)) = self.placed.get(&key) {
            return *stored;
        }
        let bytes = block.bytes().expect("what storage does not hold is in memory");
        if self.open.len() + bytes.len() > STORED_MAX {
            self.close();
        }
        let stored = StoredAt { id: self.next, stored_len: 0, at: self.open.len() as u64 };
        self.open.extend_from_slice(&bytes);
        self.waiting.push((block.clone(), stored.at));
        self.placed.insert(key, (block.clone(), stored));
        stored
    }

    /// Writes the lengths of stored blocks into the pieces that were placed before they were known.
    fn fill_in(&self, nodes: &mut [SavedNode]) {
        let lens: BTreeMap<u64, u64> =
            self.blocks.iter().map(|(id, bytes)| (*id, bytes.len() as u64)).collect();
        for file in nodes.iter_mut().flat_map(|node| &mut node.files) {
            let whole = match &mut file.flushed {
                SavedFlushed::Whole(Some(pieces)) => pieces.as_mut_slice(),
                _ => &mut [],
            };
            for piece in file.pieces.iter_mut().chain(whole) {
                if let Some(len) = lens.get(&piece.block) {
                    piece.block_len = *len;
                }
            }
        }
    }

    /// Ends the open stored block.
    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.open).freeze();
        let stored_len = bytes.len() as u64;
        for (block, at) in self.waiting.drain(..) {
            let stored = StoredAt { id: self.next, stored_len, at };
            self.placed.insert(Rc::as_ptr(&block) as usize, (block, stored));
        }
        self.blocks.push((self.next, bytes));
        self.next += 1;
    }
}

fn restore_disk(files: &[SavedFile]) -> Disk {
    let mut blocks: BTreeMap<(u64, u64, u64), Rc<Block>> = BTreeMap::new();
    let mut pieces = |saved: &[SavedPiece]| -> Vec<Piece> {
        let piece = |piece: &SavedPiece| {
            let key = (piece.block, piece.from, piece.len);
            let stored = StoredAt { id: piece.block, stored_len: piece.block_len, at: piece.from };
            let block = blocks.entry(key).or_insert_with(|| Block::absent(stored, piece.len));
            Piece { block: block.clone(), from: 0, len: piece.len }
        };
        saved.iter().map(piece).collect()
    };
    let mut disk = Disk::default();
    for file in files {
        let kind = match &file.flushed {
            SavedFlushed::Bytes(flushed) => Kind::Log { flushed: *flushed },
            SavedFlushed::Whole(flushed) => {
                Kind::Whole { flushed: flushed.as_ref().map(|saved| pieces(saved)) }
            }
        };
        disk.insert(&file.name, File::from_pieces(pieces(&file.pieces), kind));
    }
    disk
}
