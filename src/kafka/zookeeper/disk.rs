//! The transaction log of a server: frames of length, term and transaction, one behind the other,
//! and a small file with the epoch and the vote in it.
//!
//! A frame is cut off when its end is not there, as after a power cut.

use super::request::Txn;
use crate::kafka::broker::life::Ticket;
use crate::kafka::process::Out;
use crate::ordered::Order;
use crate::raft::{Entry, Log, MemberId, Saved};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::collections::VecDeque;

/// The transactions.
pub const LOG: &str = "version-2/log.1";
/// Epoch and vote.
pub const EPOCH: &str = "version-2/currentEpoch";

/// Where the frames lie, and what is not flushed yet.
#[derive(Clone, Debug, Default)]
pub struct TxnLog {
    /// Where each frame begins.
    places: VecDeque<u64>,
    end: u64,
    /// What has something to be flushed, and the last write that is in it.
    unflushed: Vec<&'static str>,
    written: u64,
    /// Flushes under way, and the write that is safe when they are done.
    flushes: u8,
    flushing: u64,
}

impl TxnLog {
    /// Reads what an earlier life has left; what is torn goes.
    pub fn open(log: &Bytes, epoch: &str, out: &mut Out<'_>) -> (TxnLog, Saved) {
        let mut found = TxnLog::default();
        let mut entries = VecDeque::new();
        let mut rest = &log[..];
        while rest.len() >= 12 {
            let len = (&rest[..4]).get_u32() as usize;
            let Some(frame) = rest.get(12..12 + len) else { break };
            let term = (&rest[4..12]).get_u64();
            let command = (len > 0).then(|| Bytes::copy_from_slice(frame));
            entries.push_back(Entry { term, command });
            found.places.push_back(found.end);
            found.end += 12 + len as u64;
            rest = &rest[12 + len..];
        }
        if found.end < log.len() as u64 {
            out.truncate(LOG, found.end);
        }
        let mut words = epoch.split_whitespace().map(str::parse::<u64>);
        let term = words.next().and_then(Result::ok).unwrap_or(0);
        let vote = words.next().and_then(Result::ok).map(|id| MemberId(id as u32));
        let saved = Saved { term, vote, log: Log::restored((0, 0), Bytes::new(), entries) };
        (found, saved)
    }

    /// Writes epoch and vote down.
    pub fn save_vote(
        &mut self,
        write: u64,
        (term, vote): (u64, Option<MemberId>),
        out: &mut Out<'_>,
    ) {
        let text = match vote {
            Some(vote) => format!("{term} {}", vote.0),
            None => term.to_string(),
        };
        out.replace(EPOCH, Bytes::from(text));
        self.wrote(EPOCH, write);
    }

    /// Writes entries from an index on; what lies there and behind goes.
    pub fn write(&mut self, write: u64, (from, entries): (u64, Vec<Entry>), out: &mut Out<'_>) {
        let keep = (from - 1) as usize;
        if let Some(at) = self.places.get(keep).copied() {
            out.truncate(LOG, at);
            self.places.truncate(keep);
            self.end = at;
        }
        let mut bytes = BytesMut::new();
        for entry in entries {
            let command = entry.command.unwrap_or_default();
            self.places.push_back(self.end + bytes.len() as u64);
            bytes.put_u32(command.len() as u32);
            bytes.put_u64(entry.term);
            bytes.put_slice(&command);
        }
        self.end += bytes.len() as u64;
        out.append(LOG, bytes.freeze());
        self.wrote(LOG, write);
    }

    fn wrote(&mut self, file: &'static str, write: u64) {
        self.written = write;
        if !self.unflushed.contains(&file) {
            self.unflushed.push(file);
        }
    }

    /// Flushes what was written, one flush after the other.
    pub fn settle(&mut self, out: &mut Out<'_>) {
        if self.flushes > 0 || self.unflushed.is_empty() {
            return;
        }
        self.flushing = self.written;
        let mut files = std::mem::take(&mut self.unflushed);
        files.order();
        for file in files {
            self.flushes += 1;
            out.flush(file, Ticket::Quorum);
        }
    }

    /// A flush is done: the write up to which all is safe, if all of them are.
    pub fn flushed(&mut self) -> Option<u64> {
        self.flushes = self.flushes.saturating_sub(1);
        (self.flushes == 0).then_some(self.flushing)
    }
}

/// A transaction as it lies in the log.
pub fn encode(txn: &Txn) -> Bytes {
    postcard::to_stdvec(txn).expect("plain data can always be encoded").into()
}

/// The transaction of a frame.
pub fn decode(bytes: &[u8]) -> Option<Txn> {
    postcard::from_bytes(bytes).ok()
}
