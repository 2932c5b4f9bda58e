//! pushpull: a laboratory for message brokers.
