//! Waiting for something to become true: by looking again and again, up to a deadline.
//!
//! Nothing here or in a test sleeps for a time in the hope that it is enough.

use crate::failure::{Failure, Outcome};
use std::time::{Duration, Instant};

/// How long anything on the page may take before the test is called failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long to leave the browser alone between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks until `look` finds something, for at most [`PATIENCE`]. `what` completes the sentence
/// "... did not happen".
pub async fn wait_for<T>(what: &str, look: impl AsyncFnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    wait_for_within(PATIENCE, what, look).await
}

/// The same with a patience of one's own.
pub async fn wait_for_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Outcome<Option<T>>,
) -> Outcome<T> {
    let started = Instant::now();
    loop {
        // An error while looking may be the page changing under our eyes: look again.
        let seen = look().await;
        if let Ok(Some(found)) = seen {
            return Ok(found);
        }
        if started.elapsed() > patience {
            let why = seen.err().map(|failure| format!(" ({failure})")).unwrap_or_default();
            let seconds = patience.as_secs_f64();
            return Err(Failure(format!("within {seconds} s this did not happen: {what}{why}.")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
