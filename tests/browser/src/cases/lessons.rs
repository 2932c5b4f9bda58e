//! Each lesson from its first step to its last: with the mouse, and by keyboard alone.
//!
//! In every lesson the first answer of a question is the right one; that the engine says so too is
//! part of what is tested.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use crate::visit::Visit;

/// What a learner does in the step with a goal.
enum Deed {
    /// Presses the button that lets the Kafka consumer ask.
    Fetch,
    /// Types commands.
    Type(&'static [&'static str]),
}

const FIRST_MESSAGE: (&str, Deed) = ("first-message", Deed::Fetch);

const STEERING_WHEEL: (&str, Deed) = (
    "steering-wheel",
    Deed::Type(&["client cr stop", "consumer cr --rabbit q --prefetch 1 --process 10s", "run 1s"]),
);

const ACK_OR_RETAIN: (&str, Deed) = (
    "ack-or-retain",
    Deed::Type(&["consumer ck4 --kafka t --group g4 --set auto.offset.reset=earliest", "run 5s"]),
);

pub async fn first_message_is_done_by_clicks(browser: Browser) -> Outcome {
    by_clicks(&browser, FIRST_MESSAGE).await
}

pub async fn steering_wheel_is_done_by_clicks(browser: Browser) -> Outcome {
    by_clicks(&browser, STEERING_WHEEL).await
}

pub async fn ack_or_retain_is_done_by_clicks(browser: Browser) -> Outcome {
    by_clicks(&browser, ACK_OR_RETAIN).await
}

pub async fn first_message_is_done_by_keyboard(browser: Browser) -> Outcome {
    by_keyboard(&browser, FIRST_MESSAGE).await
}

pub async fn steering_wheel_is_done_by_keyboard(browser: Browser) -> Outcome {
    by_keyboard(&browser, STEERING_WHEEL).await
}

pub async fn ack_or_retain_is_done_by_keyboard(browser: Browser) -> Outcome {
    by_keyboard(&browser, ACK_OR_RETAIN).await
}

/// A wrong answer is told with its reason; after hints the solution can be run, and then the
/// lesson counts as seen, not as solved.
pub async fn a_solution_that_was_shown_is_not_a_solved_lesson(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.open_lesson("first-message").await?;
    page.click(css(".answer:nth-of-type(2) [data-test=option]")).await?;
    page.click(test("run")).await?;
    page.one(&css(".answer.is-wrong")).await?;
    page.wait_until("the right answer is shown", "document.querySelector('.answer.is-right')")
        .await?;
    page.click(test("next-step")).await?;
    for hint in 1..=3 {
        page.click(test("hint")).await?;
        let there = format!("document.querySelectorAll('.hint').length === {hint}");
        page.wait_until("another hint stands there", &there).await?;
    }
    page.click(test("solution")).await?;
    page.click(test("run-solution")).await?;
    goal_is_reached(&page).await?;
    page.click(test("next-step")).await?;
    page.click(css(".answer:nth-of-type(1) [data-test=option]")).await?;
    let end = "You have seen this lesson with its solution.";
    page.wait_for_text(css(".onward .notice"), end).await?;
    page.expect_quiet_console().await
}

/// A lesson that was left comes back where it was.
pub async fn a_lesson_outlives_a_reload(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.open_lesson("ack-or-retain").await?;
    page.click(test("run")).await?;
    page.click(test("next-step")).await?;
    page.wait_for_text(css(".lesson h2"), "A newcomer on each side").await?;
    page.wait_until_saved().await?;
    page.reload().await?;
    page.wait_until_ready().await?;
    page.wait_for_text(css(".lesson h2"), "A newcomer on each side").await?;
    page.expect_quiet_console().await
}

async fn goal_is_reached(page: &Page) -> Outcome {
    page.wait_until("the goal is reached", "document.querySelector('.goals .chip.ok')").await
}

/// How many steps the open lesson has, and which one is open, from 0.
async fn steps(page: &Page) -> Outcome<(usize, usize)> {
    let script = "const steps = [...document.querySelectorAll('.lesson-steps > li')];
        return [steps.length, steps.findIndex((step) => step.classList.contains('is-here'))];";
    page.eval_as(script).await
}

/// What the open step asks for: a prediction, commands to be run, a goal.
async fn asks(page: &Page) -> Outcome<(bool, bool, bool)> {
    let script = "return ['.question', '[data-test=run]', '.goals']
        .map((part) => document.querySelector(`.lesson ${part}`) !== null);";
    page.eval_as(script).await
}

async fn wait_for_step(page: &Page, step: usize) -> Outcome {
    let here = format!(
        "[...document.querySelectorAll('.lesson-steps > li')][{step}]?.classList.contains('is-here')"
    );
    page.wait_until(&format!("step {} is open", step + 1), &here).await
}

async fn right_answer(page: &Page) -> Outcome {
    page.wait_until("the answer was right", "document.querySelector('.answer.is-right :checked')")
        .await
}

async fn solved(page: &Page) -> Outcome {
    page.wait_for_text(css(".onward .notice"), "You have solved this lesson.").await?;
    page.expect_quiet_console().await
}

async fn by_clicks(browser: &Browser, (id, deed): (&str, Deed)) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.open_lesson(id).await?;
    let (count, _) = steps(&page).await?;
    ensure!(count >= 3, "a lesson of {count} steps is none");
    for step in 0..count {
        wait_for_step(&page, step).await?;
        let (question, commands, goal) = asks(&page).await?;
        if question {
            page.click(css(".answer:nth-of-type(1) [data-test=option]")).await?;
        }
        if commands {
            page.click(test("run")).await?;
        }
        if question {
            right_answer(&page).await?;
        }
        if goal {
            match &deed {
                Deed::Fetch => page.click(test("fetch")).await?,
                Deed::Type(commands) => {
                    for command in *commands {
                        page.run_well(command).await?;
                    }
                }
            }
            goal_is_reached(&page).await?;
        }
        if step + 1 < count {
            page.click(css("[data-test=next-step].primary")).await?;
        }
    }
    solved(&page).await
}

async fn by_keyboard(browser: &Browser, (id, deed): (&str, Deed)) -> Outcome {
    let page = browser.open(Visit::to("/").with_less_motion()).await?;
    page.wait_until_ready().await?;
    page.key_on("skip-welcome", "Enter").await?;
    page.key_on(&["lesson-", id].concat(), "Enter").await?;
    page.one(&test("lesson")).await?;
    let (count, _) = steps(&page).await?;
    for step in 0..count {
        wait_for_step(&page, step).await?;
        let (question, commands, goal) = asks(&page).await?;
        if question {
            page.key_on("option", "Space").await?;
        }
        if commands {
            page.key_on("run", "Enter").await?;
        }
        if question {
            right_answer(&page).await?;
        }
        if goal {
            match &deed {
                Deed::Fetch => page.key_on("fetch", "Enter").await?,
                Deed::Type(commands) => {
                    page.tab_to("terminal-input").await?;
                    for command in *commands {
                        let before = page.entries().await?.len();
                        page.type_text(command).await?;
                        page.press("Enter").await?;
                        let entry = page.answer_after(before).await?;
                        ensure!(entry.error.is_empty(), "`{command}`: {}", entry.error);
                    }
                }
            }
            goal_is_reached(&page).await?;
        }
        if step + 1 < count {
            page.key_on("next-step", "Enter").await?;
        }
    }
    solved(&page).await
}
