//! The still picture of the page before its program is the picture that the program draws first:
//! the lab of a first visit, in three widths, with the words of both languages.
//! `UPDATE_POSTER=1 cargo test --test poster` draws it anew; look at it before you keep it.

use pushpull::lesson::bench::LabBench;
use pushpull::lesson::trial::Bench;
use pushpull::view::build::scene;
use pushpull::view::scene::Scene;
use pushpull::view::still::{WIDTHS, svg};
use pushpull::view::welcome::SCRIPT;
use std::fs;
use std::path::Path;

fn first_scene() -> Scene {
    let mut bench = LabBench::fresh().expect("a lab");
    bench.run(SCRIPT).expect("the lines of a first visit");
    scene(bench.seen())
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
