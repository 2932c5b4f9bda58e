//! How fast the page is, each figure beside that of a page that does nothing: how soon it can be
//! used, how smoothly it moves, how busy it is; and what saving costs.

mod busy;
pub mod large;
mod lasting;
mod load;
pub mod rates;

use crate::browser::Browser;
use crate::failure::{Failure, Outcome};
use crate::setup::{Family, Setup};

/// Measures, and prints the tables: all, or one of `load`, `busy` and `lasting`.
pub async fn run(setup: &Setup, part: &str) -> Outcome {
    if setup.family != Family::Chromium {
        return Err(Failure("the page is measured in Chromium only.".to_string()));
    }
    match part {
        "load" => load::run(setup).await,
        "busy" => busy::run(setup).await,
        "lasting" => lasting::run(setup).await,
        "" => {
            load::run(setup).await?;
            busy::run(setup).await?;
            lasting::run(setup).await
        }
        _ => Err(Failure(format!("`{part}` is no part: say load, busy or lasting."))),
    }
}

/// Does something with a browser of its own, whose profile is empty.
async fn alone<T>(setup: &Setup, work: impl AsyncFnOnce(&Browser) -> Outcome<T>) -> Outcome<T> {
    let browser = Browser::new(setup);
    let result = work(&browser).await;
    browser.dispose().await;
    result
}

/// The head of a table: what it is about, the name of the floor, the name of what is measured.
fn head(what: &str, floor: &str, measured: &str) {
    println!("\n{what:<44} {floor:>14} {measured:>14}");
}

/// A line of a table.
fn row(what: &str, floor: f64, measured: f64) {
    println!("  {what:<42} {floor:>14.1} {measured:>14.1}");
}
