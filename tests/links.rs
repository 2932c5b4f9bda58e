//! Golden links: each file under `tests/links/` holds a link as somebody once shared it, and what
//! it has to come to for ever. A link is never written anew; `UPDATE_LINKS=1 cargo test --test
//! links` makes one for a file that has only a script, and notes what it comes to.

use pushpull::host::link::{LINK, Shared};
use pushpull::lab::command::LabSpec;
use pushpull::lab::{Progress, Timeline};
use pushpull::shell::run::{Progress as Line, Running};
use std::path::Path;

/// A file: comments and the script that was shared (`# `, `$ `), the link, and its fingerprint.
#[derive(Default)]
struct Golden {
    head: Vec<String>,
    script: Vec<String>,
    link: Option<String>,
    fingerprint: Option<String>,
}

impl Golden {
    fn read(text: &str) -> Golden {
        let mut golden = Golden::default();
        for line in text.lines() {
            if let Some(link) = line.strip_prefix("link ") {
                golden.link = Some(link.to_owned());
            } else if let Some(fingerprint) = line.strip_prefix("fingerprint ") {
                golden.fingerprint = Some(fingerprint.to_owned());
            } else {
                golden.head.push(line.to_owned());
                golden.script.extend(line.strip_prefix("$ ").map(str::to_owned));
            }
        }
        golden
    }

    /// The link of the lab that its script leads to.
    fn share(&self) -> String {
        let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab opens");
        let mut running = Running::new(&self.script.join("\n"));
        loop {
            match running.work(&mut timeline, 10_000) {
                Line::More => {}
                Line::Need(_) => panic!("nothing was released"),
                Line::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
                Line::End => return Shared::of(&timeline, None).encode(),
            }
        }
    }
}

/// What a link comes to.
fn fingerprint(link: &str) -> String {
    let shared = Shared::decode(link, LINK).unwrap_or_else(|error| panic!("{error:?}"));
    let mut timeline = shared.timeline().unwrap_or_else(|error| panic!("{error:?}"));
    while !matches!(timeline.seek_on(100_000), Progress::Done(())) {}
    assert_eq!(timeline.strayed(), None, "it does not come to the same");
    format!("{:016x}", timeline.session().fingerprint())
}

#[test]
fn golden_links_come_to_the_same_for_ever() {
    let update = std::env::var_os("UPDATE_LINKS").is_some();
    let folder = std::fs::read_dir(Path::new("tests/links")).expect("there are links");
    let mut count = 0;
    for path in folder.flatten().map(|entry| entry.path()) {
        let text = std::fs::read_to_string(&path).expect("a link can be read");
        let mut golden = Golden::read(&text);
        if update {
            let link = golden.link.take().unwrap_or_else(|| golden.share());
            let lines = [format!("link {link}"), format!("fingerprint {}", fingerprint(&link))];
            golden.head.extend(lines);
            std::fs::write(&path, golden.head.join("\n") + "\n").expect("it can be written");
            continue;
        }
        let link = golden.link.unwrap_or_else(|| panic!("{} has no link", path.display()));
        let found = fingerprint(&link);
        assert_eq!(Some(found), golden.fingerprint, "{}", path.display());
        count += 1;
    }
    assert!(update || count >= 3, "{count} links are too few");
}
