use super::*;

#[test]
fn counts_that_are_read_are_not_believed() {
    let mut ledger = Ledger::default();
    for number in 0..5 {
        ledger.announce(MessageId(number), "p", None);
        ledger.kafka.mark(MessageId(number), LOST);
    }
    ledger.kafka.mark(MessageId(3), DUPLICATED);
    let (lost, duplicated) = (ledger.kafka.count(LOST), ledger.kafka.count(DUPLICATED));
    assert_eq!((lost, duplicated), (5, 1));
    let bytes = |ledger: &Ledger| postcard::to_stdvec(ledger).expect("plain data");
    let right = bytes(&ledger);
    ledger.kafka.counts = [0; 8];
    ledger.rabbit.counts = [7; 8];
    let read: Ledger = postcard::from_bytes(&bytes(&ledger)).expect("it was just written");
    let mut counted = read.counted();
    assert_eq!(bytes(&counted), right);
    // What is taken back was counted.
    counted.kafka.clear(MessageId(3), DUPLICATED);
    assert_eq!(counted.kafka.count(DUPLICATED), 0);
}
