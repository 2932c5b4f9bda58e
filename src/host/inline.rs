//! The host at work: a [`Server`] with the store that it wishes things of. The same in a worker,
//! in a page, and in tests.

use super::protocol::{Reply, Request};
use super::server::{Server, Settings};
use super::wish::{Told, Wish};
use crate::storage::Store;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// While storage is at work a slice is so many times shorter: each of its answers comes between
/// two of them.
const STORAGE_SLICES: u64 = 2;

/// Events between two looks at the clock.
const BUDGET: u64 = 100;

/// Something that the store is at work on.
type AtWork = Pin<Box<dyn Future<Output = Told>>>;

/// A server with its store.
pub struct Inline<S> {
    server: Server,
    store: Rc<S>,
    at_work: Vec<AtWork>,
    replies: Vec<Reply>,
    /// When time was last passed on to the server.
    last_us: u64,
    /// When the page got its last frame.
    framed_us: u64,
    /// How long it waits for the next one while time runs.
    pause_us: u64,
    /// False while the page has a frame that it has not drawn yet.
    may_draw: bool,
    today: String,
}

/// When the host wants its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// As soon as everybody else had theirs.
    AtOnce,
    /// At this instant of real time, or when something comes.
    At(u64),
    /// When something comes.
    Whenever,
}

impl<S: Store + 'static> Inline<S> {
    /// A host that has opened nothing yet. `today` dates what is kept aside.
    pub fn new(settings: Settings, store: S, today: String) -> Inline<S> {
        Inline {
            server: Server::new(settings),
            store: Rc::new(store),
            at_work: Vec::new(),
            replies: Vec::new(),
            last_us: 0,
            framed_us: 0,
            pause_us: FRAME_US,
            may_draw: true,
            today,
        }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Takes a request.
    pub fn handle(&mut self, request: Request) {
        let replies = self.server.handle(request);
        self.replies.extend(replies);
    }

    /// The page has drawn the last frame.
    pub fn drawn(&mut self, now_us: u64) {
        self.may_draw = true;
        let took_us = now_us.saturating_sub(self.framed_us);
        self.pause_us = (AT_REST * took_us).clamp(FRAME_US, FRAME_US_MAX);
    }

    /// Lets the store go on. Ready once the store finished something.
    pub fn poll_store(&mut self, context: &mut Context<'_>, now_us: u64) -> Poll<()> {
        let mut told = Vec::new();
        self.at_work.retain_mut(|work| match work.as_mut().poll(context) {
            Poll::Ready(what) => {
                told.push(what);
                false
            }
            Poll::Pending => true,
        });
        if told.is_empty() {
            return Poll::Pending;
        }
        for what in told {
            let replies = self.server.told(what, now_us);
            self.replies.extend(replies);
        }
        Poll::Ready(())
    }

    /// Works for about `slice_us` of real time, and says when to go on.
    pub fn turn(&mut self, clock: &impl Fn() -> u64, slice_us: u64) -> (Vec<Reply>, Next) {
        let began_us = clock();
        let mut elapsed_us = began_us.saturating_sub(self.last_us);
        self.last_us = began_us;
        let slice_us = match self.at_work.is_empty() {
            true => slice_us,
            false => slice_us / STORAGE_SLICES,
        };
        loop {
            let replies = self.server.advance(elapsed_us, BUDGET);
            self.replies.extend(replies);
            elapsed_us = 0;
            self.carry_out(clock);
            if !self.server.is_busy() || clock().saturating_sub(began_us) >= slice_us {
                break;
            }
        }
        let mut replies = std::mem::take(&mut self.replies);
        let is_due = !self.server.is_playing() || began_us >= self.framed_us + self.pause_us;
        if self.may_draw
            && is_due
            && let Some(frame) = self.server.next_frame()
        {
            self.may_draw = false;
            self.framed_us = began_us;
            replies.push(Reply::Frame(Box::new(frame)));
        }
        (replies, self.next())
    }

    fn next(&self) -> Next {
        if self.server.is_busy() {
            return Next::AtOnce;
        }
        let frame_us = self.server.is_playing().then(|| {
            let due_us = self.framed_us + self.pause_us;
            if due_us > self.last_us { due_us } else { self.last_us + self.pause_us }
        });
        let due_us = [frame_us, self.server.commit_due_at_us()].into_iter().flatten().min();
        due_us.map_or(Next::Whenever, Next::At)
    }

    fn carry_out(&mut self, clock: &impl Fn() -> u64) {
        loop {
            let asked_us = clock();
            let Some(wish) = self.server.wish(asked_us) else { break };
            if matches!(wish, Wish::Commit(_)) {
                self.server.commit_took(asked_us, clock());
            }
            self.at_work.push(fulfil(self.store.clone(), wish, self.today.clone()));
        }
    }
}

/// While virtual time runs, the page gets a frame so often at the most. What moves between two
/// frames the browser moves by itself.
const FRAME_US: u64 = 80_000;

/// A page that takes long to draw gets fewer: it has so many times the time that it drew for.
const AT_REST: u64 = 8;

/// But so often at the least.
const FRAME_US_MAX: u64 = 500_000;

fn fulfil<S: Store + 'static>(store: Rc<S>, wish: Wish, today: String) -> AtWork {
    Box::pin(async move {
        match wish {
            Wish::Open { lab } => Told::Opened(store.open(&lab).await),
            Wish::TakeOver { lab } => Told::Opened(store.take_over(&lab).await),
            Wish::Peek { lab } => Told::Peeked(store.peek(&lab).await),
            Wish::KeepAside => Told::KeptAside(store.keep_aside(&today).await),
            Wish::Commit(commit) => Told::Committed(store.commit(&commit).await),
            Wish::Erase => Told::Erased(store.erase().await),
            Wish::Read { ids } => {
                let blocks = store.read(&ids).await;
                Told::Read(blocks.map(|blocks| ids.into_iter().zip(blocks).collect()))
            }
        }
    })
}
