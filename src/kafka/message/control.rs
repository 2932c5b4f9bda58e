//! What the controller of the ZooKeeper era tells brokers. It names its epoch each time: a broker
//! that has heard of a later one refuses (`STALE_CONTROLLER_EPOCH`).

use crate::kafka::event::TopicPartition;
use crate::kafka::message::response::TopicId;
use crate::kafka::metadata::{BrokerImage, PartitionImage};

/// A word of the controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// The controller's broker id.
    pub controller: i32,
    /// The epoch of its reign.
    pub controller_epoch: i32,
    /// The life of the broker that it is meant for: the transaction that registered it.
    pub broker_epoch: i64,
    /// What it says.
    pub body: ControlBody,
}

/// What the controller says.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlBody {
    /// To replicas: lead, or follow this leader.
    LeaderAndIsr(Vec<Order>),
    /// To all brokers, for their clients: so the cluster is.
    UpdateMetadata {
        /// All brokers that live; the same as before if `None`.
        brokers: Option<Vec<(i32, BrokerImage)>>,
        /// Partitions that are different.
        partitions: Vec<Order>,
        /// Topics that are gone.
        gone: Vec<TopicId>,
    },
    /// To a replica: follow no more; with `delete`, forget the logs too.
    StopReplica {
        /// Of these partitions.
        partitions: Vec<TopicPartition>,
        /// True if their topics are deleted, or a reassignment took them away.
        delete: bool,
    },
}

/// A partition as the controller knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Which.
    pub partition: TopicPartition,
    /// Its topic's id.
    pub topic: TopicId,
    /// Its state; the partition epoch is the version of its znode.
    pub state: PartitionImage,
}

impl Control {
    /// Its name in the protocol.
    pub fn kind(&self) -> &'static str {
        match self.body {
            ControlBody::LeaderAndIsr(_) => "LeaderAndIsr",
            ControlBody::UpdateMetadata { .. } => "UpdateMetadata",
            ControlBody::StopReplica { .. } => "StopReplica",
        }
    }

    /// The name of its answer.
    pub fn answer_kind(kind: &str) -> &'static str {
        match kind {
            "LeaderAndIsr" => "LeaderAndIsrResponse",
            "UpdateMetadata" => "UpdateMetadataResponse",
            _ => "StopReplicaResponse",
        }
    }

    /// Its bytes on the wire.
    pub fn bytes(&self) -> usize {
        let each = |orders: &[Order]| -> usize {
            let one = |order: &Order| {
                40 + order.partition.topic.len()
                    + 4 * (order.state.replicas.len() + order.state.isr.len())
            };
            orders.iter().map(one).sum()
        };
        20 + match &self.body {
            ControlBody::LeaderAndIsr(orders) => each(orders),
            ControlBody::UpdateMetadata { brokers, partitions, gone } => {
                each(partitions) + 40 * brokers.as_ref().map_or(0, Vec::len) + 16 * gone.len()
            }
            ControlBody::StopReplica { partitions, .. } => {
                partitions.iter().map(|partition| partition.topic.len() + 8).sum()
            }
        }
    }
}
