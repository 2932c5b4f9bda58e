//! Two languages: each says everything, and the switch changes everything at once.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use crate::visit::Visit;

/// All words that can be seen or heard, without those that are marked as another language's, and
/// without commands and their output, which are the real tools'.
const WORDS: &str = "const own = document.documentElement.lang;
    const foreign = (element) => {
        const marked = element.closest('[lang]');
        return marked && marked.lang !== own
            || element.closest('code, pre, kbd, .mono, .command, .terminal-words') !== null;
    };
    const words = new Set();
    const add = (text) => text && text.trim() && words.add(text.trim().replace(/\\s+/g, ' '));
    for (const element of document.querySelectorAll('body, body *')) {
        if (element.closest('script, style') || !element.checkVisibility() || foreign(element)) continue;
        for (const node of element.childNodes) if (node.nodeType === 3) add(node.data);
        for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'aria-valuetext']) {
            add(element.getAttribute(name));
        }
    }
    add(document.title);
    return [...words];";

/// Programs of the terminal: the title of a button is its command.
const COMMANDS: [&str; 5] = ["producer ", "client ", "consumer ", "net ", "undo: "];

async fn words(page: &Page) -> Outcome<Vec<String>> {
    page.eval_as(WORDS).await
}

fn is_hangul(letter: char) -> bool {
    ('\u{ac00}'..='\u{d7a3}').contains(&letter)
}

/// English that is more than a name: two small words side by side; in a Korean sentence, which may
/// give a term in brackets, four.
fn is_untranslated(text: &str) -> bool {
    let is_word =
        |word: &&str| word.len() > 1 && word.chars().all(|letter| letter.is_ascii_lowercase());
    let words: Vec<&str> = text.split([' ', ',', ':', '(', ')']).collect();
    let count = if text.chars().any(is_hangul) { 4 } else { 2 };
    words.windows(count).any(|run| run.iter().all(is_word))
}

async fn says_all(page: &Page, place: &str) -> Outcome {
    let language: String = page.eval_as("return document.documentElement.lang").await?;
    for text in words(page).await? {
        if COMMANDS.iter().any(|command| text.contains(command)) {
            continue;
        }
        let is_other = match language.as_str() {
            "en" => text.chars().any(is_hangul),
            _ => is_untranslated(&text),
        };
        ensure!(!is_other, "{place}: on the page in `{language}` stands \"{text}\"");
    }
    Ok(())
}

/// How often the way there and back is gone, where the first time other words had just come.
const WAYS_MAX: usize = 3;

/// Says it in the one language and in the other, and comes back to the same words.
async fn says_all_twice(page: &Page, place: &str) -> Outcome {
    let mut was = words(page).await?;
    for _ in 0..WAYS_MAX {
        for (mark, code) in [("lang-ko", "ko"), ("lang-en", "en")] {
            page.click(test(mark)).await?;
            let changed = format!("document.documentElement.lang === '{code}'");
            page.wait_until("the language changes", &changed).await?;
            says_all(page, place).await?;
        }
        let is = words(page).await?;
        if was == is {
            return Ok(());
        }
        was = is;
    }
    Err(format!("{place}: after the way to Korean and back other words stand there").into())
}

pub async fn the_switch_translates_the_first_half_minute(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.wait_until_ready().await?;
    page.wait_until_saved().await?;
    says_all_twice(&page, "the first act").await?;
    page.click(test("send")).await?;
    page.one(&test("fetch")).await?;
    page.wait_until_saved().await?;
    says_all_twice(&page, "the second act").await?;
    page.click(test("fetch")).await?;
    page.one(&test("bet-nowhere")).await?;
    page.wait_until_saved().await?;
    says_all_twice(&page, "the third act").await?;
    page.click(test("bet-nowhere")).await?;
    page.one(&test("explore")).await?;
    page.wait_until_saved().await?;
    says_all_twice(&page, "the verdict").await?;
    page.expect_quiet_console().await
}

pub async fn the_switch_translates_the_lab(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.run_well("client ck resume").await?;
    page.run_well("producer p --kafka t --rabbit /q --count 7 --rate 10/s").await?;
    page.run_well("run 3s").await?;
    page.wait_until_saved().await?;
    says_all_twice(&page, "the lab").await?;
    for tab in ["tab-events", "tab-ledger"] {
        page.click(test(tab)).await?;
        says_all_twice(&page, tab).await?;
    }
    let things = ["producer-p", "kafka-client-ck", "partition-t-0", "cell-t-0-3", "server-kafka-1"];
    let more = ["rabbit-client-cr", "queue-q", "exchange-", "server-rabbit-1"];
    for thing in things.into_iter().chain(more) {
        // A cell is small and may lie under another target: it is chosen as the keyboard does.
        let choose = format!("document.querySelector('[data-thing=\"{thing}\"]').click()");
        page.eval(&choose, Vec::new()).await?;
        page.one(&css(&format!("[data-thing='{thing}'][aria-pressed=true]"))).await?;
        page.wait_until(
            "it is known",
            "document.querySelector('.inspector > :last-child section')",
        )
        .await?;
        says_all_twice(&page, thing).await?;
    }
    page.click(test("text")).await?;
    page.one(&test("text-view")).await?;
    says_all_twice(&page, "the text view").await?;
    page.click(test("keys")).await?;
    page.one(&test("key-help")).await?;
    says_all(&page, "the list of keys").await?;
    page.expect_quiet_console().await
}

pub async fn the_switch_translates_a_lesson(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    says_all_twice(&page, "the list of lessons").await?;
    page.open_lesson("first-message").await?;
    lesson_both_ways(&page, "One message, two brokers", "메시지는 하나, 브로커는 둘").await?;
    page.click(css(".answer:nth-of-type(2) [data-test=option]")).await?;
    page.click(test("run")).await?;
    page.one(&css(".answer.is-wrong")).await?;
    lesson_both_ways(&page, "One message, two brokers", "메시지는 하나, 브로커는 둘").await?;
    // What was answered is still answered.
    page.one(&css(".answer.is-wrong")).await?;
    page.click(test("next-step")).await?;
    page.click(test("hint")).await?;
    page.one(&css(".hint")).await?;
    lesson_both_ways(&page, "Let Kafka's consumer ask", "Kafka의 컨슈머가 묻게 하기").await?;
    page.expect_quiet_console().await
}

/// The text of a lesson comes from another file: it may take a moment.
async fn lesson_both_ways(page: &Page, english: &str, korean: &str) -> Outcome {
    for (mark, title) in [("lang-ko", korean), ("lang-en", english)] {
        page.click(test(mark)).await?;
        page.wait_for_text(css(".lesson h2"), title).await?;
        says_all(page, "a lesson").await?;
    }
    Ok(())
}

/// The choice is remembered, and the address has the last word.
pub async fn the_choice_of_a_language_is_remembered(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.wait_until_ready().await?;
    page.click(test("lang-ko")).await?;
    page.wait_until("it is Korean", "document.documentElement.lang === 'ko'").await?;
    page.reload().await?;
    page.wait_until_ready().await?;
    page.wait_for_text(test("send"), "메시지 보내기").await?;
    page.go("/?lang=en").await?;
    page.wait_until_ready().await?;
    page.wait_for_text(test("send"), "Send a message").await?;
    let page = browser.open(Visit::to("/").language("ko")).await?;
    page.wait_until_ready().await?;
    page.expect_quiet_console().await
}
