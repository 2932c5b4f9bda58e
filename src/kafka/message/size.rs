//! Bytes on the wire: an honest estimate from the fields of the current versions of the protocol.

use super::KafkaMessage;
use super::request::Request;
use super::response::Response;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::Subscription;
use crate::kafka::spec::Settings;
use crate::raft::message::Body;

/// Length, API key, version, correlation id, length of the client id, tagged fields.
const REQUEST_HEADER: usize = 4 + 2 + 2 + 4 + 2 + 1;
/// Length, correlation id, tagged fields.
const RESPONSE_HEADER: usize = 4 + 4 + 1;
/// A compact string: its length in one byte or two, taken as one.
fn text(text: &str) -> usize {
    1 + text.len()
}

/// A partition under its topic: name and number, as if each stood under a topic of its own.
fn named(partition: &TopicPartition) -> usize {
    text(&partition.topic) + 1 + 4 + 2
}

fn settings_bytes(settings: &Settings) -> usize {
    settings.iter().map(|(name, value)| text(name) + text(value) + 1).sum()
}

/// Bytes of a message.
pub(super) fn of(message: &KafkaMessage) -> u64 {
    let bytes = match message {
        KafkaMessage::Request { client, body, .. } => REQUEST_HEADER + client.len() + request(body),
        KafkaMessage::Response { body, .. } => RESPONSE_HEADER + response(body),
    };
    bytes as u64
}

fn request(request: &Request) -> usize {
    match request {
        Request::Transaction(request) => request.bytes(),
        // Name and version of the client's software.
        Request::ApiVersions => 30,
        Request::Metadata { topics, .. } => {
            4 + topics.iter().flatten().map(|topic| text(topic) + 17).sum::<usize>()
        }
        Request::InitProducerId => 17,
        Request::Produce(produce) => {
            let batches = produce.batches.iter().map(|(tp, batch)| named(tp) + 3 + batch.len());
            9 + batches.sum::<usize>()
        }
        Request::Fetch(fetch) => {
            // Topic id instead of the name, offset, epochs, log start, limits.
            30 + fetch.partitions.len() * (16 + 1 + 4 + 4 + 8 + 4 + 8 + 4 + 2)
        }
        Request::ListOffsets { partitions, .. } => {
            6 + partitions.iter().map(|(tp, _)| named(tp) + 12).sum::<usize>()
        }
        Request::OffsetsForLeaderEpoch { partitions } => {
            8 + partitions.iter().map(|(tp, ..)| named(tp) + 8).sum::<usize>()
        }
        Request::FindCoordinator { group } => 3 + text(group),
        Request::JoinGroup(join) => {
            // Each assignor comes with the subscription.
            let each = 20 + subscription(&join.subscription);
            40 + text(&join.group) + text(&join.member) + join.protocols.len() * each
        }
        Request::SyncGroup { group, member, assignments, .. } => {
            let each = assignments
                .iter()
                .map(|(id, all)| text(id) + 10 + all.iter().map(named).sum::<usize>());
            25 + text(group) + text(member) + each.sum::<usize>()
        }
        Request::Heartbeat { group, member, .. } => 10 + text(group) + text(member),
        Request::ConsumerGroupHeartbeat(beat) => {
            let owned: usize = beat.owned.iter().flatten().map(named).sum();
            let topics: usize = beat.topics.iter().map(|topic| text(topic)).sum();
            30 + text(&beat.group) + text(&beat.member) + topics + owned
        }
        Request::ShareFetch(fetch) => {
            40 + text(&fetch.group)
                + text(&fetch.member)
                + fetch.partitions.len() * 20
                + fetch.acknowledged.len() * 38
        }
        Request::ReadShareGroupState { key, .. } => 30 + text(&key.group),
        Request::WriteShareGroupState { key, state } => {
            50 + text(&key.group) + 20 * state.batches.len()
        }
        Request::InitializeShareGroupState { key, .. } => 42 + text(&key.group),
        Request::DescribeShareGroupOffsets { group } => 4 + text(group),
        Request::AlterShareGroupOffsets { group, starts } => {
            4 + text(group) + starts.iter().map(|(tp, _)| named(tp) + 9).sum::<usize>()
        }
        Request::LeaveGroup { group, member, .. } => 5 + text(group) + text(member),
        Request::OffsetCommit(commit) | Request::OldOffsetCommit(commit) => {
            let offsets: usize = commit.offsets.iter().map(|(tp, _)| named(tp) + 14).sum();
            8 + text(&commit.group) + text(&commit.member) + offsets
        }
        Request::OffsetFetch { group, partitions, .. } => {
            5 + text(group) + partitions.iter().flatten().map(named).sum::<usize>()
        }
        Request::OldOffsetFetch { group, partitions } => {
            4 + text(group) + partitions.iter().map(named).sum::<usize>()
        }
        Request::CreateTopics { topic, settings, assignment, .. } => {
            let placed: usize = assignment.iter().map(|replicas| 6 + 4 * replicas.len()).sum();
            20 + text(topic) + settings_bytes(settings) + placed
        }
        Request::DeleteTopics { topic } => 22 + text(topic),
        Request::CreatePartitions { topic, .. } => 12 + text(topic),
        Request::DescribeConfigs { topics } => {
            4 + topics.iter().map(|topic| text(topic) + 3).sum::<usize>()
        }
        Request::IncrementalAlterConfigs { resource, changes } => {
            let each = changes.iter();
            let each = each.map(|(name, value)| 3 + text(name) + value.as_deref().map_or(1, text));
            8 + text(&resource.name()) + each.sum::<usize>()
        }
        Request::AlterPartitionReassignments { partitions } => {
            let replicas = |wanted: &Option<Vec<i32>>| 1 + 4 * wanted.as_ref().map_or(0, Vec::len);
            7 + partitions.iter().map(|(tp, wanted)| named(tp) + replicas(wanted)).sum::<usize>()
        }
        Request::DeleteRecords { partitions } => {
            7 + partitions.iter().map(|(tp, _)| named(tp) + 8).sum::<usize>()
        }
        Request::ElectLeaders { partitions, .. } => {
            7 + partitions.iter().flatten().map(named).sum::<usize>()
        }
        Request::AllocateProducerIds { .. } => 13,
        // Ids, listeners, features, log directories.
        Request::BrokerRegistration(_) => 160,
        Request::BrokerHeartbeat(_) => 24,
        Request::AlterPartition(alter) => {
            let each = alter.partitions.iter().map(|asked| 30 + 13 * asked.isr.len());
            14 + each.sum::<usize>()
        }
        Request::ListGroups => 3,
        Request::OffsetDelete { group, partitions } => {
            4 + text(group) + partitions.iter().map(named).sum::<usize>()
        }
        Request::DescribeGroups { group } | Request::DeleteGroups { group } => 3 + text(group),
        Request::DescribeQuorum => 30,
        Request::FetchSnapshot(_) => 70,
        Request::Quorum(message) => match &message.body {
            Body::AskVote { .. } => 70,
            Body::Vote { .. } => 40,
            Body::Append { entries, .. } => {
                let commands = entries.iter().filter_map(|entry| entry.command.as_ref());
                60 + commands.map(|batch| batch.len()).sum::<usize>()
            }
            Body::Snapshot { state, .. } => 60 + state.len(),
            Body::Appended { .. } | Body::Stand => 60,
        },
        Request::Control(control) => control.bytes(),
        Request::ControlledShutdown { .. } => 12,
        Request::ZooKeeper(op) => op.bytes(),
        Request::Ensemble(peer) => peer.bytes(),
    }
}

fn subscription(subscription: &Subscription) -> usize {
    let topics: usize = subscription.topics.iter().map(|topic| text(topic)).sum();
    let partitions = subscription.owned.iter().chain(&subscription.previous);
    16 + topics + partitions.map(named).sum::<usize>()
}

fn response(response: &Response) -> usize {
    match response {
        Response::Transaction(response) => response.bytes(),
        // About 60 kinds of requests with their versions.
        Response::ApiVersions => 12 + 60 * 7,
        Response::Metadata(metadata) => {
            let topics = metadata.topics.iter().map(|(name, found)| {
                let partitions = found.as_ref().map_or(0, |topic| {
                    let each = topic.partitions.iter();
                    each.map(|p| 18 + 4 * (p.replicas.len() + p.isr.len())).sum()
                });
                25 + text(name) + partitions
            });
            // Id, host name, port, rack.
            40 + metadata.brokers.len() * 25 + topics.sum::<usize>()
        }
        Response::InitProducerId(_) => 17,
        Response::Produce(results) => {
            4 + results.iter().map(|(tp, _)| named(tp) + 28).sum::<usize>()
        }
        Response::Fetch(fetched) => {
            let each = fetched.partitions.iter();
            let each = each.map(|p| 56 + p.records.len() + 17 * p.aborted.len());
            11 + each.sum::<usize>()
        }
        Response::ShareFetch(fetched) => {
            let each = fetched.fetched.iter().map(|partition| 60 + partition.records.len());
            let acquired = fetched.acquired.iter().map(|(_, offsets)| 18 * offsets.len());
            16 + each.sum::<usize>() + acquired.sum::<usize>()
        }
        Response::ListOffsets(results) => {
            4 + results.iter().map(|(tp, _)| named(tp) + 22).sum::<usize>()
        }
        Response::OffsetsForLeaderEpoch(results) => {
            8 + results.iter().map(|(tp, _)| named(tp) + 14).sum::<usize>()
        }
        Response::FindCoordinator(_) => 30,
        Response::JoinGroup(joined) => {
            let members = joined.iter().flat_map(|joined| &joined.members);
            let each = members.map(|m| text(&m.member) + 10 + subscription(&m.subscription));
            120 + each.sum::<usize>()
        }
        Response::SyncGroup(partitions) => {
            20 + partitions.iter().flatten().map(named).sum::<usize>()
        }
        Response::Heartbeat(_) => 10,
        Response::ConsumerGroupHeartbeat(target) => {
            let assignment = target.iter().flat_map(|(target, _)| &target.assignment).flatten();
            60 + assignment.map(named).sum::<usize>()
        }
        Response::LeaveGroup(_) => 10,
        Response::OffsetCommit(results) => {
            4 + results.iter().map(|(tp, _)| named(tp) + 2).sum::<usize>()
        }
        Response::OffsetFetch(offsets) => {
            8 + offsets.iter().flatten().map(|(tp, _)| named(tp) + 15).sum::<usize>()
        }
        Response::ReadShareGroupState(found) => {
            let batches = found.iter().flatten().map(|state| state.batches.len());
            50 + 20 * batches.sum::<usize>()
        }
        Response::WriteShareGroupState(_) => 30,
        Response::DescribeShareGroupOffsets(found) => {
            6 + found.iter().flatten().map(|(tp, _)| named(tp) + 30).sum::<usize>()
        }
        Response::AlterShareGroupOffsets(results) => {
            6 + results.iter().flatten().map(|(tp, _)| named(tp) + 4).sum::<usize>()
        }
        Response::CreateTopics(_) | Response::CreatePartitions(_) | Response::DeleteTopics(_) => 60,
        Response::DescribeConfigs(_, topics) => {
            4 + topics.iter().map(|(name, all)| text(name) + settings_bytes(all)).sum::<usize>()
        }
        Response::AlterPartitionReassignments(results) => {
            7 + results.iter().map(|(tp, _)| named(tp) + 4).sum::<usize>()
        }
        Response::IncrementalAlterConfigs(_) => 20,
        Response::DeleteRecords(results) => {
            4 + results.iter().map(|(tp, _)| named(tp) + 11).sum::<usize>()
        }
        Response::ElectLeaders(results) => {
            7 + results.iter().map(|(tp, _)| named(tp) + 4).sum::<usize>()
        }
        Response::AllocateProducerIds(_) => 19,
        Response::BrokerRegistration(_) => 15,
        Response::BrokerHeartbeat(_) => 10,
        Response::AlterPartition(altered) => 7 + altered.iter().flatten().count() * 50,
        Response::ListGroups(groups) => {
            6 + groups.iter().flatten().map(|(group, ..)| text(group) + 20).sum::<usize>()
        }
        Response::DescribeGroups(group) => {
            let members = group.iter().flat_map(|group| &group.members);
            let each = members.map(|member| {
                let partitions: usize = member.assignment.iter().map(named).sum();
                text(&member.member) + text(&member.client) + 20 + partitions
            });
            40 + each.sum::<usize>()
        }
        Response::OffsetDelete(results) => {
            10 + results.iter().flatten().map(|(tp, _)| named(tp) + 2).sum::<usize>()
        }
        Response::DeleteGroups(_) => 20,
        Response::DescribeQuorum(info) => {
            60 + info.as_ref().map_or(0, |info| 30 * (info.voters.len() + info.observers.len()))
        }
        Response::FetchSnapshot(found) => 60 + found.as_ref().map_or(0, |bytes| bytes.len()),
        Response::NotController(_) => 40,
        Response::Control(..) => 6,
        Response::ControlledShutdown(_) => 6,
        Response::ZooKeeper(answer) => answer.bytes(),
    }
}
