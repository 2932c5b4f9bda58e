//! The host's loop: gets what the page says, lets the lab go on, and waits for whatever comes
//! next. Page, clock and store are traits; there is one loop for all of them.

use super::inline::{Inline, Next};
use super::protocol::{Reply, Request};
use super::server::Settings;
use crate::storage::Store;
use serde::{Deserialize, Serialize};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

/// What the page tells the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// It asks for something.
    Request(Request),
    /// It has drawn the last frame: there may be another one. So frames never pile up, and a page
    /// that is out of sight gets none.
    Drawn,
}

/// The page, as the host sees it.
pub trait Page {
    /// Sends replies, in order.
    fn send(&self, replies: Vec<Reply>);
    /// The next message, once there is one.
    fn poll_message(&self, context: &mut Context<'_>) -> Poll<Message>;
}

/// Real time.
#[expect(async_fn_in_trait, reason = "a tab has one thread: no future needs to be Send")]
pub trait Clock {
    /// Microseconds since some instant.
    fn now_us(&self) -> u64;
    /// Today's date: `2025-11-21`.
    fn today(&self) -> String;
    /// Lets so much time pass.
    async fn sleep_us(&self, span_us: u64);
    /// Lets everything else of the event loop have its turn.
    async fn turn(&self);
}

/// Serves a page for ever, in slices of about `slice_us` of real time.
pub async fn drive(
    page: impl Page,
    clock: impl Clock,
    store: impl Store + 'static,
    settings: Settings,
    slice_us: u64,
) {
    let mut host = Inline::new(settings, store, clock.today());
    page.send(vec![Reply::Loaded { version: env!("CARGO_PKG_VERSION").into() }]);
    loop {
        let (replies, next) = host.turn(&|| clock.now_us(), slice_us);
        if !replies.is_empty() {
            page.send(replies);
        }
        wait(&mut host, &page, &clock, next).await;
    }
}

/// Waits until it is time, or a message has come, or the store has finished something.
async fn wait<S: Store + 'static>(
    host: &mut Inline<S>,
    page: &impl Page,
    clock: &impl Clock,
    next: Next,
) {
    let mut pause = pin!(async {
        match next {
            Next::AtOnce => clock.turn().await,
            Next::At(at_us) => clock.sleep_us(at_us.saturating_sub(clock.now_us())).await,
            Next::Whenever => std::future::pending().await,
        }
    });
    poll_fn(|context| {
        let mut ready = host.poll_store(context, clock.now_us()).is_ready();
        while let Poll::Ready(message) = page.poll_message(context) {
            ready = true;
            match message {
                Message::Request(request) => host.handle(request),
                Message::Drawn => host.drawn(clock.now_us()),
            }
        }
        ready |= pause.as_mut().poll(context).is_ready();
        if ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
