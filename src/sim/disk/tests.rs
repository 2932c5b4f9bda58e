//! Disks against a model of plain byte vectors, over many seeds; and what sealing may not change.

use super::*;
use crate::ordered::BTreeMap;

const SEEDS: u64 = 100;
const NAMES: [&str; 3] = ["a.log", "b.log", "c.log"];

fn text(bytes: &str) -> Bytes {
    Bytes::copy_from_slice(bytes.as_bytes())
}

fn all(file: &File) -> Vec<u8> {
    file.read(0, u64::MAX).expect("everything is in memory").bytes().to_vec()
}

/// What a log should be.
#[derive(Clone, Default, PartialEq, Debug)]
struct Model {
    bytes: Vec<u8>,
    flushed: usize,
    flushing: BTreeMap<u64, usize>,
}

impl Model {
    fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.flushed = self.flushed.min(len);
        self.flushing.values_mut().for_each(|flushing| *flushing = len.min(*flushing));
    }
}

/// What was saved, by the id of its block.
type Storage = BTreeMap<u64, Bytes>;

/// A disk, and what should be on it.
#[derive(Clone, Default)]
struct Bench {
    disk: Disk,
    models: BTreeMap<&'static str, Model>,
}

impl Bench {
    fn act(&mut self, stream: &mut Stream) {
        let name = NAMES[stream.below(3) as usize];
        let other = NAMES[stream.below(3) as usize];
        let model = self.models.get_mut(name);
        match stream.below(14) {
            0..=5 => {
                let bytes: Vec<u8> = (0..stream.below(40)).map(|_| stream.bits() as u8).collect();
                self.models.entry(name).or_default().bytes.extend(&bytes);
                self.disk.append(name, bytes.into());
            }
            6 => {
                let len = stream.below(200);
                self.disk.truncate(name, len);
                model.into_iter().for_each(|model| model.truncate(len as usize));
            }
            7 | 8 => {
                let (number, _) = self.disk.begin_flush(name);
                model.into_iter().for_each(|model| {
                    model.flushing.insert(number, model.bytes.len());
                });
            }
            9 | 10 => {
                let under_way = self.models.iter().find_map(|(name, model)| {
                    model.flushing.keys().next().map(|number| (*name, *number))
                });
                if let Some((name, number)) = under_way {
                    // The file may be called otherwise by now.
                    self.disk.end_flush(if stream.below(2) == 0 { name } else { other }, number);
                    let model = self.models.get_mut(name).expect("it was just found");
                    let covered = model.flushing.remove(&number).expect("it was just found");
                    model.flushed = model.flushed.max(covered);
                }
            }
            11 => {
                self.disk.rename(name, other);
                if let Some(model) = self.models.remove(name) {
                    self.models.insert(other, model);
                }
            }
            12 if stream.below(4) == 0 => {
                self.disk.delete(name);
                self.models.remove(name);
            }
            13 if stream.below(6) == 0 => {
                self.disk.power_cut(None);
                for model in self.models.values_mut() {
                    model.flushing.clear();
                    model.truncate(model.flushed);
                }
            }
            _ => {}
        }
    }

    /// Seals what is unsaved, saves most of it, and releases some of that.
    fn save(&mut self, storage: &mut Storage, stream: &mut Stream) {
        for block in self.disk.seal(1 + stream.below(300)) {
            if stream.below(8) > 0 {
                let id = storage.len() as u64;
                storage.insert(id, block.bytes().expect("what is to be saved is in memory"));
                block.mark_saved(StoredAt::whole(id, block.len()));
                if stream.below(2) == 0 {
                    block.release();
                }
            }
        }
    }

    fn check(&self, storage: &Storage, context: &str) {
        assert!(self.disk.iter().map(|(name, _)| name).eq(self.models.keys().copied()));
        for (name, file) in self.disk.iter() {
            let model = &self.models[name];
            let rope = loop {
                match file.read(0, u64::MAX) {
                    Ok(rope) => break rope,
                    Err(Absent(blocks)) => {
                        for block in blocks {
                            let id = block.saved_as().expect("only saved blocks are absent").id;
                            block.restore(storage[&id].clone());
                        }
                    }
                }
            };
            assert!(rope.bytes() == model.bytes, "{context}: {name} has other bytes");
            assert_eq!(file.len() as usize, model.bytes.len(), "{context}: {name}");
            assert_eq!(file.flushed_len() as usize, model.flushed, "{context}: {name}");
            let middle = model.bytes.len() / 3;
            let some = file.read(middle as u64, 20).expect("it was just loaded").bytes();
            assert!(some == model.bytes[middle..(middle + 20).min(model.bytes.len())]);
        }
    }
}

#[test]
fn a_disk_is_what_was_done_to_it_however_it_is_saved_and_cloned() {
    for seed in 0..SEEDS {
        let mut stream = Stream::named(seed, "disk");
        let mut storage = Storage::new();
        let mut benches = vec![Bench::default()];
        for step in 0..200 {
            let count = benches.len() as u64;
            let bench = &mut benches[stream.below(count) as usize];
            match stream.below(12) {
                0 => bench.save(&mut storage, &mut stream),
                1 if count < 5 => {
                    let clone = bench.clone();
                    benches.push(clone);
                }
                _ => bench.act(&mut stream),
            }
            if step % 20 == 19 {
                let context = format!("seed {seed}, step {step}");
                benches.iter().for_each(|bench| bench.check(&storage, &context));
            }
        }
    }
}

#[test]
fn sealing_gives_out_all_that_is_unsaved_in_blocks_of_at_most_the_size_asked_for() {
    let mut disk = Disk::default();
    (0..10).for_each(|_| disk.append("log", text("0123456789")));
    let lens = |blocks: &[Rc<Block>]| blocks.iter().map(|block| block.len()).collect::<Vec<_>>();
    let sealed = disk.seal(35);
    assert_eq!(lens(&sealed), [30, 30, 30, 10]);
    assert_eq!(lens(&disk.seal(35)), [30, 30, 30, 10], "until they are saved, they are unsaved");
    sealed
        .iter()
        .zip(7..)
        .for_each(|(block, id)| block.mark_saved(StoredAt::whole(id, block.len())));
    assert_eq!(lens(&disk.seal(35)), [0; 0]);
    disk.append("log", text("x"));
    assert_eq!(lens(&disk.seal(35)), [1], "a byte is no reason to save ten again");
    disk.append("log", text("abcdefghijkl"));
    assert_eq!(lens(&disk.seal(35)), [23], "twelve are, and what is larger stays");
    let file = disk.get("log").unwrap();
    let ids: Vec<_> =
        file.pieces().iter().map(|piece| piece.block.saved_as().map(|stored| stored.id)).collect();
    assert_eq!(ids, [Some(7), Some(8), Some(9), None]);
    assert_eq!(all(file).len(), 113);
}

#[test]
fn a_slow_log_does_not_become_a_list_of_crumbs() {
    let mut disk = Disk::default();
    let mut saved_bytes = 0;
    for id in 0..1_000 {
        disk.append("log", text("0123456789"));
        for block in disk.seal(4_096) {
            saved_bytes += block.len();
            block.mark_saved(StoredAt::whole(id, block.len()));
        }
    }
    let pieces = disk.get("log").unwrap().pieces().len();
    assert!(pieces < 20, "{pieces} blocks for 10 kB");
    assert!(saved_bytes < 10_000 * 12, "{saved_bytes} bytes were saved for 10,000");
}

#[test]
fn an_old_clone_follows_its_bytes_into_merged_blocks_and_out_of_memory() {
    let mut disk = Disk::default();
    for word in ["one ", "two ", "three"] {
        disk.append("log", text(word));
    }
    let mut clone = disk.clone();
    clone.truncate("log", 6);
    let [block] = &disk.seal(100)[..] else { panic!("three small pieces are one block") };
    block.mark_saved(StoredAt::whole(1, block.len()));
    let bytes = block.bytes().unwrap();
    block.release();
    let Err(Absent(needed)) = clone.get("log").unwrap().read(0, 100) else {
        panic!("the clone still holds bytes that should be free")
    };
    assert!(needed.len() == 1 && Rc::ptr_eq(&needed[0], block), "one load serves all three");
    assert!(clone.seal(100).is_empty(), "what was saved by another clone is saved");
    assert_eq!(clone.get("log").unwrap().pieces().len(), 1, "neighbours are one piece again");
    block.restore(bytes);
    assert_eq!(all(clone.get("log").unwrap()), b"one tw");
    clone.append("log", text("ins"));
    assert_eq!(all(clone.get("log").unwrap()), b"one twins");
    assert_eq!(all(disk.get("log").unwrap()), b"one two three");
}

#[test]
fn what_a_power_cut_brings_back_is_saved_too() {
    let mut disk = Disk::default();
    disk.replace("state", text("old"));
    let (number, bytes) = disk.begin_flush("state");
    assert_eq!(bytes, 3);
    disk.end_flush("state", number);
    disk.replace("state", text("newer"));
    let sealed = disk.seal(100);
    assert_eq!(sealed.iter().map(|block| block.len()).collect::<Vec<_>>(), [5, 3]);
    sealed
        .iter()
        .zip(0..)
        .for_each(|(block, id)| block.mark_saved(StoredAt::whole(id, block.len())));
    assert!(disk.seal(100).is_empty());
    disk.power_cut(None);
    assert_eq!(all(disk.get("state").unwrap()), b"old");
    assert!(disk.get("state").unwrap().is_flushed());
    assert!(disk.seal(100).is_empty());
}

#[test]
fn an_empty_file_is_a_file() {
    let mut disk = Disk::default();
    disk.append("log", Bytes::new());
    disk.replace("state", Bytes::new());
    assert_eq!(
        disk.iter().map(|(name, file)| (name, file.len())).collect::<Vec<_>>(),
        [("log", 0), ("state", 0)]
    );
    assert!(disk.seal(100).is_empty());
    disk.power_cut(None);
    let left: Vec<_> = disk.iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["log"], "a log is made at once, a whole file with its first flush");
}

#[test]
fn files_are_found_by_prefix() {
    let mut disk = Disk::default();
    for name in ["orders-0/1.log", "orders-0/2.log", "orders-1/1.log", "orders"] {
        disk.append(name, text("x"));
    }
    let found: Vec<_> = disk.with_prefix("orders-0/").map(|(name, _)| name).collect();
    assert_eq!(found, ["orders-0/1.log", "orders-0/2.log"]);
    assert_eq!(disk.with_prefix("").count(), 4);
}

#[test]
fn only_real_changes_are_counted() {
    let mut disk = Disk::default();
    disk.append("log", text("abc"));
    let before = disk.changes();
    disk.truncate("log", 3);
    disk.truncate("none", 0);
    disk.delete("none");
    disk.rename("none", "log");
    disk.seal(100);
    disk.forget_flushes();
    assert_eq!(disk.changes(), before);
    disk.truncate("log", 2);
    assert_ne!(disk.changes(), before);
}

#[test]
#[should_panic(expected = "a file that is replaced whole was appended")]
fn a_file_is_written_in_one_way() {
    let mut disk = Disk::default();
    disk.replace("state", text("1"));
    disk.append("state", text("2"));
}

#[test]
#[should_panic(expected = "a block that was never saved was released")]
fn only_what_is_saved_can_be_released() {
    Block::new(text("precious")).release();
}

#[test]
#[should_panic(expected = "storage gave another block back")]
fn a_block_is_restored_with_its_own_bytes() {
    Block::absent(StoredAt::whole(1, 5), 5).restore(text("four"));
}

#[test]
fn a_rope_is_sliced_across_its_parts() {
    let mut rope = Rope::from(text("abc"));
    rope.push(Bytes::new());
    rope.push(text("de"));
    rope.extend(Rope::from(text("fgh")));
    assert_eq!((rope.len(), rope.parts().len()), (8, 3));
    for from in 0..=8 {
        for to in from..=8 {
            assert_eq!(rope.slice(from, to), &b"abcdefgh"[from..to]);
        }
    }
    assert_eq!(rope, Rope::from(text("abcdefgh")));
    assert_ne!(rope, Rope::from(text("abcdefgx")));
}

#[test]
#[should_panic(expected = "bytes 2..9 of 3 were asked for")]
fn a_rope_has_an_end() {
    Rope::from(text("abc")).slice(2, 9);
}
