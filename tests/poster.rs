//! The still picture of the page before its program is the picture that the program draws first:
//! the lab of a first visit, in three widths, with the words of both languages.
//! `UPDATE_POSTER=1 cargo test --test poster` draws it anew; look at it before you keep it.

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::shell::run::{Progress, Running};
use pushpull::view::build::scene;
use pushpull::view::scene::Scene;
use pushpull::view::still::{WIDTHS, svg};
use pushpull::view::welcome::SCRIPT;
use std::fs;
use std::path::Path;

fn first_scene() -> Scene {
    let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab");
    let mut running = Running::new(SCRIPT);
    loop {
        match running.work(&mut timeline, 10_000) {
            Progress::More => {}
            Progress::Need(_) => panic!("bytes are not in memory"),
            Progress::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
            Progress::End => return scene(timeline.session()),
        }
    }
}

#[test]
fn the_still_picture_is_the_first_picture() {
    let scene = first_scene();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/poster");
    for (name, width) in WIDTHS {
        let drawn = svg(name, &scene, width).expect("the languages differ in words only");
        let path = folder.join(format!("{name}.svg"));
        if std::env::var_os("UPDATE_POSTER").is_some() {
            fs::create_dir_all(&folder).expect("the folder of the poster");
            fs::write(&path, &drawn).expect("the poster can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == drawn,
            "{} is not what the program draws first: look at it after UPDATE_POSTER=1",
            path.display()
        );
    }
}
