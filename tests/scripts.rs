//! Golden scripts: each file under `tests/scripts/` is a transcript as `pushpull run` prints it,
//! below a comment that says what it shows. The commands are run, and the whole transcript must
//! come out again. `UPDATE_SCRIPTS=1 cargo test --test scripts` writes the files anew; read
//! what has changed before you keep it.
//!
//! Lines behind `$ ` are commands, those behind `> ` right below continue them or are their
//! standard input, `$ #` is a comment, and everything else is output.

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::shell::run::{Progress, Running, script_of};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file, read.
#[derive(Default)]
struct Golden {
    /// The comment at its head, line by line.
    head: Vec<String>,
    /// The lines of its script.
    script: Vec<String>,
    /// The transcript that it holds.
    transcript: Vec<String>,
}

impl Golden {
    fn read(text: &str) -> Golden {
        let mut golden = Golden::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next_if(|line| line.starts_with('#')) {
            golden.head.push(line.to_owned());
        }
        golden.transcript = lines.map(str::to_owned).collect();
        let script = script_of(golden.transcript.iter().map(String::as_str));
        golden.script = script.into_iter().map(str::to_owned).collect();
        golden
    }

    /// The transcript of its script, run in a fresh lab; an error if a line is not right.
    fn run(&self) -> Result<Vec<String>, String> {
        let mut timeline = Timeline::new(&LabSpec::default()).map_err(|error| error.to_string())?;
        let mut running = Running::new(&self.script.join("\n"));
        let mut transcript = Vec::new();
        let mut said = 0;
        loop {
            match running.work(&mut timeline, 10_000) {
                Progress::More => {}
                Progress::Need(_) => return Err("bytes are not in memory".into()),
                Progress::End => break,
                Progress::Ran(ran) => {
                    transcript.extend(self.comments(said, ran.line - 1));
                    said = ran.line - 1 + ran.text.lines().count();
                    transcript.extend(ran.transcript());
                    if !ran.right {
                        let error = ran.error.unwrap_or_default();
                        return Err(format!("{}\nfailed: {error}", ran.text));
                    }
                }
            }
        }
        transcript.extend(self.comments(said, self.script.len()));
        Ok(transcript)
    }

    fn comments(&self, from: usize, to: usize) -> Vec<String> {
        let lines = self.script.get(from..to).unwrap_or_default().iter();
        lines.filter(|line| line.starts_with('#')).map(|line| format!("$ {line}")).collect()
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder of the scripts can be read");
    let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    inside.sort();
    for path in inside {
        match path.is_dir() {
            true => files(&path, found),
            false if path.extension().is_some_and(|extension| extension == "txt") => {
                found.push(path);
            }
            false => {}
        }
    }
}

/// Both texts line by line: ` ` in both, `-` only in the file, `+` only in this run. Of long
/// stretches that are the same only the ends are shown.
fn difference(expected: &[String], found: &[String]) -> String {
    let (n, m) = (expected.len(), found.len());
    // The length of the longest common sequence from (i, j) on.
    let mut common = vec![vec![0_u32; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            common[i][j] = match expected[i] == found[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines: Vec<(char, &str)> = Vec::new();
    while i < n || j < m {
        if i < n && j < m && expected[i] == found[j] {
            lines.push((' ', &expected[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == m || (i < n && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', &expected[i]));
            i += 1;
        } else {
            lines.push(('+', &found[j]));
            j += 1;
        }
    }
    const AROUND: usize = 3;
    let changed = |index: usize| lines.get(index).is_some_and(|(sign, _)| *sign != ' ');
    let near = |index: usize| (index.saturating_sub(AROUND)..=index + AROUND).any(changed);
    let mut text = String::new();
    let mut skipped = false;
    for (index, (sign, line)) in lines.iter().enumerate() {
        if near(index) {
            writeln!(text, "  {sign} {line}").expect("a string takes all");
        } else if !skipped {
            text.push_str("    ...\n");
        }
        skipped = !near(index);
    }
    text
}

/// Runs a script; what is wrong with it, if anything.
fn judge(path: &Path, name: &str, update: bool) -> String {
    let mut wrong = String::new();
    let text = std::fs::read_to_string(path).expect("a script can be read");
    let golden = Golden::read(&text);
    if golden.head.is_empty() {
        writeln!(wrong, "{name}: expected a comment at its head that says what it shows").ok();
    }
    let found = match golden.run() {
        Ok(found) => found,
        Err(error) => {
            writeln!(wrong, "{name}: {error}").ok();
            return wrong;
        }
    };
    if found != golden.transcript {
        match update {
            true => {
                let lines: Vec<String> = golden.head.iter().chain(&found).cloned().collect();
                std::fs::write(path, lines.join("\n") + "\n").expect("it can be written");
            }
            false => {
                let difference = difference(&golden.transcript, &found);
                writeln!(wrong, "{name}: came out differently:\n{difference}").ok();
            }
        }
    }
    wrong
}

/// All scripts, or with `SCRIPTS=part` those whose path has this part.
#[test]
fn every_script_comes_out_as_it_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let update = std::env::var_os("UPDATE_SCRIPTS").is_some();
    let part = std::env::var("SCRIPTS").unwrap_or_default();
    let mut paths = Vec::new();
    files(&root, &mut paths);
    paths.retain(|path| path.to_string_lossy().contains(&part));
    assert!(!paths.is_empty(), "there are scripts below {}", root.display());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
            wrong.push((name.clone(), judge(path, &name, update)));
        }
        wrong
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut wrong: Vec<(String, String)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().flat_map(|thread| thread.join().expect("a script panicked")).collect()
    });
    wrong.sort();
    let wrong: String = wrong.into_iter().map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn a_transcript_is_read_back() {
    let text = "# what it shows\n$ run 1s\nnow 1.000 s\n$ # why\n$ p <<'EOF'\n> a\n>\n> EOF\nout\n";
    let golden = Golden::read(text);
    assert_eq!(golden.head, ["# what it shows"]);
    assert_eq!(golden.script, ["run 1s", "# why", "p <<'EOF'", "a", "", "EOF"]);
    assert_eq!(golden.transcript.len(), 8);
    assert_eq!(golden.comments(1, 2), ["$ # why"]);
}

#[test]
fn a_difference_shows_what_changed() {
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let shown = difference(&lines("a b c d e f g"), &lines("a b c d e x g"));
    assert_eq!(shown, "    ...\n    c\n    d\n    e\n  - f\n  + x\n    g\n");
}
