//! Records on their way from a producer through the log to a consumer.

use crate::harness::{Lab, consumer, tp};
use pushpull::kafka::event::Event;
use pushpull::sim::{MessageId, Span};

#[test]
fn a_record_is_produced_fetched_and_processed() {
    let mut lab = Lab::new(1);
    lab.create("orders", 1);
    let producer = lab.producer("p", &[]);
    lab.consumer(consumer("c", "orders", "g", Span::millis(5)));
    lab.send(producer, 0, "orders");
    lab.run(Span::seconds(1));
    let told: Vec<String> = lab.seen.iter().map(|s| format!("{} {:?}", s.at, s.event)).collect();
    assert_eq!(lab.processed("c"), [0], "{}", told.join("\n"));
    println!("{}", told.join("\n"));
    let partition = lab.partition("orders", 0);
    assert_eq!((partition.log_end, partition.high_watermark, partition.leader), (1, 1, Some(1)));
    let seen = lab.cluster.glimpse(&tp("orders", 0), 0, 10);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].message, Some(MessageId(0)));
    assert!(
        lab.seen
            .iter()
            .any(|seen| matches!(&seen.event, Event::ProduceAcknowledged { base_offset: 0, .. }))
    );
}
