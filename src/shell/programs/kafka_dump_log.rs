//! `kafka-dump-log`: what lies in the files of a log, byte for byte. Output is that of the tool of
//! Kafka 4.1 (`DumpLogSegments`).
//!
//! Simplified: transaction indexes and producer snapshots are not shown; index files are there once
//! their segment is closed, by a roll or by a clean stop.

mod coordinators;
mod decoders;

use super::kafka_tools::COMMAND_CONFIG;
use super::{Call, Program};
use crate::kafka::log::index::{OffsetIndex, TimeIndex};
use crate::kafka::metadata::SnapshotId;
use crate::kafka::record::header::{CODEC_MASK, DELETE_HORIZON, TRANSACTIONAL, crc_matches};
use crate::kafka::record::reader::Record;
use crate::kafka::record::{BatchHeader, BatchStream, Records};
use crate::lab::outcome::FoundFile;
use crate::lab::{Command, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, Printed, unexpected};
use crate::shell::options::{Opt, later, once};
use crate::shell::values::list;
use crate::sim::Rope;
use decoders::Decoder;

static OPTIONS: [Opt; 12] = [
    once(&["--files"], "FILE,FILE", "[SERVER/]TOPIC-PARTITION/NAME; the leader's if none is named"),
    once(&["--print-data-log"], "", "keys and values too"),
    once(&["--deep-iteration"], "", "each record of each batch"),
    once(&["--skip-record-metadata"], "", "no offset, time and sizes before keys and values"),
    once(&["--offsets-decoder"], "", "what __consumer_offsets holds"),
    once(&["--cluster-metadata-decoder"], "", "what __cluster_metadata holds"),
    once(&["--verify-index-only"], "", "only what an index has wrong"),
    once(&["--index-sanity-check"], "", "only whether an index is well-formed"),
    once(&["--transaction-log-decoder"], "", "what __transaction_state holds"),
    once(&["--share-group-state-decoder"], "", "what __share_group_state holds"),
    later(&["--max-bytes"], "N"),
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-dump-log",
    summary: "what lies in the files of a log",
    usage: &[
        "kafka-dump-log --files FILE[,FILE] [--print-data-log] [--deep-iteration] [OPTION]...",
    ],
    options: &[("", &OPTIONS)],
    notes: &[
        "kafka-2/orders-0/00000000000000000000.log lies at kafka-2, orders-0/... at the leader;",
        "__cluster_metadata-0/... at the active controller.",
    ],
    plain: &[],
    reads_stdin: false,
    parse,
};

/// What is shown.
#[derive(Clone, Copy)]
struct Wish {
    data: bool,
    deep: bool,
    bare: bool,
    verify: bool,
    sanity: bool,
    decoder: Decoder,
}

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-dump-log", &OPTIONS)?;
    arguments.at_most(0)?;
    let files = list(arguments.required("--files", "FILE")?)?;
    let decoder = if arguments.has("--offsets-decoder") {
        Decoder::Offsets
    } else if arguments.has("--cluster-metadata-decoder") {
        Decoder::Metadata
    } else if arguments.has("--transaction-log-decoder") {
        Decoder::Transactions
    } else if arguments.has("--share-group-state-decoder") {
        Decoder::ShareStates
    } else {
        Decoder::Text
    };
    let data = arguments.has("--print-data-log") || decoder != Decoder::Text;
    let wish = Wish {
        data,
        deep: data || arguments.has("--deep-iteration"),
        bare: arguments.has("--skip-record-metadata"),
        verify: arguments.has("--verify-index-only"),
        sanity: arguments.has("--index-sanity-check"),
        decoder,
    };
    Ok(Job::of(Command::Files(files), move |result| match result {
        Ok(Outcome::Files(files)) => print(&files, wish),
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(error.to_string()),
    }))
}

fn print(files: &[FoundFile], wish: Wish) -> Printed {
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for file in files {
        lines.push(format!("Dumping {}", file.path));
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let (stem, suffix) = name.split_once('.').unwrap_or((name, ""));
        let base: i64 = stem.parse().unwrap_or(0);
        match suffix {
            "log" => {
                lines.push(format!("Log starting offset: {base}"));
                dump_log(file, wish, &mut lines, &mut wrong);
            }
            "checkpoint" if let Some(id) = SnapshotId::of_file(name) => {
                lines.push(format!("Snapshot end offset: {}, epoch: {}", id.offset, id.epoch));
                dump_log(file, wish, &mut lines, &mut wrong);
            }
            "index" => dump_index(base, file, wish, &mut lines, &mut wrong),
            "timeindex" => dump_time_index(base, file, wish, &mut lines, &mut wrong),
            _ => wrong.push(format!("Ignoring unknown file {}", file.path)),
        }
    }
    // What the tool says on its standard error comes last.
    lines.extend(wrong);
    Ok(lines)
}

fn dump_log(file: &FoundFile, wish: Wish, lines: &mut Vec<String>, wrong: &mut Vec<String>) {
    let rope = Rope::from(file.bytes.clone());
    let mut stream = BatchStream::of(&rope);
    let (mut gaps, mut last) = (Vec::new(), -1);
    loop {
        let position = stream.position();
        let Some((header, batch)) = stream.next_batch() else { break };
        lines.push(batch_line(&header, &batch, position));
        for record in Records::of(&batch).into_iter().flatten().filter(|_| wish.deep) {
            if last >= 0 && record.offset != last + 1 {
                gaps.push(format!("  {last} is followed by {}", record.offset));
            }
            last = record.offset;
            lines.push(record_line(&header, &record, wish));
        }
    }
    if stream.left() > 0 {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        lines.push(format!("Found {} invalid bytes at the end of {name}", stream.left()));
    }
    if !gaps.is_empty() {
        wrong.push(format!("Non-consecutive offsets in {}", file.path));
        wrong.extend(gaps);
    }
}

fn time_type(header: &BatchHeader) -> &'static str {
    if header.is_log_append_time() { "LogAppendTime" } else { "CreateTime" }
}

fn batch_line(header: &BatchHeader, batch: &[u8], position: usize) -> String {
    let horizon = match header.attributes & DELETE_HORIZON {
        0 => "OptionalLong.empty".to_owned(),
        _ => format!("OptionalLong[{}]", header.base_timestamp),
    };
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    let codec = codecs.get((header.attributes & CODEC_MASK) as usize).unwrap_or(&"unknown");
    format!(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} \
         producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} \
         deleteHorizonMs: {horizon} position: {position} {}: {} size: {} magic: {} compresscodec: \
         {codec} crc: {} isvalid: {}",
        header.base_offset,
        header.last_offset(),
        header.records_count,
        header.base_sequence,
        header.last_sequence(),
        header.producer_id,
        header.producer_epoch,
        header.partition_leader_epoch,
        header.attributes & TRANSACTIONAL != 0,
        header.is_control(),
        time_type(header),
        header.max_timestamp,
        header.size_bytes(),
        header.magic,
        header.crc,
        crc_matches(batch),
    )
}

fn record_line(header: &BatchHeader, record: &Record<'_>, wish: Wish) -> String {
    let size = |part: Option<&[u8]>| part.map_or(-1, |part| part.len() as i64);
    let mut line = "|".to_owned();
    if !wish.bare {
        let sequence = match header.base_sequence {
            -1 => -1,
            base => crate::kafka::record::header::sequence_after(base, record.offset_delta),
        };
        let names: Vec<String> =
            record.headers().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
        line += &format!(
            " offset: {} {}: {} keySize: {} valueSize: {} sequence: {sequence} headerKeys: [{}]",
            record.offset,
            time_type(header),
            record.timestamp,
            size(record.key),
            size(record.value),
            names.join(","),
        );
        if header.is_control() {
            line += &decoders::control(record);
        }
    }
    if wish.data && !header.is_control() {
        let (key, value) = wish.decoder.decode(record);
        line.extend(key.map(|key| format!(" key: {key}")));
        line.extend(value.map(|value| format!(" payload: {value}")));
    }
    line
}

/// The batch of a log that begins at a position, or the first from there on that `fits`.
fn batch_from(
    log: &[u8],
    position: u64,
    fits: impl Fn(&BatchHeader) -> bool,
) -> Option<BatchHeader> {
    let rest = log.get(position as usize..)?;
    let rope = Rope::from(bytes::Bytes::copy_from_slice(rest));
    let mut stream = BatchStream::of(&rope);
    std::iter::from_fn(|| stream.next_batch()).map(|(header, _)| header).find(fits)
}

fn dump_index(
    base: i64,
    file: &FoundFile,
    wish: Wish,
    lines: &mut Vec<String>,
    wrong: &mut Vec<String>,
) {
    let index = OffsetIndex::decode(base, &file.bytes);
    if index.is_empty() {
        return lines.push(format!("{} is empty.", file.path));
    }
    if wish.sanity {
        return lines.push(format!("{} passed sanity check.", file.path));
    }
    let mut mismatches = Vec::new();
    for (offset, position) in index.entries() {
        let found = file.log.as_ref().and_then(|log| batch_from(log, position, |_| true));
        let last = found.map_or(-1, |header| header.last_offset());
        if last != offset {
            mismatches.push(format!("  Index offset: {offset}, log offset: {last}"));
        }
        if !wish.verify {
            lines.push(format!("offset: {offset} position: {position}"));
        }
    }
    if !mismatches.is_empty() {
        wrong.push(format!("Mismatches in :{}", file.path));
        // The tool prints them from the last to the first.
        wrong.extend(mismatches.into_iter().rev());
    }
}

fn dump_time_index(
    base: i64,
    file: &FoundFile,
    wish: Wish,
    lines: &mut Vec<String>,
    wrong: &mut Vec<String>,
) {
    if wish.sanity {
        return lines.push(format!("{} passed sanity check.", file.path));
    }
    let offsets = OffsetIndex::decode(base, file.index.as_deref().unwrap_or_default());
    let (mut mismatches, mut missing) = (Vec::new(), Vec::new());
    for (timestamp, offset) in TimeIndex::decode(base, &file.bytes).entries() {
        let (_, from) = offsets.lookup(offset);
        let log = file.log.as_deref().unwrap_or_default();
        match batch_from(log, from, |header| header.last_offset() >= offset) {
            Some(found) if found.last_offset() != offset => missing.push(format!(
                "Indexed offset: {offset}, found log offset: {}",
                found.last_offset()
            )),
            None => missing.push(format!("Indexed offset: {offset}, found log offset: -1")),
            Some(found) if found.max_timestamp != timestamp => mismatches.push(format!(
                "  Index timestamp: {timestamp}, log timestamp: {}",
                found.max_timestamp
            )),
            Some(_) => {}
        }
        if !wish.verify {
            lines.push(format!("timestamp: {timestamp} offset: {offset}"));
        }
    }
    if !mismatches.is_empty() {
        wrong.push(format!("Found timestamp mismatch in :{}", file.path));
        wrong.extend(mismatches);
    }
    if !missing.is_empty() {
        wrong.push("The following indexed offsets are not found in the log.".to_owned());
        wrong.extend(missing);
    }
}
