//! What requests about topics and their settings lead to, whoever keeps the metadata.

use super::active::{chosen, draw_id};
use crate::kafka::command::ApiError;
use crate::kafka::config::BrokerConfig;
use crate::kafka::message::{Request, Response};
use crate::kafka::metadata::controller::{self, NewTopic};
use crate::kafka::metadata::placement::Candidate;
use crate::kafka::metadata::{Image, MetadataRecord};
use crate::sim::Stream;

/// What a request about topics is answered with.
pub fn response_to(request: &Request) -> fn(Result<(), ApiError>) -> Response {
    match request {
        Request::CreateTopics { .. } => Response::CreateTopics,
        Request::DeleteTopics { .. } => Response::DeleteTopics,
        Request::CreatePartitions { .. } => Response::CreatePartitions,
        _ => Response::IncrementalAlterConfigs,
    }
}

/// The records that a request leads to, or why it is refused; `None` if it is not about topics.
pub fn decide(
    (image, config): (&Image, &BrokerConfig),
    brokers: &[Candidate],
    request: &Request,
    random: &mut Stream,
) -> Option<Result<Vec<MetadataRecord>, ApiError>> {
    Some(match request {
        Request::CreateTopics { topic, partitions, replication_factor, assignment, settings } => {
            let new = NewTopic {
                name: topic,
                id: draw_id(random),
                partitions: *partitions,
                replication_factor: *replication_factor,
                assignment,
                settings,
            };
            let mut draw = |below: usize| chosen(random, below);
            controller::create_topic(image, config, brokers, new, &mut draw)
        }
        Request::CreatePartitions { topic, count } => {
            let mut draw = |below: usize| chosen(random, below);
            controller::add_partitions(image, config, brokers, (topic, *count), &mut draw)
        }
        Request::DeleteTopics { topic } => controller::delete_topic(image, config, topic),
        Request::IncrementalAlterConfigs { resource, changes } => {
            controller::alter_configs(image, config, resource, changes)
        }
        _ => return None,
    })
}
