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

/// Where the lessons are.
const LESSONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../www/lessons/en/");

/// The commands that reach each goal of a lesson, as its solutions have them: a learner who finds
/// them without looking has solved it.
fn solutions(id: &str) -> Outcome<Vec<Vec<String>>> {
    let path = format!("{LESSONS}{id}.md");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let blocks = text.split("```solution\n").skip(1);
    let lines = |block: &str| {
        let commands = block.lines().take_while(|line| *line != "```");
        commands.map(str::to_owned).collect::<Vec<_>>()
    };
    Ok(blocks.map(lines).collect())
}

/// A lesson, twice: with the mouse in English, by keyboard in Korean. That the languages have the
/// same steps, `pushpull check` makes sure of.
macro_rules! lesson {
    ($module:ident, $id:literal) => {
        pub mod $module {
            use super::*;

            pub async fn by_clicks_in_english(browser: Browser) -> Outcome {
                by_clicks(&browser, $id, "en").await
            }

            pub async fn by_keyboard_in_korean(browser: Browser) -> Outcome {
                by_keyboard(&browser, $id, "ko").await
            }
        }
    };
}

lesson!(first_message, "first-message");
lesson!(steering_wheel, "steering-wheel");
lesson!(ack_or_retain, "ack-or-retain");
lesson!(consumer_group, "consumer-group");
lesson!(key_to_partition, "key-to-partition");
lesson!(order, "order");
lesson!(group_rules, "group-rules");
lesson!(overload, "overload");
lesson!(place_replicas, "place-replicas");
lesson!(leader_dies, "leader-dies");
lesson!(acks, "acks");
lesson!(rewind, "rewind");

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

async fn solved(page: &Page, language: &str) -> Outcome {
    let end = match language {
        "ko" => "이 실습을 풀었습니다.",
        _ => "You have solved this lesson.",
    };
    page.wait_for_text(css(".onward .notice"), end).await?;
    page.expect_quiet_console().await
}

async fn by_clicks(browser: &Browser, id: &str, language: &str) -> Outcome {
    let mut deeds = solutions(id)?.into_iter();
    let page = browser.open(Visit::to("/").language(language)).await?;
    page.wait_until_ready().await?;
    page.skip_welcome().await?;
    page.open_lesson(id).await?;
    let (count, _) = steps(&page).await?;
    ensure!(count >= 3, "a lesson of {count} steps is none");
    for step in 0..count {
        wait_for_step(&page, step).await?;
        let (question, commands, goal) = asks(&page).await?;
        if question {
            page.click(css(".answer:nth-of-type(1) [data-test=option]")).await?;
            // What is chosen grows by a line, and all below it goes down.
            page.one(&css(".answer-mine")).await?;
        }
        if commands {
            page.click(test("run")).await?;
            page.wait_until_gone(test("run")).await?;
        }
        if question {
            right_answer(&page).await?;
        }
        if goal {
            let commands = deeds.next().unwrap_or_default();
            match id {
                // Its goal has a button.
                "first-message" => page.click(test("fetch")).await?,
                _ => {
                    for command in &commands {
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
    solved(&page, language).await
}

async fn by_keyboard(browser: &Browser, id: &str, language: &str) -> Outcome {
    let mut deeds = solutions(id)?.into_iter();
    let page = browser.open(Visit::to("/").language(language).with_less_motion()).await?;
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
            page.wait_until_gone(test("run")).await?;
        }
        if question {
            right_answer(&page).await?;
        }
        if goal {
            let commands = deeds.next().unwrap_or_default();
            match id {
                "first-message" => page.key_on("fetch", "Enter").await?,
                _ => {
                    page.tab_to("terminal-input").await?;
                    for command in &commands {
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
    solved(&page, language).await
}
