//! A tab: a host with a store in memory, a page that draws every frame at once, and a clock that
//! goes on a little each time it is read.

use pushpull::host::inline::{Inline, Next};
use pushpull::host::protocol::{Found, Reply, Request};
use pushpull::host::server::Settings;
use pushpull::lab::Timeline;
use pushpull::sim::Time;
use pushpull::storage::Memory;
use pushpull::view::frame::{EventLine, Frame, Saving};
use pushpull::view::scene::Mover;
use std::cell::Cell;
use std::task::{Context, Waker};

/// Real time that one look at the clock takes.
const LOOK_US: u64 = 20;

/// How long a slice is.
const SLICE_US: u64 = 4_000;

/// A tab with an open lab.
pub struct Tab {
    host: Inline<Memory>,
    now_us: Cell<u64>,
    /// Everything that was answered but frames.
    pub replies: Vec<Reply>,
    /// The last frame.
    pub frame: Option<Frame>,
    /// How many frames there were.
    pub frames: u64,
    /// All events that the page knows of.
    pub events: Vec<EventLine>,
    /// All movers that it was told of.
    pub arrived: Vec<Mover>,
    /// How long the page takes to draw a frame.
    pub draws_for_ms: u64,
}

impl Tab {
    /// A tab that has opened nothing.
    pub fn closed(store: Memory, settings: Settings) -> Tab {
        Tab {
            host: Inline::new(settings, store, "2025-11-21".into()),
            now_us: Cell::new(1_000_000),
            replies: Vec::new(),
            frame: None,
            frames: 0,
            events: Vec::new(),
            arrived: Vec::new(),
            draws_for_ms: 0,
        }
    }

    /// A tab that opened the lab `main`, and has done all that was to be done.
    pub fn open(store: Memory, script: &str) -> Tab {
        Tab::open_with(store, script, Settings::default())
    }

    /// The same, set up differently.
    pub fn open_with(store: Memory, script: &str, settings: Settings) -> Tab {
        let mut tab = Tab::closed(store, settings);
        tab.ask(Request::Open { lab: "main".into(), script: script.into(), store: true });
        tab
    }

    /// Asks for something, and lets the host do it.
    pub fn ask(&mut self, request: Request) {
        self.host.handle(request);
        self.settle();
    }

    /// Asks for something, and lets the host do nothing yet.
    pub fn ask_only(&mut self, request: Request) {
        self.host.handle(request);
    }

    /// Runs lines; each must succeed.
    pub fn run(&mut self, text: &str) {
        let before = self.replies.len();
        self.ask(Request::Run { id: 7, text: text.into() });
        for reply in &self.replies[before..] {
            if let Reply::Ran { line, error: Some(error), .. } = reply {
                panic!("{line}: {error}");
            }
        }
        let last = |reply: &Reply| matches!(reply, Reply::Ran { id: 7, last: true, .. });
        assert!(self.replies[before..].iter().any(last), "the last line was not told of: {text}");
    }

    /// Lets the host work until it waits for the page or for a commit that is not due yet.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            if self.turn() != Next::AtOnce {
                return;
            }
        }
        panic!("the host does not come to rest");
    }

    /// Lets so much real time pass, in steps of a frame.
    pub fn pass_ms(&mut self, real_ms: u64) {
        let until_us = self.now_us.get() + real_ms * 1_000;
        while self.now_us.get() < until_us {
            self.settle();
            self.now_us.set(self.now_us.get() + 16_000);
        }
        self.settle();
    }

    /// Lets time pass until nothing is left to be saved.
    pub fn save(&mut self) {
        for _ in 0..100 {
            self.pass_ms(100);
            if matches!(self.saving(), Saving::SavedUpTo(_)) {
                return;
            }
        }
        panic!("it is not saved: {:?}", self.saving());
    }

    /// One turn, on a machine that did something else for so long.
    pub fn turn_after_ms(&mut self, real_ms: u64) {
        self.now_us.set(self.now_us.get() + real_ms * 1_000);
        self.turn();
    }

    /// One turn of the host, and of the store where the store has something to do.
    fn turn(&mut self) -> Next {
        let mut context = Context::from_waker(Waker::noop());
        let clock = || {
            self.now_us.set(self.now_us.get() + LOOK_US);
            self.now_us.get()
        };
        let (replies, next) = self.host.turn(&clock, SLICE_US);
        let told = self.host.poll_store(&mut context, self.now_us.get()).is_ready();
        for reply in replies {
            match reply {
                Reply::Frame(frame) => self.draw(*frame),
                other => self.replies.push(other),
            }
        }
        if told { Next::AtOnce } else { next }
    }

    fn draw(&mut self, frame: Frame) {
        self.frames += 1;
        assert_eq!(frame.number, self.frames, "no frame is lost");
        if frame.events_replaced {
            self.events.clear();
        }
        self.events.extend(frame.events.iter().cloned());
        self.arrived.extend(frame.scene.arrived.iter().cloned());
        self.frame = Some(frame);
        self.now_us.set(self.now_us.get() + self.draws_for_ms * 1_000);
        self.host.drawn(self.now_us.get());
    }

    /// The instant at which the lab stands, once one is open.
    pub fn now(&self) -> Option<Time> {
        self.host.server().desk().map(|desk| desk.timeline().session().now())
    }

    /// The open lab.
    pub fn timeline(&self) -> &Timeline {
        self.host.server().desk().expect("a lab is open").timeline()
    }

    /// The last frame.
    pub fn last_frame(&self) -> &Frame {
        self.frame.as_ref().expect("there was a frame")
    }

    /// How saving stands.
    pub fn saving(&self) -> Saving {
        self.last_frame().status.saving.clone()
    }

    /// What storage gave.
    pub fn found(&self) -> &Found {
        let found = self.replies.iter().rev().find_map(|reply| match reply {
            Reply::Opened { found } => Some(found),
            _ => None,
        });
        found.expect("the lab was opened")
    }

    /// The value of a path of the lab's state.
    pub fn state(&mut self, path: &str) -> String {
        self.run(&format!("state {path}"));
        match self.replies.last() {
            Some(Reply::Ran { output, .. }) => output.join("\n"),
            other => panic!("{other:?}"),
        }
    }
}
