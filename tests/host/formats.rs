//! What an older version saved opens for ever: `formats/N.bin` is a store as version N of the
//! format of manifests kept it. `WRITE_FORMAT=1 cargo test --test host formats` adds the newest.

use crate::tab::Tab;
use crate::{BUSY, QUIET};
use pushpull::host::protocol::Found;
use pushpull::storage::Memory;
use pushpull::storage::manifest::FORMAT;
use std::fs;
use std::path::PathBuf;

/// The oldest format that was ever published.
const OLDEST: u32 = 2;

fn file(format: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/host/formats/{format}.bin"))
}

fn write_newest() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.save();
    drop(tab);
    let path = file(FORMAT);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder of formats");
    fs::write(&path, store.image()).expect("the image can be written");
}

#[test]
fn formats_of_old_open_for_ever() {
    if std::env::var_os("WRITE_FORMAT").is_some() {
        write_newest();
    }
    for format in OLDEST..=FORMAT {
        let path = file(format);
        let image = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let store = Memory::of_image(&image).expect("an image of a store");
        let mut tab = Tab::open(store, QUIET);
        assert!(matches!(tab.found(), Found::Lab { .. }), "format {format}: {:?}", tab.found());
        // 40 messages go out, one each 10 ms: all were sent in the first 500 ms. RabbitMQ's consumer
        // needs 30 ms for one, so it is through after a few seconds. Kafka's group had committed
        // nothing, and begins at the end of the log.
        tab.run("run 60s");
        assert_eq!(tab.state("ledger.kafka.acknowledged"), "40", "format {format}");
        assert_eq!(tab.state("ledger.rabbit.processed"), "40", "format {format}");
        assert_eq!(tab.state("ledger.kafka.lost"), "0", "format {format}");
        assert_eq!(tab.state("ledger.rabbit.lost"), "0", "format {format}");
        tab.save();
    }
}
