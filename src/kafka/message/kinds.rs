//! The kinds of messages on the wire, those of ZooKeeper too, as `net drop --kind` takes them.

/// Their names, in the order of the alphabet. `tests/architecture.rs` holds this
/// to what `kind()` says.
pub const KINDS: &str = "\
     ACK AddPartitionsToTxn AddPartitionsToTxnResponse AllocateProducerIds \
     AllocateProducerIdsResponse AlterPartition AlterPartitionReassignments \
     AlterPartitionReassignmentsResponse AlterPartitionResponse AlterShareGroupOffsets \
     AlterShareGroupOffsetsResponse ApiVersions ApiVersionsResponse BrokerHeartbeat \
     BrokerHeartbeatResponse BrokerRegistration BrokerRegistrationResponse check closeSession \
     ConsumerGroupHeartbeat ConsumerGroupHeartbeatResponse ControlledShutdown \
     ControlledShutdownResponse create CreatePartitions CreatePartitionsResponse \
     createSession CreateTopics CreateTopicsResponse delete DeleteGroups DeleteGroupsResponse \
     DeleteRecords DeleteRecordsResponse DeleteShareGroupOffsets DeleteShareGroupState \
     DeleteTopics DeleteTopicsResponse DescribeConfigs DescribeConfigsResponse DescribeGroups \
     DescribeGroupsResponse DescribeQuorum DescribeQuorumResponse DescribeShareGroupOffsets \
     DescribeShareGroupOffsetsResponse ElectLeaders ElectLeadersResponse EndQuorumEpoch \
     EndTxn EndTxnResponse exists Fetch FetchResponse FetchSnapshot FetchSnapshotResponse \
     FindCoordinator FindCoordinatorResponse getChildren2 getData Heartbeat HeartbeatResponse \
     IncrementalAlterConfigs IncrementalAlterConfigsResponse InitializeShareGroupState \
     InitProducerId InitProducerIdResponse JoinGroup JoinGroupResponse LeaderAndIsr \
     LeaderAndIsrResponse LeaveGroup LeaveGroupResponse ListGroups ListGroupsResponse \
     ListOffsets ListOffsetsResponse Metadata MetadataResponse multi NotController \
     Notification NotLeading OffsetCommit OffsetCommitResponse OffsetDelete \
     OffsetDeleteResponse OffsetFetch OffsetFetchResponse OffsetForLeaderEpoch \
     OffsetForLeaderEpochResponse ping PING Produce ProduceResponse PROPOSAL \
     ReadShareGroupState ReadShareGroupStateResponse REQUEST setData setWatches \
     ShareAcknowledge ShareFetch ShareFetchResponse ShareGroupHeartbeat SNAP StopReplica \
     StopReplicaResponse SyncGroup SyncGroupResponse TxnOffsetCommit TxnOffsetCommitResponse \
     UpdateMetadata UpdateMetadataResponse Vote VoteResponse WatcherEvent \
     WriteShareGroupState WriteShareGroupStateResponse WriteTxnMarkers \
     WriteTxnMarkersResponse ZooKeeperResponse";

/// True if there are messages of this kind.
pub fn is_kind(word: &str) -> bool {
    KINDS.split(' ').any(|kind| kind == word)
}
