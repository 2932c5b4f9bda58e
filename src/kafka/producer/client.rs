//! The producer's process.

use super::accumulator::{Accumulator, Appended};
use super::batch::Measured;
use super::meters::Meters;
use super::sender::{Sent, Stored};
use super::sequences::Sequences;
use crate::kafka::client::{ClientCore, CoreHeard};
use crate::kafka::command::{ApiError, Command, OutgoingRecord};
use crate::kafka::config::ProducerConfig;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::{Request, Response};
use crate::kafka::now_ms;
use crate::kafka::partitioner::{LoadStats, StickyPartitioner};
use crate::kafka::process::{Out, Process};
use crate::kafka::spec::ProducerSpec;
use crate::kafka::transaction::TransactionClient;
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{Input, NodeId, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// What an answer is for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// A producer id.
    ProducerId,
    /// Something about its transaction.
    Transaction,
    /// These batches, which were sent then.
    Produce(Vec<Sent>, Time),
}

/// What an observer counts over all lives of a producer; the program itself never looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Messages given to `send()`.
    pub got: u64,
    /// Messages acknowledged.
    pub done: u64,
    /// Messages given up.
    pub failed: u64,
}

/// A call of `send()`, and until when it may block.
pub(super) type Call = (Box<OutgoingRecord>, Time);

/// What became of a call of `send()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admitted {
    /// Its record is in a batch that was open before and still is: nothing is to be sent or asked
    /// that was not before, and at no other time.
    Joined,
    /// It has returned.
    Returned,
    /// It must go on waiting.
    Waits,
}

/// A producer.
#[derive(Clone, Debug)]
pub struct Producer {
    spec: Rc<ProducerSpec>,
    bootstrap: Vec<NodeId>,
    pub(super) core: ClientCore<Asked>,
    pub(super) config: ProducerConfig,
    pub(super) accumulator: Accumulator,
    pub(super) sequences: Option<Sequences>,
    pub(super) epoch_bumps: BTreeSet<TopicPartition>,
    pub(super) drain_from: usize,
    pub(super) book: Book,
    pub(super) meters: Meters,
    pub(super) transaction: Option<TransactionClient>,
    /// What is stored and not committed yet.
    pub(super) stored: Vec<Stored>,
    /// Records of the transaction that is open.
    pub(super) in_transaction: u64,
    pub(super) transactions_begun: u64,
    pub(super) transaction_began: Time,
    /// Records of all transactions of this life.
    pub(super) sent_in_all: u64,
    asking_id: bool,
    id_retry_at: Time,
    id_failures: u32,
    /// Calls of `send()` that have not returned: the first is blocked, the others wait for it.
    pub(super) blocked: VecDeque<Call>,
    sticky: BTreeMap<Rc<str>, StickyPartitioner>,
    is_ready: bool,
    is_closing: bool,
}

impl Producer {
    /// A producer that was not started yet; `bootstrap` is where it begins to ask.
    pub fn new(spec: ProducerSpec, bootstrap: Vec<NodeId>) -> Producer {
        // Whether the settings are right is said when it starts.
        let config = ProducerConfig::of(&spec.settings);
        let defaults = || ProducerConfig::of(&BTreeMap::new()).expect("the defaults are right");
        let config = config.unwrap_or_else(|_| defaults());
        let core =
            ClientCore::new(spec.name.as_str().into(), config.network.clone(), bootstrap.clone());
        let transaction = config.transaction.as_ref();
        Producer {
            spec: Rc::new(spec),
            bootstrap,
            accumulator: Accumulator::new(&config),
            sequences: None,
            epoch_bumps: BTreeSet::new(),
            drain_from: 0,
            book: Book::default(),
            meters: Meters::default(),
            transaction: transaction.map(|t| TransactionClient::new(t.id.clone(), t.timeout)),
            stored: Vec::new(),
            in_transaction: 0,
            transactions_begun: 0,
            transaction_began: Time::ZERO,
            sent_in_all: 0,
            asking_id: false,
            id_retry_at: Time::ZERO,
            id_failures: 0,
            blocked: VecDeque::new(),
            sticky: BTreeMap::new(),
            is_ready: false,
            is_closing: false,
            core,
            config,
        }
    }

    /// The same producer freshly started: nothing of its buffer is left.
    pub fn restarted(&self) -> Producer {
        let fresh = Producer::new((*self.spec).clone(), self.bootstrap.clone());
        Producer { book: self.book, ..fresh }
    }

    /// Its configuration.
    pub fn spec(&self) -> &ProducerSpec {
        &self.spec
    }

    /// True once it knows the cluster and has its producer id, if it needs one.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// What an observer counted.
    pub fn book(&self) -> Book {
        self.book
    }

    /// Its buffer.
    pub fn accumulator(&self) -> &Accumulator {
        &self.accumulator
    }

    /// Records whose `send()` has not returned.
    pub fn blocked(&self) -> impl Iterator<Item = &OutgoingRecord> {
        self.blocked.iter().map(|(record, _)| &**record)
    }

    /// True while somebody waits for memory, or the producer closes: then nothing lingers.
    pub(super) fn is_hurried(&self) -> bool {
        let waits_for_memory = self.blocked.front().is_some_and(|(record, _)| {
            self.core.metadata.topic(&record.topic).is_some_and(Result::is_ok)
        });
        self.is_closing || waits_for_memory
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match input {
            Input::Start => {
                if let Err(error) = ProducerConfig::of(&self.spec.settings) {
                    out.emit(Event::ClientError { client: self.core.name.clone(), error });
                    return out.exit();
                }
                self.core.begin(out);
            }
            Input::Stop => self.is_closing = true,
            Input::Timer(_) => self.core.woken(),
            Input::Message { from, body } => {
                if let CoreHeard::Answer(asked, response) = self.core.hear(from, *body, out) {
                    self.answered(asked, Some(response), out);
                }
            }
            Input::Closed { peer } => {
                for asked in self.core.closed(peer, out) {
                    self.answered(asked, None, out);
                }
            }
            Input::Command(Command::Send(record)) => {
                self.book.got += 1;
                let call = (record, out.now() + self.config.max_block);
                // The one thing that comes by the thousand: nothing else is to be looked at.
                if self.is_calm(out) {
                    if self.admit_call(call, out) != Admitted::Joined {
                        self.core.pump(out);
                        self.pump_batches(None, out);
                    }
                    return;
                }
                self.blocked.push_back(call);
            }
            Input::Command(command) => self.command(command, out),
            Input::Read { .. } | Input::Flushed { .. } => {}
        }
        self.pump(out);
    }

    /// True if a pump would find nothing to do now: the last one did all, and nothing was due
    /// since.
    fn is_calm(&self, out: &Out<'_>) -> bool {
        self.is_ready
            && !self.is_closing
            && self.transaction.is_none()
            && self.blocked.is_empty()
            && self.core.is_calm(out.now())
    }

    fn command(&mut self, command: Command, out: &mut Out<'_>) {
        match command {
            Command::Flush => {
                self.admit(out);
                self.accumulator.flush();
            }
            Command::Set { name, value } => self.set(name, value, out),
            Command::EndTransaction(commits) => self.end_transaction(commits),
            Command::Send(_)
            | Command::Ask(..)
            | Command::Seek(..)
            | Command::Commit(..)
            | Command::CrashAt(_) => {}
        }
    }

    fn set(&mut self, name: String, value: String, out: &mut Out<'_>) {
        let mut settings = self.spec.settings.clone();
        settings.insert(name, value);
        match ProducerConfig::of(&settings) {
            Ok(config) => {
                self.accumulator.set_linger(config.linger);
                let name = self.spec.name.clone();
                self.spec = Rc::new(ProducerSpec { name, settings });
                // What was chosen at the start stays: idempotence, and the partitioner's turn.
                let partitioner = self.config.partitioner.clone();
                let idempotent = self.config.idempotent;
                self.config = ProducerConfig { partitioner, idempotent, ..config };
            }
            Err(error) => out.emit(Event::ClientError { client: self.core.name.clone(), error }),
        }
    }

    fn answered(&mut self, asked: Asked, response: Option<Response>, out: &mut Out<'_>) {
        match (asked, response) {
            (Asked::Transaction, response) => self.transaction_answered(response, out),
            (Asked::ProducerId, response) => {
                self.asking_id = false;
                match response {
                    Some(Response::InitProducerId(Ok((id, epoch)))) => {
                        self.sequences = Some(Sequences::new(id, epoch));
                    }
                    _ => {
                        self.id_retry_at =
                            out.now() + self.core.retry_backoff(self.id_failures, out);
                        self.id_failures += 1;
                    }
                }
            }
            (Asked::Produce(sent, at), Some(Response::Produce(results))) => {
                self.meters.answered(at, out.now());
                let mut results: BTreeMap<_, _> = results.into_iter().collect();
                for (partition, id) in sent {
                    let result = results.remove(&partition);
                    let result = result.unwrap_or(Err(ErrorCode::UnknownTopicOrPartition));
                    self.batch_answered((partition, id), result, out);
                }
            }
            (Asked::Produce(sent, _), _) => {
                for sent in sent {
                    self.batch_answered(sent, Err(ErrorCode::NetworkException), out);
                }
            }
        }
    }

    fn pump(&mut self, out: &mut Out<'_>) {
        for asked in self.core.expire(out) {
            self.answered(asked, None, out);
        }
        self.core.pump(out);
        self.ask_for_id(out);
        self.expire_batches(out);
        if self.is_closing && self.blocked.is_empty() {
            self.end_transaction(false);
        }
        let transaction = self.pump_transaction(out);
        self.admit(out);
        self.pump_batches(transaction, out);
    }

    /// Sends what may leave of what was admitted, and sleeps until more is due. `transaction` is
    /// when something about that is.
    fn pump_batches(&mut self, mut transaction: Option<Time>, out: &mut Out<'_>) {
        let mut next_batch;
        loop {
            let before = self.accumulator.free_bytes();
            next_batch = self.send_batches(out);
            // With acks=0 what was sent frees its memory at once.
            if self.blocked.is_empty() || self.accumulator.free_bytes() == before {
                break;
            }
            self.admit(out);
        }
        // What was admitted may have been the last of its transaction.
        if self.is_in_transaction() {
            transaction = self.pump_transaction(out);
        }
        let ready =
            self.core.metadata.is_known() && (!self.config.idempotent || self.sequences.is_some());
        if ready && !self.is_ready {
            self.is_ready = true;
            out.emit(Event::ClientReady { client: self.core.name.clone() });
        }
        let idle = self.accumulator.is_empty() && !self.is_in_transaction();
        if self.is_closing && self.blocked.is_empty() && idle {
            return out.exit();
        }
        let expiry = self.accumulator.next_expiry(self.config.delivery_timeout);
        let block = self.blocked.front().map(|(_, deadline)| *deadline);
        let block = block.filter(|_| self.may_send());
        let id = (self.id_retry_at > out.now()).then_some(self.id_retry_at);
        let own = [next_batch, expiry, block, id, transaction].into_iter().flatten().min();
        self.core.sleep(own, out);
    }

    fn ask_for_id(&mut self, out: &mut Out<'_>) {
        let wanted = self.config.idempotent
            && self.transaction.is_none()
            && self.sequences.is_none()
            && !self.asking_id;
        if !wanted || self.id_retry_at > out.now() || !self.core.metadata.is_known() {
            return;
        }
        if let Some(node) = self.core.any_node(out) {
            self.core.send(node, Request::InitProducerId, Asked::ProducerId, out);
            self.asking_id = true;
        }
    }

    // ---- send() ----

    /// Lets calls of `send()` return, one after the other, until one must go on waiting.
    fn admit(&mut self, out: &mut Out<'_>) {
        while self.may_send()
            && let Some(call) = self.blocked.pop_front()
            && self.admit_call(call, out) != Admitted::Waits
        {}
        // A record that is blocked asks for what it misses in the same step.
        self.core.pump(out);
    }

    /// Lets one call of `send()` return, or has it wait before all others.
    fn admit_call(&mut self, (mut record, deadline): Call, out: &mut Out<'_>) -> Admitted {
        self.open_transaction(out);
        match self.try_send(&mut record, deadline <= out.now(), out) {
            Ok(Some(appended)) => {
                self.sent_in_transaction(out.now());
                match appended.batch_is_new || appended.batch_is_full {
                    true => Admitted::Returned,
                    false => Admitted::Joined,
                }
            }
            Ok(None) => {
                self.blocked.push_front((record, deadline));
                Admitted::Waits
            }
            Err(error) => {
                self.book.failed += 1;
                out.emit(Event::ProduceFailed {
                    client: self.core.name.clone(),
                    messages: vec![record.id],
                    error,
                });
                Admitted::Returned
            }
        }
    }

    /// What it did if the record lies in the buffer; `None` if it must wait; an error if it may
    /// not, or has waited too long.
    fn try_send(
        &mut self,
        record: &mut OutgoingRecord,
        too_late: bool,
        out: &mut Out<'_>,
    ) -> Result<Option<Appended>, ApiError> {
        let block_ms = self.config.max_block.as_millis();
        let late = |sentence: String| match too_late {
            true => Err(client_error("TimeoutException", sentence)),
            false => Ok(None),
        };
        let known = self.core.metadata.named(&record.topic);
        let (topic, count, available) = match known.map(|(name, it)| (name, &it.found, it)) {
            Some((name, Ok(topic), known)) => {
                (name.clone(), topic.partitions.len() as u32, known.available.clone())
            }
            Some((_, Err(ErrorCode::InvalidTopic), _)) => {
                let sentence = format!("Invalid topics: [{}]", record.topic);
                return Err(client_error("InvalidTopicException", sentence));
            }
            _ => {
                self.core.metadata.want(&record.topic);
                return late(format!(
                    "Topic {} not present in metadata after {block_ms} ms.",
                    record.topic
                ));
            }
        };
        let measured = Measured::of(record);
        let size = measured.bytes_most();
        if size > self.config.max_request_size {
            return Err(client_error(
                "RecordTooLargeException",
                format!(
                    "The message is {size} bytes when serialized which is larger than {}, which \
                     is the value of the max.request.size configuration.",
                    self.config.max_request_size
                ),
            ));
        }
        if let Some(partition) = record.partition.filter(|p| !(0..count as i32).contains(p)) {
            self.core.metadata.request_update();
            return late(format!(
                "Partition {partition} of topic {} with partition count {count} is not present \
                 in metadata after {block_ms} ms.",
                record.topic
            ));
        }
        let all = (count, &available[..]);
        if let Some(appended) = self.buffer((record, &measured), (topic, all), out) {
            return Ok(Some(appended));
        }
        late(format!(
            "Failed to allocate {} bytes within the configured max blocking time {block_ms} ms. \
             Total memory: {} bytes. Available memory: {} bytes. Poolable size: {} bytes",
            size.max(self.config.batch_size),
            self.config.buffer_memory,
            self.accumulator.free_bytes(),
            self.config.batch_size
        ))
        .map_err(|error| ApiError { name: "BufferExhaustedException".to_owned(), ..error })
    }

    /// Chooses a partition and adds the record; `None` if there is no memory.
    fn buffer(
        &mut self,
        (record, measured): (&mut OutgoingRecord, &Measured),
        (topic, all): (Rc<str>, (u32, &[i32])),
        out: &mut Out<'_>,
    ) -> Option<Appended> {
        let key = record.key.as_deref().filter(|_| !self.config.ignore_keys);
        let chosen = record
            .partition
            .or_else(|| self.config.partitioner.partition(&topic, key, all, out.random()));
        // The partitioner is asked once, however long the record waits for memory.
        record.partition = chosen;
        let sticks = chosen.is_none();
        let number = match chosen {
            Some(number) => number,
            None => self.stick(&topic, all, out),
        };
        let partition = TopicPartition { topic: topic.clone(), partition: number };
        let time = now_ms(out.now());
        let appended = self.accumulator.append(&partition, (record, measured), time, out.now())?;
        if sticks {
            let mut random = || out.random().bits() as i32;
            let sticky = self.sticky.get_mut(&topic).expect("it chose the partition");
            sticky.produced(appended.bytes, appended.batch_is_full, all, &mut random);
        }
        out.tell(|| Event::ProducerBuffered {
            client: self.core.name.clone(),
            message: record.id,
            partition,
        });
        Some(appended)
    }

    fn stick(&mut self, topic: &Rc<str>, all: (u32, &[i32]), out: &mut Out<'_>) -> i32 {
        let size = self.config.batch_size;
        let sticky =
            self.sticky.entry(topic.clone()).or_insert_with(|| StickyPartitioner::new(size));
        if self.config.adaptive && all.0 > 1 {
            let queues: Vec<(i32, i32)> = all
                .1
                .iter()
                .map(|number| {
                    let key = TopicPartition { topic: topic.clone(), partition: *number };
                    let queue = self.accumulator.queues().get(&key);
                    (*number, queue.map_or(0, |queue| queue.waiting.len() as i32))
                })
                .collect();
            sticky.set_load(LoadStats::of(&queues, all.0 as usize));
        }
        let mut random = || out.random().bits() as i32;
        let number = sticky.partition(all, &mut random);
        let key = TopicPartition { topic: topic.clone(), partition: number };
        // A switch that had to wait for the batch happens now if the batch has gone meanwhile.
        if self.accumulator.is_last_full(&key) {
            sticky.produced(0, true, all, &mut random);
        }
        sticky.partition(all, &mut random)
    }
}
