//! A store in memory, for tests: clones share what is kept, as tabs of one browser do; and it
//! can be told to fail.

use super::block;
use super::manifest::{Manifest, Record};
use super::store::{Census, Commit, Opened, Store, StoreError, after, kept_name, kept_prefix};
use crate::ordered::{BTreeMap, BTreeSet};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A store in memory.
#[derive(Debug, Default)]
pub struct Memory {
    kept: Rc<RefCell<Kept>>,
    open: RefCell<Option<String>>,
    first_block: Cell<u64>,
    /// Which tab this is, once it has opened a lab.
    tab: Cell<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    manifests: BTreeMap<String, Vec<u8>>,
    blocks: BTreeMap<(String, u64), Vec<u8>>,
    /// Labs that a tab holds, and which.
    held: BTreeMap<String, u64>,
    tabs: u64,
    commits: u64,
    blocks_read: u64,
    faults: Faults,
}

/// What a store is told to do wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Why nothing works.
    pub unavailable: Option<String>,
    /// Why no block can be read.
    pub unreadable: Option<String>,
    /// Commits that fail, counted from the store's first one, which is 0.
    pub failing_commits: BTreeSet<u64>,
    /// How many bytes there is room for.
    pub bytes_max: Option<usize>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Another tab that looks at the same store.
    pub fn other_tab(&self) -> Memory {
        let mut tab = Memory::default();
        tab.kept = self.kept.clone();
        tab
    }

    /// A store of its own that keeps the same, and that no tab has open.
    pub fn copy(&self) -> Memory {
        let kept = self.kept.borrow();
        let (manifests, blocks) = (kept.manifests.clone(), kept.blocks.clone());
        let copy = Memory::new();
        {
            let mut into = copy.kept.borrow_mut();
            (into.manifests, into.blocks) = (manifests, blocks);
        }
        copy
    }

    /// Tells the store what to do wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.kept.borrow_mut().faults = faults;
    }

    /// How many commits were asked for.
    pub fn commits(&self) -> u64 {
        self.kept.borrow().commits
    }

    /// How many blocks were asked for.
    pub fn blocks_read(&self) -> u64 {
        self.kept.borrow().blocks_read
    }

    /// The manifest kept under a name, if it can be read.
    pub fn manifest(&self, name: &str) -> Option<Manifest> {
        let kept = self.kept.borrow();
        Record::decode(name, kept.manifests.get(name)?).ok().map(|record| record.manifest)
    }

    /// The content of a kept block, if it can be read.
    pub fn peek_block(&self, lab: &str, id: u64) -> Option<Bytes> {
        let kept = self.kept.borrow();
        block::open(lab, id, kept.blocks.get(&(lab.to_owned(), id))?.clone()).ok()
    }

    /// The ids of a lab's blocks.
    pub fn block_ids(&self, lab: &str) -> BTreeSet<u64> {
        self.kept.borrow().block_ids(lab)
    }

    /// All that is kept, as bytes: for a store that outlives the program.
    pub fn image(&self) -> Vec<u8> {
        let kept = self.kept.borrow();
        postcard::to_stdvec(&(&kept.manifests, &kept.blocks)).expect("plain data can be written")
    }

    /// A store that keeps what is in an image; `None` if it is none.
    pub fn of_image(image: &[u8]) -> Option<Memory> {
        let (manifests, blocks) = postcard::from_bytes(image).ok()?;
        let store = Memory::new();
        {
            let mut kept = store.kept.borrow_mut();
            (kept.manifests, kept.blocks) = (manifests, blocks);
        }
        Some(store)
    }

    /// Changes a kept manifest behind everybody's back.
    pub fn damage_manifest(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) {
        damage(self.kept.borrow_mut().manifests.get_mut(name).expect("a manifest of this name"));
    }

    /// Changes a kept block behind everybody's back.
    pub fn damage_block(&self, lab: &str, id: u64, damage: impl FnOnce(&mut Vec<u8>)) {
        let mut kept = self.kept.borrow_mut();
        damage(kept.blocks.get_mut(&(lab.to_owned(), id)).expect("a block of this id"));
    }

    /// Puts a block where no commit would.
    pub fn litter(&self, lab: &str, id: u64) {
        self.kept.borrow_mut().blocks.insert((lab.to_owned(), id), block::head(&[]).to_vec());
    }

    fn lab(&self) -> String {
        self.open.borrow().clone().expect("a lab is open")
    }

    fn available(&self) -> Result<(), StoreError> {
        match &self.kept.borrow().faults.unavailable {
            Some(reason) => Err(StoreError::Unavailable(reason.clone())),
            None => Ok(()),
        }
    }

    fn let_go(&self) {
        if let Some(lab) = self.open.borrow_mut().take() {
            let held = &mut self.kept.borrow_mut().held;
            if held.get(&lab) == Some(&self.tab.get()) {
                held.remove(&lab);
            }
        }
    }

    /// The open lab, if this tab has it still.
    fn own(&self) -> Result<String, StoreError> {
        self.available()?;
        let lab = self.lab();
        match self.kept.borrow().held.get(&lab) == Some(&self.tab.get()) {
            true => Ok(lab),
            false => Err(StoreError::OtherTab),
        }
    }

    fn take(&self, lab: &str, over: bool) -> Result<Opened, StoreError> {
        self.let_go();
        self.available()?;
        let mut kept = self.kept.borrow_mut();
        if kept.held.contains_key(lab) && !over {
            return Err(StoreError::OtherTab);
        }
        kept.tabs += 1;
        self.tab.set(kept.tabs);
        let tab = kept.tabs;
        kept.held.insert(lab.to_owned(), tab);
        *self.open.borrow_mut() = Some(lab.to_owned());
        let there = kept.block_ids(lab);
        let Some(bytes) = kept.manifests.get(lab) else {
            self.first_block.set(after(&there));
            return Ok(Opened { manifest: None, next_block: after(&there) });
        };
        let record = Record::decode(lab, bytes)?;
        let census = Census::take(lab, &record, &there)?;
        for id in census.rubbish {
            kept.blocks.remove(&(lab.to_owned(), id));
        }
        self.first_block.set(record.first_block);
        Ok(Opened { manifest: Some(record.manifest), next_block: census.next_block })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Kept {
    fn block_ids(&self, lab: &str) -> BTreeSet<u64> {
        self.blocks.keys().filter(|(name, _)| name == lab).map(|(_, id)| *id).collect()
    }

    fn bytes(&self) -> usize {
        let manifests = self.manifests.values().map(Vec::len).sum::<usize>();
        manifests + self.blocks.values().map(Vec::len).sum::<usize>()
    }
}

impl Store for Memory {
    async fn open(&self, lab: &str) -> Result<Opened, StoreError> {
        self.take(lab, false)
    }

    async fn take_over(&self, lab: &str) -> Result<Opened, StoreError> {
        self.take(lab, true)
    }

    async fn peek(&self, lab: &str) -> Result<Option<Manifest>, StoreError> {
        self.available()?;
        let kept = self.kept.borrow();
        let record = kept.manifests.get(lab).map(|bytes| Record::decode(lab, bytes)).transpose()?;
        Ok(record.map(|record| record.manifest))
    }

    async fn keep_aside(&self, date: &str) -> Result<Opened, StoreError> {
        let lab = self.own()?;
        let mut kept = self.kept.borrow_mut();
        if let Some(bytes) = kept.manifests.remove(&lab) {
            let name = kept_name(&lab, date, |name| kept.manifests.contains_key(name));
            kept.manifests.insert(name, bytes);
        }
        let first_block = after(&kept.block_ids(&lab));
        self.first_block.set(first_block);
        Ok(Opened { manifest: None, next_block: first_block })
    }

    async fn read(&self, ids: &[u64]) -> Result<Vec<Bytes>, StoreError> {
        let lab = self.own()?;
        let mut kept = self.kept.borrow_mut();
        kept.blocks_read += ids.len() as u64;
        if let Some(reason) = &kept.faults.unreadable {
            return Err(StoreError::Unavailable(reason.clone()));
        }
        let blocks = ids.iter().map(|id| {
            let found = kept.blocks.get(&(lab.clone(), *id));
            block::open(&lab, *id, found.cloned().unwrap_or_default())
        });
        blocks.collect()
    }

    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let lab = self.own()?;
        let mut kept = self.kept.borrow_mut();
        let number = kept.commits;
        kept.commits += 1;
        if kept.faults.failing_commits.contains(&number) {
            return Err(StoreError::Unavailable(format!("commit {number} is made to fail")));
        }
        let record =
            Record { first_block: self.first_block.get(), manifest: commit.manifest.clone() };
        let record = record.encode();
        if let Some(room) = kept.faults.bytes_max
            && kept.bytes() + commit.bytes() + record.len() > room
        {
            return Err(StoreError::Full(format!("there is room for {room} bytes")));
        }
        for (id, content) in &commit.blocks {
            let mut bytes = block::head(content).to_vec();
            bytes.extend_from_slice(content);
            let before = kept.blocks.insert((lab.clone(), *id), bytes);
            assert!(before.is_none(), "block {id} was used before");
        }
        for id in &commit.drop {
            kept.blocks.remove(&(lab.clone(), *id));
        }
        kept.manifests.insert(lab, record);
        Ok(())
    }

    async fn erase(&self) -> Result<(), StoreError> {
        let lab = self.own()?;
        let mut kept = self.kept.borrow_mut();
        let prefix = kept_prefix(&lab);
        kept.manifests.retain(|name, _| *name != lab && !name.starts_with(&prefix));
        kept.blocks.retain(|(of, _), _| *of != lab);
        Ok(())
    }

    async fn labs(&self) -> Result<Vec<String>, StoreError> {
        self.available()?;
        Ok(self.kept.borrow().manifests.keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{
        FORMAT, Manifest, SavedFile, SavedFlushed, SavedNode, SavedPiece,
    };
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// A store in memory never waits.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waited"),
        }
    }

    /// A manifest that names these blocks, all of one file.
    fn manifest(generation: u64, ids: &[u64]) -> Manifest {
        let piece = |id: &u64| SavedPiece { block: *id, block_len: 3, from: 0, len: 3 };
        let file = SavedFile {
            name: "log".into(),
            pieces: ids.iter().map(piece).collect(),
            flushed: SavedFlushed::Bytes(0),
        };
        let node = SavedNode {
            world: "kafka".into(),
            name: "kafka-1".into(),
            spec: String::new(),
            machine: 0,
            life: 0,
            alive: true,
            files: vec![file],
        };
        let next_block = ids.iter().max().map_or(0, |last| last + 1);
        Manifest { generation, nodes: vec![node], next_block, ..Manifest::default() }
    }

    fn commit(generation: u64, new: &[u64], all: &[u64], drop: &[u64]) -> Commit {
        let content = |id: &u64| (*id, Bytes::from(vec![*id as u8; 3]));
        let blocks = new.iter().map(content).collect();
        Commit { blocks, manifest: manifest(generation, all), drop: drop.to_vec() }
    }

    #[test]
    fn a_commit_comes_back_in_another_tab() {
        let tab = Memory::new();
        assert_eq!(now(tab.open("main")), Ok(Opened::default()));
        now(tab.commit(&commit(1, &[0, 1], &[0, 1], &[]))).unwrap();
        now(tab.commit(&commit(2, &[2], &[1, 2], &[0]))).unwrap();
        let next = tab.other_tab();
        assert_eq!(now(next.open("main")), Err(StoreError::OtherTab));
        drop(tab);
        let opened = now(next.open("main")).unwrap();
        assert_eq!(opened, Opened { manifest: Some(manifest(2, &[1, 2])), next_block: 3 });
        let read = now(next.read(&[2, 1])).unwrap();
        assert_eq!(read, [Bytes::from_static(&[2; 3]), Bytes::from_static(&[1; 3])]);
        assert_eq!(now(next.labs()).unwrap(), ["main"]);
    }

    #[test]
    fn a_failed_commit_leaves_the_former_one() {
        let tab = Memory::new();
        now(tab.open("main")).unwrap();
        now(tab.commit(&commit(1, &[0], &[0], &[]))).unwrap();
        tab.set_faults(Faults { failing_commits: [1].into(), ..Faults::default() });
        assert!(now(tab.commit(&commit(2, &[1], &[1], &[0]))).is_err());
        tab.set_faults(Faults { bytes_max: Some(300), ..Faults::default() });
        let large = Commit { blocks: vec![(1, Bytes::from(vec![0; 300]))], ..Commit::default() };
        assert!(matches!(now(tab.commit(&large)), Err(StoreError::Full(_))));
        let next = tab.other_tab();
        drop(tab);
        assert_eq!(now(next.open("main")).unwrap().manifest, Some(manifest(1, &[0])));
        assert_eq!(now(next.read(&[0])).unwrap(), [Bytes::from_static(&[0; 3])]);
    }

    #[test]
    fn a_flipped_byte_in_a_block_is_noticed() {
        let tab = Memory::new();
        now(tab.open("main")).unwrap();
        now(tab.commit(&commit(1, &[0], &[0], &[]))).unwrap();
        tab.damage_block("main", 0, |bytes| bytes[5] ^= 1);
        let error = now(tab.read(&[0])).unwrap_err();
        assert!(error.to_string().starts_with("block 0 of \"main\": found checksum"), "{error}");
    }

    #[test]
    fn rubbish_is_collected_when_the_lab_is_opened() {
        let tab = Memory::new();
        now(tab.open("main")).unwrap();
        now(tab.commit(&commit(1, &[0, 1], &[0, 1], &[]))).unwrap();
        now(tab.commit(&commit(2, &[], &[1], &[]))).unwrap();
        tab.litter("main", 9);
        assert_eq!(tab.block_ids("main"), [0, 1, 9].into());
        let next = tab.other_tab();
        drop(tab);
        let opened = now(next.open("main")).unwrap();
        assert_eq!(next.block_ids("main"), [1].into());
        assert_eq!(opened.next_block, 10, "an id is never used again");
    }

    #[test]
    fn what_cannot_be_read_is_kept_aside_with_its_blocks() {
        let tab = Memory::new();
        now(tab.open("main")).unwrap();
        now(tab.commit(&commit(1, &[0, 1], &[0, 1], &[]))).unwrap();
        tab.damage_manifest("main", |bytes| bytes.truncate(30));
        let next = tab.other_tab();
        drop(tab);
        assert!(matches!(now(next.open("main")), Err(StoreError::Corrupt { .. })));
        let opened = now(next.keep_aside("2025-11-21")).unwrap();
        assert_eq!(opened, Opened { manifest: None, next_block: 2 });
        now(next.commit(&commit(1, &[2, 3], &[3], &[]))).unwrap();
        let last = next.other_tab();
        drop(next);
        now(last.open("main")).unwrap();
        assert_eq!(last.block_ids("main"), [0, 1, 3].into());
        assert_eq!(now(last.labs()).unwrap(), ["main", "main (kept 2025-11-21-1)"]);
        now(last.keep_aside("2025-11-21")).unwrap();
        let kept = ["main (kept 2025-11-21-1)", "main (kept 2025-11-21-2)"];
        assert_eq!(now(last.labs()).unwrap(), kept);
        now(last.erase()).unwrap();
        assert!(now(last.labs()).unwrap().is_empty());
        assert!(last.block_ids("main").is_empty());
    }

    #[test]
    fn a_newer_format_and_a_missing_block_are_named() {
        let tab = Memory::new();
        now(tab.open("main")).unwrap();
        now(tab.commit(&commit(1, &[0], &[0, 1], &[]))).unwrap();
        let next = tab.other_tab();
        drop(tab);
        let error = now(next.open("main")).unwrap_err().to_string();
        let sentence =
            "block 1 of \"main\": found nothing, expected a block that the manifest names";
        assert_eq!(error, sentence);
        now(next.keep_aside("d")).unwrap();
        now(next.commit(&commit(1, &[1], &[1], &[]))).unwrap();
        next.damage_manifest("main", |bytes| {
            let head = (FORMAT + 1).to_le_bytes();
            bytes[8..12].copy_from_slice(&head);
            let len = (bytes.len() as u64 - 24).to_le_bytes();
            let sum = crc32c::crc32c_append(crc32c::crc32c(&head), &len);
            let sum = crc32c::crc32c_append(sum, &bytes[24..]);
            bytes[20..24].copy_from_slice(&sum.to_le_bytes());
        });
        let last = next.other_tab();
        drop(next);
        let newer = StoreError::Newer { found: FORMAT + 1, known: FORMAT };
        assert_eq!(now(last.open("main")), Err(newer));
    }
}
