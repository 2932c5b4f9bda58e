//! Which blocks of the logs are in memory, and which stored blocks are still needed.
//!
//! A block that storage holds may be released. The oldest in memory go first, so that what stays
//! is what was written or read last. Nothing that happens in the lab depends on it: a read that
//! meets a released block waits outside of virtual time.
//!
//! A stored block is needed as long as any block of the lab lies in it: in a file of today, or in
//! a checkpoint that one can go back to.

use crate::lab::Session;
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::disk::{Block, File, Kind, Piece, StoredAt};
use crate::storage::StoreError;
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

/// Which blocks are in memory, and which stored blocks are needed.
#[derive(Debug)]
pub struct Residency {
    bytes_max: u64,
    /// All that storage holds, by id, with the blocks that lie in each.
    stored: BTreeMap<u64, Vec<Weak<Block>>>,
    /// Saved blocks in memory, in the order in which they came there.
    resident: VecDeque<Resident>,
    resident_bytes: u64,
}

#[derive(Debug)]
struct Resident {
    block: Weak<Block>,
    len: u64,
    /// The stored block it lay in when it came. If it lies in another one now, it came again.
    id: u64,
}

impl Residency {
    /// Nothing is stored yet; at most so many bytes of saved blocks stay in memory.
    pub fn new(bytes_max: u64) -> Residency {
        Residency {
            bytes_max,
            stored: BTreeMap::new(),
            resident: VecDeque::new(),
            resident_bytes: 0,
        }
    }

    /// Storage holds these already, for whatever was there before.
    pub fn inherit(&mut self, ids: BTreeSet<u64>) {
        self.stored = ids.into_iter().map(|id| (id, Vec::new())).collect();
    }

    /// Takes note of a lab that was opened again: all of its blocks are in storage only.
    pub fn opened(&mut self, session: &Session) {
        let mut seen = BTreeSet::new();
        let mut note = |file: &File| {
            let flushed = match file.kind() {
                Kind::Whole { flushed: Some(pieces) } => &pieces[..],
                Kind::Whole { flushed: None } | Kind::Log { .. } => &[],
            };
            for Piece { block, .. } in file.pieces().iter().chain(flushed) {
                if let Some(stored) = block.saved_as()
                    && seen.insert(Rc::as_ptr(block))
                {
                    self.stored.entry(stored.id).or_default().push(Rc::downgrade(block));
                }
            }
        };
        let (kafka, rabbit) = (&session.kafka.world, &session.rabbit.world);
        kafka.ids().for_each(|id| kafka.disk(id).iter().for_each(|(_, file)| note(file)));
        rabbit.ids().for_each(|id| rabbit.disk(id).iter().for_each(|(_, file)| note(file)));
    }

    /// Storage holds these blocks now.
    pub fn saved<'a>(&mut self, blocks: impl Iterator<Item = &'a Rc<Block>>) {
        for block in blocks {
            if let Some(stored) = block.saved_as() {
                self.stored.entry(stored.id).or_default().push(Rc::downgrade(block));
                self.came(block, stored.id);
            }
        }
        self.trim();
    }

    /// Stored blocks that no manifest and no block of the lab needs any more.
    pub fn unneeded(&self, named: &BTreeSet<u64>) -> Vec<u64> {
        // The bytes of a block that was merged into another are stored, or to be stored, with that.
        let lies_in = |block: &Weak<Block>, id: u64| {
            let block = block.upgrade().filter(|block| !block.has_moved());
            block.and_then(|block| block.saved_as()).is_some_and(|stored| stored.id == id)
        };
        let free = self.stored.iter().filter(|(id, blocks)| {
            !named.contains(id) && !blocks.iter().any(|block| lies_in(block, **id))
        });
        free.map(|(id, _)| *id).collect()
    }

    /// Storage has forgotten these.
    pub fn dropped(&mut self, ids: &[u64]) {
        for id in ids {
            self.stored.remove(id);
        }
    }

    /// Puts the content of a stored block into all blocks that lie in it.
    pub fn loaded(&mut self, id: u64, content: &Bytes) -> Result<(), StoreError> {
        let blocks = self.stored.get(&id).into_iter().flatten().filter_map(Weak::upgrade);
        let lying: Vec<(Rc<Block>, StoredAt)> = blocks
            .filter_map(|block| {
                block.saved_as().filter(|s| s.id == id).map(|stored| (block, stored))
            })
            .collect();
        // Where little of it is needed still, the rest is not to stay in memory with that.
        let needed: u64 = lying.iter().map(|(block, _)| block.len()).sum();
        let is_sparse = needed * 2 < content.len() as u64;
        for (block, stored) in lying {
            let (from, to) = (stored.at, stored.at + block.len());
            if to > content.len() as u64 {
                return Err(StoreError::Corrupt {
                    place: format!("block {id}"),
                    found: format!("{} bytes", content.len()),
                    expected: format!("{}", stored.stored_len),
                });
            }
            if !block.is_resident() {
                let bytes = content.slice(from as usize..to as usize);
                block.restore(if is_sparse { Bytes::copy_from_slice(&bytes) } else { bytes });
                self.came(&block, id);
            }
        }
        Ok(())
    }

    /// Releases the oldest blocks until there is room.
    pub fn trim(&mut self) {
        while self.resident_bytes > self.bytes_max {
            let Some(oldest) = self.resident.pop_front() else { break };
            self.resident_bytes -= oldest.len;
            let block = oldest.block.upgrade();
            let lies_in = |block: &Rc<Block>| block.saved_as().is_some_and(|s| s.id == oldest.id);
            if let Some(block) = block.filter(|block| block.is_resident() && lies_in(block)) {
                block.release();
            }
        }
    }

    /// At most so many bytes of saved blocks stay in memory.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Bytes of saved blocks in memory.
    pub fn resident_bytes(&self) -> u64 {
        self.resident_bytes
    }

    fn came(&mut self, block: &Rc<Block>, id: u64) {
        self.resident.push_back(Resident { block: Rc::downgrade(block), len: block.len(), id });
        self.resident_bytes += block.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two blocks of 10 bytes in each stored block.
    fn saved(residency: &mut Residency, ids: std::ops::Range<u64>) -> Vec<Rc<Block>> {
        let mut blocks = Vec::new();
        for id in ids {
            for at in [0, 10] {
                let block = Block::new(Bytes::from(vec![id as u8 + at as u8; 10]));
                block.mark_saved(StoredAt { id, stored_len: 20, at });
                blocks.push(block);
            }
        }
        residency.saved(blocks.iter());
        blocks
    }

    #[test]
    fn the_oldest_blocks_go_and_come_back_whole() {
        let mut residency = Residency::new(40);
        let blocks = saved(&mut residency, 1..5);
        let resident: Vec<bool> = blocks.iter().map(|block| block.is_resident()).collect();
        assert_eq!(resident, [false, false, false, false, true, true, true, true]);
        assert_eq!(residency.resident_bytes(), 40);
        let mut content = vec![1; 10];
        content.extend([11; 10]);
        residency.loaded(1, &Bytes::from(content)).unwrap();
        assert_eq!(blocks[1].bytes().unwrap(), Bytes::from(vec![11; 10]));
        assert!(blocks[0].is_resident(), "all of a stored block comes back");
        residency.trim();
        assert!(!blocks[4].is_resident() && blocks[0].is_resident());
        assert_eq!(residency.resident_bytes(), 40);
    }

    #[test]
    fn a_stored_block_that_is_too_short_is_refused() {
        let mut residency = Residency::new(0);
        let _blocks = saved(&mut residency, 1..2);
        let error = residency.loaded(1, &Bytes::from_static(&[0; 15])).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }

    #[test]
    fn a_stored_block_is_needed_while_anything_lies_in_it() {
        let mut residency = Residency::new(1_000);
        let mut blocks = saved(&mut residency, 1..4);
        assert!(residency.unneeded(&BTreeSet::new()).is_empty());
        // Only a checkpoint holds the second half of block 1.
        blocks.remove(0);
        assert!(residency.unneeded(&[2, 3].into()).is_empty());
        blocks.remove(0);
        assert_eq!(residency.unneeded(&[2, 3].into()), [1]);
        // Block 2 was packed anew into block 4.
        for (block, at) in blocks.iter().take(2).zip([0, 10]) {
            block.mark_saved(StoredAt { id: 4, stored_len: 20, at });
        }
        residency.saved(blocks.iter().take(2));
        assert_eq!(residency.unneeded(&[3, 4].into()), [1, 2]);
        residency.dropped(&[1, 2]);
        assert!(residency.unneeded(&[3, 4].into()).is_empty());
    }

    #[test]
    fn a_block_that_was_packed_anew_is_released_once() {
        let mut residency = Residency::new(20);
        let blocks = saved(&mut residency, 1..2);
        for block in &blocks {
            let at = block.saved_as().unwrap().at;
            block.mark_saved(StoredAt { id: 2, stored_len: 20, at });
        }
        residency.saved(blocks.iter());
        assert!(blocks.iter().all(|block| block.is_resident()));
        assert_eq!(residency.resident_bytes(), 20);
    }
}
