//! The embed in somebody else's page: from another origin, sandboxed and not, by the element; still
//! before the click, quiet, and open to what the page around may ask.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use crate::visit::Visit;
use serde_json::{Value, json};

/// `COMMANDS_A_SECOND_MAX` of www/embed/embed.js.
const COMMANDS_A_SECOND_MAX: u64 = 60;

const APART: &str = "allow-scripts allow-popups";
const TOGETHER: &str = "allow-scripts allow-same-origin allow-popups";

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A page of another origin with the embed at this path in a frame.
async fn host(browser: &Browser, path: &str, sandbox: Option<&str>) -> Outcome<Page> {
    let setup = browser.setup();
    let sandbox = sandbox.map_or(String::new(), |tokens| format!("&sandbox={}", encoded(tokens)));
    let frame = encoded(&setup.address(path));
    let address = setup.address_elsewhere(&format!("test-pages/host.html?frame={frame}{sandbox}"));
    browser.open(Visit::to(address)).await
}

/// Starts the embed by its button, as a reader does, and stays inside of it.
async fn start(page: &Page) -> Outcome {
    page.enter_frame("iframe").await?;
    page.click(css("#embed-start")).await?;
    page.wait_until_ready().await
}

/// Starts, sends a message, and the page around hears how high it is and what happens.
async fn works(browser: Browser, sandbox: Option<&str>) -> Outcome {
    let page = host(&browser, "embed/first-message/?lang=en", sandbox).await?;
    page.enter_frame("iframe").await?;
    let title = page.text(css(".embed-start h1")).await?;
    ensure!(title == "First message", "the embed is called {title}");
    let fetched: Vec<String> = page
        .eval_as("return performance.getEntriesByType('resource').map(({ name }) => name)")
        .await?;
    let program = fetched.iter().find(|name| name.contains(".wasm") || name.contains("worker"));
    ensure!(program.is_none(), "before the click it fetched {program:?}");
    page.leave_frame().await?;
    start(&page).await?;
    page.one(&test("lesson")).await?;
    page.leave_frame().await?;
    let height = "heard.find(({ type, height }) => type === 'pushpull:height' && height > 100)";
    page.wait_until("it tells its height", height).await?;
    page.wait_until(
        "in Embedly's form as well",
        "heard.some((said) => String(said).includes('iframe.resize'))",
    )
    .await?;
    page.eval("hello('me')", Vec::new()).await?;
    page.wait_until("it answers", "window.port").await?;
    let ready: Value =
        page.eval_as("return heard.find(({ type }) => type === 'pushpull:ready')").await?;
    ensure!(ready["id"] == "me" && ready["lesson"] == "first-message", "it is ready: {ready}");
    let ran: Value = page.eval_as("return ask('run', { lines: 'kafka-topics --list' })").await?;
    ensure!(ran["result"]["output"] == json!(["__consumer_offsets", "t"]), "it ran: {ran}");
    let got: Value = page.eval_as("return ask('get', { path: 'ledger.kafka.sent' })").await?;
    ensure!(got["result"] == 0, "it got: {got}");
    let link: Value = page.eval_as("return ask('link')").await?;
    ensure!(link["result"].as_str().unwrap_or_default().contains("#x="), "the link: {link}");
    page.eval("return ask('subscribe', { kinds: ['lab.message_sent'] })", Vec::new()).await?;
    page.eval(
        "return ask('run', { lines: 'producer p --kafka t --count 1\\nrun 100ms' })",
        Vec::new(),
    )
    .await?;
    page.wait_until(
        "it tells of events",
        "heard.some(({ type, kind }) => type === 'pushpull:event' && kind === 'lab.message_sent')",
    )
    .await?;
    page.wait_until(
        "and of progress",
        "heard.some(({ type, status }) => type === 'pushpull:progress' && status === 'opened')",
    )
    .await?;
    page.expect_quiet_console().await
}

/// In a frame of another origin.
pub async fn it_works_in_a_frame_of_another_origin(browser: Browser) -> Outcome {
    works(browser, None).await
}

/// Sandboxed, with an origin.
pub async fn it_works_sandboxed_with_an_origin(browser: Browser) -> Outcome {
    works(browser, Some(TOGETHER)).await
}

/// Sandboxed without an origin: no storage, no worker.
pub async fn it_works_sandboxed_without_an_origin(browser: Browser) -> Outcome {
    works(browser, Some(APART)).await
}

/// Through the element, which takes the language of the page and follows the height.
pub async fn it_works_by_the_element(browser: Browser) -> Outcome {
    let setup = browser.setup();
    let script = encoded(&setup.address("embed/pushpull.js"));
    let element = encoded("lesson=first-message&title=T&load=eager");
    let path = format!("test-pages/host.html?element={element}&script={script}");
    let page = browser.open(Visit::to(setup.address_elsewhere(&path))).await?;
    page.wait_until("it is ready", "heard.some(({ type }) => type === 'pushpull:ready')").await?;
    page.wait_until("a lesson opened", "heard.some(({ type }) => type === 'pushpull:progress')")
        .await?;
    let lab = "document.querySelector('pushpull-lab')";
    let run = format!("return {lab}.run('kafka-topics --list')");
    let ran: Value = page.eval_as(&run).await?;
    ensure!(ran["output"] == json!(["__consumer_offsets", "t"]), "it ran: {ran}");
    let refused = format!("return {lab}.run('nonsense').catch(({{ message }}) => message)");
    let refused: String = page.eval_as(&refused).await?;
    ensure!(refused.contains("nonsense"), "it is refused with: {refused}");
    let high = format!("{lab}.shadowRoot.querySelector('iframe').style.height");
    page.wait_until("it follows the height", &high).await?;
    let language = format!("{lab}.shadowRoot.querySelector('iframe').src.includes('lang=ko')");
    page.wait_until("it speaks the language of the page", &language).await?;
    page.expect_quiet_console().await
}

/// What is no command, too much or too early is refused with the limit; nothing else answers.
pub async fn the_page_around_is_kept_to_its_limits(browser: Browser) -> Outcome {
    let page = host(&browser, "embed/?lesson=lab", None).await?;
    page.wait_until("it is there", "heard.length > 0").await?;
    page.eval(
        "hello('old', 0); frames[0].postMessage('nonsense', '*'); frames[0].postMessage(null, '*')",
        Vec::new(),
    )
    .await?;
    page.eval("hello('me')", Vec::new()).await?;
    page.wait_until("it answers", "window.port").await?;
    let cases = [
        ("return ask('run', { lines: 'help' })", "asleep"),
        ("return ask('nothing')", "unknown"),
        ("return ask('step', { n: 1e9 })", "shape"),
        ("return ask('load', { lesson: '../../etc' })", "shape"),
        ("return ask('run', { lines: 'x'.repeat(70000) })", "length"),
    ];
    for (script, code) in cases {
        let answer: Value = page.eval_as(script).await?;
        ensure!(answer["error"]["code"] == code, "{script} is answered with {answer}");
    }
    // However long a slow machine takes: of each second that began so many pass, and two more of a
    // second that ends meanwhile.
    let flood = "const began = performance.now();
        return Promise.all(Array.from({ length: 400 }, () => ask('pause'))).then((all) => [
            all.filter(({ error }) => error?.code === 'rate').length,
            Math.ceil((performance.now() - began) / 1000) + 1,
        ])";
    let (refused, seconds): (u64, u64) = page.eval_as(flood).await?;
    let pass = COMMANDS_A_SECOND_MAX * seconds;
    ensure!(refused + pass >= 400, "{refused} of 400 commands in {seconds} s were refused");
    ensure!(refused > 0, "400 commands took {seconds} s: too long to be too many");
    page.expect_quiet_console().await
}

/// It takes no focus, and a wrong parameter takes the default.
pub async fn it_is_a_quiet_guest(browser: Browser) -> Outcome {
    let path = "embed/first-message/?LOAD=Eager&ui=nonsense&theme=dark&lang=ko";
    let page = host(&browser, path, None).await?;
    page.click(css("#mine")).await?;
    page.enter_frame("iframe").await?;
    page.wait_until_ready().await?;
    page.one(&test("lesson")).await?;
    let noted: String = page.eval_as("return document.documentElement.dataset.ui").await?;
    ensure!(noted == "compact", "a wrong value gave {noted}");
    let theme: String = page.eval_as("return document.documentElement.dataset.theme").await?;
    ensure!(theme == "dark", "the theme is {theme}");
    page.expect_accessible().await?;
    page.leave_frame().await?;
    let focus: String = page.eval_as("return document.activeElement.id").await?;
    ensure!(focus == "mine", "the focus went to {focus}");
    let scrolled: f64 = page.eval_as("return scrollY").await?;
    ensure!(scrolled == 0.0, "the page was scrolled by {scrolled}");
    Ok(())
}

/// The author of the page around chooses the seed, leaves the bets out, and says which knobs
/// there are.
pub async fn its_author_chooses_seed_bets_and_knobs(browser: Browser) -> Outcome {
    let path = "embed/first-message/?lang=en&load=eager&seed=7041&predict=0&controls=size&ui=full";
    let page = host(&browser, path, None).await?;
    page.enter_frame("iframe").await?;
    page.wait_until_ready().await?;
    page.one(&test("lesson")).await?;
    ensure!(page.count(test("question")).await? == 0, "it asks for a bet");
    page.click(test("run")).await?;
    page.wait_until("it has run", "!document.querySelector('[data-test=run]')").await?;
    page.click(test("next-step")).await?;
    page.leave_frame().await?;
    page.eval("hello('me')", Vec::new()).await?;
    page.wait_until("it answers", "window.port").await?;
    let seed: Value = page.eval_as("return ask('get', { path: 'seed' })").await?;
    ensure!(seed["result"] == 7041, "the seed is {seed}");
    page.expect_quiet_console().await
}
