//! Records of the metadata log, there and back.

use super::*;
use crate::kafka::metadata::client_quota::Whose;

fn quota(user: Option<Whose>, client: Option<Whose>) -> Resource {
    Resource::Quota(QuotaEntity { user, client })
}

#[test]
fn every_record_reads_back() {
    let id = TopicId([7; 16]);
    let records = [
        MetadataRecord::Topic { name: "주문".to_owned(), id },
        MetadataRecord::Partition {
            topic: id,
            partition: 3,
            state: PartitionImage {
                replicas: vec![1, 2],
                removing: vec![1],
                adding: vec![2],
                isr: vec![2],
                recovering: true,
                leader_epoch: 4,
                partition_epoch: 5,
                ..PartitionImage::default()
            },
        },
        MetadataRecord::Partition {
            topic: id,
            partition: 0,
            state: PartitionImage {
                replicas: vec![1, 2],
                leader: Some(2),
                elr: vec![1],
                last_known_elr: vec![2],
                ..PartitionImage::default()
            },
        },
        MetadataRecord::Config {
            resource: Resource::Topic("t".to_owned()),
            name: "retention.ms".to_owned(),
            value: Some("5".to_owned()),
        },
        MetadataRecord::Config {
            resource: Resource::Broker(Some(3)),
            name: "x".to_owned(),
            value: None,
        },
        MetadataRecord::Config {
            resource: quota(None, Some(Whose::Named("c".to_owned()))),
            name: "producer_byte_rate".to_owned(),
            value: Some("1024.0".to_owned()),
        },
        MetadataRecord::Config {
            resource: quota(None, Some(Whose::Default)),
            name: "consumer_byte_rate".to_owned(),
            value: None,
        },
        MetadataRecord::Config {
            resource: quota(Some(Whose::Named("ANONYMOUS".to_owned())), None),
            name: "consumer_byte_rate".to_owned(),
            value: None,
        },
        MetadataRecord::Config {
            resource: quota(Some(Whose::Default), Some(Whose::Named("c".to_owned()))),
            name: "request_percentage".to_owned(),
            value: Some("0.5".to_owned()),
        },
        MetadataRecord::Config {
            resource: Resource::Broker(None),
            name: "x".to_owned(),
            value: Some(String::new()),
        },
        MetadataRecord::PartitionChange {
            topic: id,
            partition: 3,
            change: Change {
                isr: Some(vec![]),
                leader: Some(-1),
                replicas: Some(vec![3, 1, 2]),
                removing: Some(vec![2]),
                adding: Some(vec![]),
                recovering: Some(true),
                elr: Some(vec![2, 3]),
                last_known_elr: None,
            },
        },
        MetadataRecord::RegisterBroker {
            broker: 2,
            epoch: 7,
            registration: BrokerImage {
                incarnation: id,
                epoch: 7,
                node: NodeId(3),
                rack: Some("a".to_owned()),
                fenced: true,
                shutting_down: false,
            },
        },
        MetadataRecord::BrokerChange {
            broker: 2,
            epoch: 7,
            fenced: Some(false),
            shutting_down: None,
        },
        MetadataRecord::RemoveTopic { id },
        MetadataRecord::ProducerIds { broker: 1, next: 1_000 },
    ];
    for record in records {
        assert_eq!(MetadataRecord::decode(&record.encode()), Some(record));
    }
}

#[test]
fn a_topic_record_has_the_bytes_that_kraft_writes() {
    // Frame 1, key 2, version 0, compact "foo", the id, no tagged fields.
    let record = MetadataRecord::Topic { name: "foo".to_owned(), id: TopicId([9; 16]) };
    let mut expected = vec![1, 2, 0, 4, b'f', b'o', b'o'];
    expected.extend([9; 16]);
    expected.push(0);
    assert_eq!(record.encode(), expected);
}
