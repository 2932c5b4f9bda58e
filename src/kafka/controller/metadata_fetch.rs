//! Brokers fetch the metadata log: what is committed, or what will be within their time; and a
//! snapshot, if they have nothing or the log does not go back so far.

use super::active::Controller;
use crate::kafka::broker::fetch::{Trimmed, trim};
use crate::kafka::broker::life::Ticket;
use crate::kafka::broker::server::Call;
use crate::kafka::error::ErrorCode;
use crate::kafka::log::ReadPlan;
use crate::kafka::message::Response;
use crate::kafka::message::request::{Fetch, FetchPartition};
use crate::kafka::message::response::{Fetched, FetchedPartition};
use crate::kafka::metadata::SnapshotId;
use crate::kafka::process::{Out, Timer};
use crate::kafka::record::HEADER_BYTES;
use crate::sim::{NodeId, Rope, Span};

/// A broker's fetch that reads or waits.
#[derive(Clone, Debug)]
pub struct MetadataFetch {
    call: Call,
    asked: FetchPartition,
    reading: Option<ReadPlan>,
}

impl Controller {
    pub(super) fn fetch_metadata(&mut self, call: Call, fetch: &Fetch, out: &mut Out<'_>) {
        let Some(asked) = fetch.partitions.first().cloned() else { return };
        if let Some((broker, _)) = fetch.replica {
            self.observe(broker, asked.offset, out.now());
        }
        self.last_fetch += 1;
        let id = self.last_fetch;
        let begins = asked.offset == 0 || asked.offset < self.log.log_start();
        if let Some(last) = self.snapshots.last().filter(|_| begins) {
            let answer = self.metadata_answer(&asked, Rope::default(), Some(last.id));
            return call.answer(answer, out);
        }
        self.fetches.insert(id, MetadataFetch { call, asked, reading: None });
        out.timer(Timer::FetchWait(id), Span::millis(fetch.max_wait_ms));
        self.read_metadata(id, out);
    }

    fn read_metadata(&mut self, id: u64, out: &mut Out<'_>) {
        let Some(fetch) = self.fetches.get(&id) else { return };
        if fetch.reading.is_none() && fetch.asked.offset < self.committed() {
            let most = fetch.asked.max_bytes.max(HEADER_BYTES as u64);
            let plan = self.log.read_plan(fetch.asked.offset, most);
            let ticket = Ticket::MetadataFetch { fetch: id };
            out.read(&plan.file, plan.from.position, plan.len, ticket);
            if let Some(fetch) = self.fetches.get_mut(&id) {
                fetch.reading = Some(plan);
            }
        }
    }

    /// Bytes of the metadata log have come.
    pub fn metadata_read(&mut self, id: u64, bytes: &Rope, out: &mut Out<'_>) {
        let committed = self.committed();
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        let Some(mut plan) = fetch.reading.take() else { return };
        match trim(bytes, &fetch.asked, committed, fetch.asked.max_bytes, true) {
            Trimmed::Records(records) => return self.answer_metadata(id, records, out),
            Trimmed::NeedsBytes(len) if len <= plan.available => plan.len = len,
            Trimmed::NeedsBytes(_) | Trimmed::Beyond => {
                match self.log.next_segment(plan.from.segment) {
                    Some(next) => plan = self.log.read_plan(next, fetch.asked.max_bytes),
                    None => return self.answer_metadata(id, Rope::default(), out),
                }
            }
        }
        out.read(&plan.file, plan.from.position, plan.len, Ticket::MetadataFetch { fetch: id });
        fetch.reading = Some(plan);
    }

    fn answer_metadata(&mut self, id: u64, records: Rope, out: &mut Out<'_>) {
        let Some(fetch) = self.fetches.remove(&id) else { return };
        out.cancel(Timer::FetchWait(id));
        fetch.call.answer(self.metadata_answer(&fetch.asked, records, None), out);
    }

    fn metadata_answer(
        &self,
        asked: &FetchPartition,
        records: Rope,
        snapshot: Option<SnapshotId>,
    ) -> Response {
        let partition = FetchedPartition {
            partition: asked.partition.clone(),
            error: None,
            high_watermark: self.committed(),
            last_stable: self.committed(),
            aborted: Vec::new(),
            log_start: self.log.log_start(),
            records,
            diverging: None,
            preferred_replica: None,
            snapshot,
        };
        Response::Fetch(Fetched { partitions: vec![partition] })
    }

    /// A broker wants a snapshot that it was told of. Simplified: it comes at once, where real ones
    /// come in pieces of up to 8 MiB.
    pub(super) fn fetch_snapshot(&self, id: SnapshotId) -> Response {
        let found = self.snapshots.last().filter(|last| last.id == id);
        let bytes = found.map(|_| self.snapshots.latest().clone());
        Response::FetchSnapshot(bytes.ok_or(ErrorCode::SnapshotNotFound))
    }

    /// The time of a fetch is up.
    pub fn metadata_waited(&mut self, id: u64, out: &mut Out<'_>) {
        if self.fetches.get(&id).is_some_and(|fetch| fetch.reading.is_none()) {
            self.answer_metadata(id, Rope::default(), out);
        }
    }

    pub(super) fn wake_metadata_fetches(&mut self, out: &mut Out<'_>) {
        let waiting: Vec<u64> = self.fetches.keys().copied().collect();
        waiting.into_iter().for_each(|id| self.read_metadata(id, out));
    }

    /// Forgets all fetches; gives who asked.
    pub(super) fn take_fetches(&mut self) -> Vec<(u64, Call)> {
        let all = std::mem::take(&mut self.fetches);
        all.into_iter().map(|(id, fetch)| (id, fetch.call)).collect()
    }

    /// A connection ended: nobody waits for what was asked on it.
    pub fn closed(&mut self, peer: NodeId) {
        self.fetches.retain(|_, fetch| fetch.call.from != peer);
    }
}
