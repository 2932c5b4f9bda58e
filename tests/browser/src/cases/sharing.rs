//! A link carries the lab to another visitor; one that is none is refused with a sentence.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use crate::visit::Visit;

/// Presses Share; the address that is offered.
async fn shared(page: &Page) -> Outcome<String> {
    page.click(test("share")).await?;
    page.one(&test("share-link")).await?;
    page.eval_as("return document.querySelector('[data-test=share-link]').value").await
}

async fn state(page: &Page) -> Outcome<String> {
    page.run_well("state ledger").await
}

/// What was shared is there for another visitor, to the event, and nothing of it is kept.
pub async fn a_link_shows_another_visitor_the_same(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.run_well("producer p2 --kafka t --rabbit /q --count 50 --rate 100/s").await?;
    page.run_well("run 300ms").await?;
    let (time, ledger) = (page.text(test("time")).await?, state(&page).await?);
    let link = shared(&page).await?;
    ensure!(link.contains("#x=") && link.len() < 2_000, "the link is {link}");
    page.expect_accessible().await?;
    page.click(test("close-share")).await?;
    page.wait_until_saved().await?;
    let manifests = page.kept_records().await?.0;
    page.go("test-pages/blank.html").await?;
    page.go(&link).await?;
    page.wait_until_ready().await?;
    page.wait_until("it says so", "document.querySelector('.toast.ok')").await?;
    ensure!(page.text(test("time")).await? == time, "it stands elsewhere in time");
    ensure!(state(&page).await? == ledger, "other messages");
    page.run_well("run 1s").await?;
    ensure!(page.kept_records().await?.0 == manifests, "what was shared is kept");
    // Another link in the same tab is another visit.
    let other = link.replace("#x=", "#x=B");
    page.eval(&format!("location.href = '{other}'"), Vec::new()).await?;
    page.wait_until("it is refused", "document.querySelector('.toast.error')").await?;
    page.expect_quiet_console().await
}

/// Each thing that can be wrong has its sentence, in both languages, and the own lab opens.
pub async fn what_is_no_link_is_refused_in_words(browser: Browser) -> Outcome {
    let long = "A".repeat(9_000);
    let cases = [
        ("A*", "en", "Character 2"),
        ("A*", "ko", "2번째 글자"),
        ("AQ", "en", "cut off"),
        (long.as_str(), "ko", "9000자"),
        ("<img src=x onerror=alert(1)>", "en", "Character 1"),
    ];
    for (text, language, words) in cases {
        let visit = Visit::to(format!("/?lang={language}#x={text}")).language(language);
        let page = browser.open(visit).await?;
        page.wait_until_ready().await?;
        let said = page.text(css(".toast.error span")).await?;
        ensure!(said.contains(words), "{text:.20} is answered with: {said}");
        page.one(&test("send")).await?;
        page.expect_quiet_console().await?;
    }
    Ok(())
}

/// A lab that is too long for a link is offered as a file, and such a file can be opened.
pub async fn a_long_lab_is_a_file(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    // Names that do not pack well.
    let script = "const random = () => Math.random().toString(36).slice(2);
        return Array.from({ length: 90 }, () => random() + random()).join(',');";
    let keys: String = page.eval_as(script).await?;
    page.paste("#terminal-input", format!("producer p2 --kafka t --count 9 --keys {keys}").into())
        .await?;
    page.press("Enter").await?;
    page.run_well("run 300ms").await?;
    let time = page.text(test("time")).await?;
    page.click(test("share")).await?;
    page.one(&test("share-long")).await?;
    // The browser saves it where nobody can see it; so the same file is made here.
    let script = "const saved = document.querySelector('[data-test=share-save]').href;
        const text = saved.slice(saved.indexOf(',') + 1);
        const files = new DataTransfer();
        files.items.add(new File([text], 'pushpull-lab.txt'));
        const input = document.querySelector('[data-test=share-open]');
        input.files = files.files;
        input.dispatchEvent(new Event('change', { bubbles: true }));";
    page.eval(script, Vec::new()).await?;
    page.wait_until("it is open", "document.querySelector('.toast.ok')").await?;
    page.wait_until_gone(test("share-dialog")).await?;
    page.wait_for_text(test("time"), &time).await?;
    page.expect_quiet_console().await
}

/// Notes what is saved as a file: its name and, in the end, what it holds.
const SAVED: &str = "window.saved = [];
    const kept = new Map();
    const real = URL.createObjectURL;
    URL.createObjectURL = (file) => { const at = real(file); kept.set(at, file); return at; };
    HTMLAnchorElement.prototype.click = async function () {
        const file = kept.get(this.href);
        window.saved.push([this.download, file.type, await file.text()]);
    };";

/// The code for another page follows what is chosen, and its preview is the embed; the picture is
/// saved as it is seen.
pub async fn the_code_of_an_embed_and_the_picture(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.open_lesson("overload").await?;
    page.eval(SAVED, Vec::new()).await?;
    shared(&page).await?;
    page.click(css("[data-test=share-embed] summary")).await?;
    page.choose(test("embed-size"), "the whole lab").await?;
    page.choose(test("embed-colours"), "dark").await?;
    let code = "document.querySelector('[data-test=embed-code]').value";
    let wanted = "embed/overload/?lang=en&amp;theme=dark&amp;ui=full";
    page.wait_until("the code is that of the choice", &format!("{code}.includes('{wanted}')"))
        .await?;
    page.choose(test("embed-form"), "a link (Markdown)").await?;
    let wanted = "/lessons/overload/?lang=en)";
    page.wait_until("it is a link", &format!("{code}.endsWith('{wanted}')")).await?;
    let preview =
        "document.querySelector('.share-preview').contentDocument?.querySelector('.poster')";
    page.wait_until("the preview has its still picture", preview).await?;
    page.expect_accessible().await?;
    for mark in ["share-svg", "share-png"] {
        page.click(test(mark)).await?;
    }
    page.wait_until("both files are saved", "window.saved.length === 2").await?;
    let saved: Vec<(String, String, String)> = page.eval_as("return window.saved").await?;
    let of = |name: &str| saved.iter().find(|file| file.0 == name);
    let svg = &of("pushpull.svg").ok_or("there is no SVG.")?.2;
    for part in ["<title>pushpull", "--seed", "<desc>", "fill=\"rgb("] {
        ensure!(svg.contains(part), "the picture has no {part}: {svg:.400}");
    }
    ensure!(!svg.contains("class="), "the picture needs a style sheet");
    let png = of("pushpull.png").ok_or("there is no PNG.")?;
    ensure!(png.1 == "image/png" && png.2.contains("PNG"), "the PNG is {}", png.1);
    page.expect_quiet_console().await
}
