//! The lab as a person uses it: its buttons, its terminal, its lessons, and what the browser keeps.

use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use crate::wait::wait_for;
use serde_json::{Value, json};

/// More stops of the Tab key than any state of the page has.
const STOPS_MAX: usize = 150;

/// An entry of the terminal: a command and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The command.
    pub command: String,
    /// What it printed.
    pub output: String,
    /// Why it failed; empty if it did not.
    pub error: String,
}

impl Page {
    /// Leaves the first half minute: the lab is there, with the list of lessons beside it.
    pub async fn skip_welcome(&self) -> Outcome {
        self.wait_until_ready().await?;
        self.click(test("skip-welcome")).await?;
        self.one(&test("lesson-list")).await.map(drop)
    }

    /// Types a command into the terminal, waits until it was answered, and returns the answer.
    pub async fn run(&self, command: &str) -> Outcome<Entry> {
        let before = self.entries().await?.len();
        self.click(test("terminal-input")).await?;
        self.type_text(command).await?;
        self.press("Enter").await?;
        self.answer_after(before).await
    }

    /// The first answer after so many entries.
    pub async fn answer_after(&self, before: usize) -> Outcome<Entry> {
        wait_for("the command is answered", async || {
            let pending = self.count(css(".entry.is-pending")).await?;
            let entries = self.entries().await?;
            Ok(entries.into_iter().nth(before).filter(|_| pending == 0))
        })
        .await
    }

    /// Runs a command that has to succeed; what it printed.
    pub async fn run_well(&self, command: &str) -> Outcome<String> {
        let entry = self.run(command).await?;
        ensure!(entry.error.is_empty(), "`{command}` failed: {}", entry.error);
        Ok(entry.output)
    }

    /// Everything that stands in the terminal.
    pub async fn entries(&self) -> Outcome<Vec<Entry>> {
        let script = "const text = (entry, part) => entry.querySelector(part)?.textContent ?? '';
            return [...document.querySelectorAll('.entry')].map((entry) => [
                text(entry, '.entry-command').trim(), text(entry, '.entry-output'),
                text(entry, '.entry-error [lang]'),
            ]);";
        let entries: Vec<[String; 3]> = self.eval_as(script).await?;
        let entry = |[command, output, error]: [String; 3]| Entry { command, output, error };
        Ok(entries.into_iter().map(entry).collect())
    }

    /// Puts a text into a field at once, as when it is pasted.
    pub async fn paste(&self, field: &str, text: Value) -> Outcome {
        self.click(css(field)).await?;
        let script = "const [field, text] = arguments;
            const input = document.querySelector(field);
            const pasted = typeof text === 'number' ? 'x'.repeat(text) : text;
            const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
            set.call(input, pasted);
            input.dispatchEvent(new InputEvent('input', { bubbles: true }));";
        self.eval(script, vec![json!(field), text]).await.map(drop)
    }

    /// Presses Tab until the element of that mark has the focus: it can be reached by keyboard.
    pub async fn tab_to(&self, mark: &str) -> Outcome {
        let here = "return document.activeElement?.closest('[data-test]')?.dataset.test ?? ''";
        // It may be drawn, or come to life, only now.
        let alive = format!("document.querySelector('[data-test=\"{mark}\"]:enabled')");
        self.wait_until(&format!("`{mark}` can be used"), &alive).await?;
        for _ in 0..STOPS_MAX {
            if self.eval_as::<String>(here).await? == mark {
                return Ok(());
            }
            self.press("Tab").await?;
        }
        Err(format!("{STOPS_MAX} presses of Tab did not lead to `{mark}`.").into())
    }

    /// Goes to an element with the Tab key and presses another one there.
    pub async fn key_on(&self, mark: &str, key: &str) -> Outcome {
        self.tab_to(mark).await?;
        self.press(key).await
    }

    /// Opens a lesson from the list.
    pub async fn open_lesson(&self, id: &str) -> Outcome {
        self.click(test(&["lesson-", id].concat())).await?;
        self.one(&test("lesson")).await.map(drop)
    }

    /// Waits until storage holds everything that has happened.
    pub async fn wait_until_saved(&self) -> Outcome {
        self.wait_until("all is saved", "document.querySelector('.saving.ok')").await
    }

    /// How many manifests and how many blocks the browser keeps of all labs.
    pub async fn kept_records(&self) -> Outcome<(u64, u64)> {
        let script = "return new Promise((resolve, reject) => {
            const open = indexedDB.open('pushpull');
            open.onerror = () => reject(open.error);
            open.onsuccess = () => {
                const names = [...open.result.objectStoreNames];
                const reads = open.result.transaction(names, 'readonly');
                const keys = ['manifests', 'blocks'].map((name) => reads.objectStore(name).getAllKeys());
                reads.oncomplete = () => {
                    open.result.close();
                    // Beside each manifest stands which tab has the lab.
                    const [manifests, blocks] = keys.map(({ result }) => result);
                    const names = manifests.filter((key) => typeof key === 'string');
                    resolve([names.length, blocks.length]);
                };
            };
        });";
        self.eval_as(script).await
    }

    /// Flips a byte in the middle of every record of an object store, as a failing disk would.
    /// Returns how many there were. No page of the lab may be open.
    pub async fn damage(&self, store: &str) -> Outcome<u64> {
        let script = "const [store] = arguments;
        return new Promise((resolve, reject) => {
            const open = indexedDB.open('pushpull');
            open.onerror = () => reject(open.error);
            open.onsuccess = () => {
                const change = open.result.transaction([store], 'readwrite');
                const all = change.objectStore(store).openCursor();
                let count = 0;
                all.onsuccess = () => {
                    const cursor = all.result;
                    if (!cursor) return;
                    const bytes = cursor.value;
                    // In Firefox it is a script of another world, whose Uint8Array is another.
                    if (!ArrayBuffer.isView(bytes)) return cursor.continue();
                    bytes[bytes.length >> 1] ^= 0x40;
                    cursor.update(bytes);
                    count += 1;
                    cursor.continue();
                };
                change.oncomplete = () => { open.result.close(); resolve(count); };
                change.onabort = () => reject(change.error);
            };
        });";
        Ok(serde_json::from_value(self.eval(script, vec![json!(store)]).await?)?)
    }
}
