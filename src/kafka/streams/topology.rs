//! The steps of an application, written as in `from lines | flatMapValues words | selectKey value |
//! count words | to counts`.

use crate::ordered::BTreeMap;
use crate::sim::Span;
use bytes::{BufMut, Bytes, BytesMut};

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// Goes on with the records whose value has this text (`true`), or has it not.
    Filter(String, bool),
    /// Changes the value.
    MapValues(Change),
    /// Goes on with each word of the value as a record of its own.
    Words,
    /// The value becomes the key, or this text does.
    SelectKey(Option<String>),
    /// Records whose value has this text go to this topic and no further.
    Branch(String, String),
    /// Counts by key, for all time or for each window, in the store of this name.
    Count(String, Option<Span>),
    /// Writes to this topic.
    To(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Upper,
    Lower,
    Length,
}

/// The counts of one partition of a store.
pub type Store = BTreeMap<Bytes, i64>;

/// A record on its way through the steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its time, in milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// A record that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Where to.
    pub topic: String,
    /// The partition, where it is that of the store.
    pub partition: Option<i32>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
}

/// An application's steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    application: String,
    sources: Vec<String>,
    steps: Vec<Step>,
}

fn text_of(bytes: &Option<Bytes>) -> String {
    bytes.as_ref().map_or(String::new(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A duration such as `500ms`, `10s`, `5m`, `1h`.
fn span(text: &str) -> Option<Span> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit_ms = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let (_, ms) = unit_ms.into_iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(ms).map(Span::millis)
}

/// The key of a count in a window: the record's key, the window's start, and a number that is
/// always 0 (`WindowKeySchema`).
fn windowed(key: &Bytes, start_ms: i64) -> Bytes {
    let mut out = BytesMut::from(&key[..]);
    out.put_i64(start_ms);
    out.put_i32(0);
    out.freeze()
}

impl Topology {
    /// Reads the steps; an error says which of them is wrong, and what was expected.
    pub fn parse(application: &str, text: &str) -> Result<Topology, String> {
        let mut topology = Topology {
            application: application.to_owned(),
            sources: Vec::new(),
            steps: Vec::new(),
        };
        for (at, part) in text.split('|').enumerate() {
            let words: Vec<&str> = part.split_whitespace().collect();
            topology.add(at, &words).map_err(|expected| {
                format!("step {} is `{}`, expected {expected}", at + 1, part.trim())
            })?;
        }
        match topology.steps.is_empty() {
            true => Err("a topology has steps behind `from TOPIC`".to_owned()),
            false => Ok(topology),
        }
    }

    fn add(&mut self, at: usize, words: &[&str]) -> Result<(), &'static str> {
        let step = match (at, words) {
            (0, ["from", topics]) => {
                self.sources.extend(topics.split(',').map(str::to_owned));
                return Ok(());
            }
            (0, _) => return Err("from TOPIC[,TOPIC]..."),
            (_, ["filter", text]) => Step::Filter((*text).to_owned(), true),
            (_, ["filterNot", text]) => Step::Filter((*text).to_owned(), false),
            (_, ["mapValues", "upper"]) => Step::MapValues(Change::Upper),
            (_, ["mapValues", "lower"]) => Step::MapValues(Change::Lower),
            (_, ["mapValues", "length"]) => Step::MapValues(Change::Length),
            (_, ["mapValues", ..]) => return Err("mapValues upper, lower or length"),
            (_, ["flatMapValues", "words"]) => Step::Words,
            (_, ["flatMapValues", ..]) => return Err("flatMapValues words"),
            (_, ["selectKey", "value"]) => Step::SelectKey(None),
            (_, ["selectKey", key]) => Step::SelectKey(Some((*key).to_owned())),
            (_, ["branch", text, topic]) => Step::Branch((*text).to_owned(), (*topic).to_owned()),
            (_, ["branch", ..]) => return Err("branch TEXT TOPIC"),
            (_, ["count", ..]) if self.count_at().is_some() => return Err("one count at most"),
            (_, ["count", store]) => Step::Count((*store).to_owned(), None),
            (_, ["count", store, window]) => {
                let size = span(window).filter(|size| size.as_millis() > 0);
                Step::Count((*store).to_owned(), Some(size.ok_or("a window, such as 10s")?))
            }
            (_, ["to", topic]) => Step::To((*topic).to_owned()),
            _ => {
                return Err("filter TEXT, filterNot TEXT, mapValues upper|lower|length, \
                            flatMapValues words, selectKey value|TEXT, branch TEXT TOPIC, count \
                            STORE [WINDOW] or to TOPIC");
            }
        };
        self.steps.push(step);
        Ok(())
    }

    fn count_at(&self) -> Option<usize> {
        self.steps.iter().position(|step| matches!(step, Step::Count(..)))
    }

    fn store(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match step {
            Step::Count(store, _) => Some(&**store),
            _ => None,
        })
    }

    fn window(&self) -> Option<Span> {
        self.steps.iter().find_map(|step| match step {
            Step::Count(_, window) => *window,
            _ => None,
        })
    }

    /// Topics that records come from.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Topics that records go to, the internal ones aside.
    pub fn sinks(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Branch(_, topic) | Step::To(topic) => Some(&**topic),
            _ => None,
        })
    }

    /// The topic through which records go to be counted, if their keys change before.
    pub fn repartition(&self) -> Option<String> {
        let before = &self.steps[..self.count_at()?];
        let changes = before.iter().any(|step| matches!(step, Step::SelectKey(_)));
        changes.then(|| format!("{}-{}-repartition", self.application, self.store().unwrap_or("")))
    }

    /// The topic of the changes of the store.
    pub fn changelog(&self) -> Option<String> {
        self.store().map(|store| format!("{}-{store}-changelog", self.application))
    }

    /// True if a partition of this topic has a store.
    pub fn counts(&self, topic: &str) -> bool {
        match self.repartition() {
            Some(repartition) => repartition == topic,
            None => self.store().is_some() && self.sources.iter().any(|source| source == topic),
        }
    }

    /// Takes a record of a partition through the steps; what is to be written is added to `out`.
    pub fn process(
        &self,
        (topic, partition): (&str, i32),
        flow: Flow,
        store: &mut Store,
        out: &mut Vec<Output>,
    ) {
        let repartition = self.repartition();
        let from = match &repartition {
            Some(name) if name == topic => self.count_at().unwrap_or(0),
            _ => 0,
        };
        let is_second = from > 0 || repartition.is_none();
        let mut flows = vec![flow];
        for step in &self.steps[from..] {
            if let (Step::Count(..), false, Some(name)) = (step, is_second, &repartition) {
                out.extend(flows.drain(..).map(|flow| Output {
                    topic: name.clone(),
                    partition: None,
                    key: flow.key,
                    value: flow.value,
                }));
            }
            let mut next = Vec::new();
            for flow in flows {
                self.take(step, flow, (partition, store), &mut next, out);
            }
            flows = next;
        }
    }

    fn take(
        &self,
        step: &Step,
        flow: Flow,
        (partition, store): (i32, &mut Store),
        next: &mut Vec<Flow>,
        out: &mut Vec<Output>,
    ) {
        let write = |topic: &str, flow: &Flow| Output {
            topic: topic.to_owned(),
            partition: None,
            key: flow.key.clone(),
            value: flow.value.clone(),
        };
        match step {
            Step::Filter(text, has) => {
                if text_of(&flow.value).contains(&**text) == *has {
                    next.push(flow);
                }
            }
            Step::MapValues(change) => {
                let text = text_of(&flow.value);
                let text = match change {
                    Change::Upper => text.to_uppercase(),
                    Change::Lower => text.to_lowercase(),
                    Change::Length => text.chars().count().to_string(),
                };
                next.push(Flow { value: Some(text.into()), ..flow });
            }
            Step::Words => {
                let text = text_of(&flow.value);
                let words = text.split_whitespace().map(|word| Bytes::from(word.to_owned()));
                next.extend(words.map(|word| Flow { value: Some(word), ..flow.clone() }));
            }
            Step::SelectKey(None) => next.push(Flow { key: flow.value.clone(), ..flow }),
            Step::SelectKey(Some(key)) => {
                next.push(Flow { key: Some(key.clone().into()), ..flow });
            }
            Step::Branch(text, topic) => match text_of(&flow.value).contains(&**text) {
                true => out.push(write(topic, &flow)),
                false => next.push(flow),
            },
            Step::To(topic) => {
                out.push(write(topic, &flow));
                next.push(flow);
            }
            Step::Count(_, window) => {
                // Records without a key are not counted.
                let Some(key) = flow.key.clone() else { return };
                let size = window.map(|size| size.as_millis() as i64);
                let start = size.map(|size| flow.timestamp_ms.div_euclid(size) * size);
                let stored = start.map_or(key.clone(), |start| windowed(&key, start));
                let count = store.entry(stored.clone()).or_insert(0);
                *count += 1;
                let (count, text) = (*count, count.to_string());
                out.push(Output {
                    topic: self.changelog().unwrap_or_default(),
                    partition: Some(partition),
                    key: Some(stored.clone()),
                    value: Some(Bytes::copy_from_slice(&count.to_be_bytes())),
                });
                let (key, value) = (Bytes::from(self.shown(&stored)), Bytes::from(text));
                next.push(Flow { key: Some(key), value: Some(value), ..flow });
            }
        }
    }

    /// Takes a record of the changelog into the store.
    pub fn restore(&self, store: &mut Store, key: &Bytes, value: Option<&Bytes>) {
        match value.and_then(|value| Some(i64::from_be_bytes(value.get(..8)?.try_into().ok()?))) {
            Some(count) => drop(store.insert(key.clone(), count)),
            None => drop(store.remove(key)),
        }
    }

    /// A key of the store as text; with its window as `Windowed` prints itself.
    pub fn shown(&self, stored: &Bytes) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let window = self.window().map(|size| size.as_millis() as i64);
        let at = stored.len().checked_sub(12).filter(|_| window.is_some());
        let (Some(size), Some(at)) = (window, at) else { return text(stored) };
        let start = stored[at..at + 8].try_into().map_or(0, i64::from_be_bytes);
        format!("[{}@{start}/{}]", text(&stored[..at]), start + size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(key: Option<&str>, value: &str, timestamp_ms: i64) -> Flow {
        let bytes = |text: &str| Bytes::from(text.to_owned());
        Flow { key: key.map(bytes), value: Some(bytes(value)), timestamp_ms }
    }

    fn written(out: &[Output]) -> Vec<String> {
        let each = out.iter().map(|output| {
            format!("{} {}={}", output.topic, text_of(&output.key), text_of(&output.value))
        });
        each.collect()
    }

    #[test]
    fn words_go_through_the_repartition_topic_and_are_counted_behind_it() {
        let steps = "from lines | flatMapValues words | selectKey value | count words | to counts";
        let topology = Topology::parse("app", steps).expect("it is right");
        assert_eq!(topology.repartition().as_deref(), Some("app-words-repartition"));
        assert_eq!(topology.changelog().as_deref(), Some("app-words-changelog"));
        let (mut store, mut out) = (Store::new(), Vec::new());
        topology.process(("lines", 0), flow(None, "a b a", 0), &mut store, &mut out);
        let to = "app-words-repartition";
        assert_eq!(written(&out), [format!("{to} a=a"), format!("{to} b=b"), format!("{to} a=a")]);
        out.clear();
        for word in ["a", "b", "a"] {
            topology.process((to, 2), flow(Some(word), word, 0), &mut store, &mut out);
        }
        let results: Vec<String> =
            written(&out).into_iter().filter(|line| line.starts_with("counts")).collect();
        assert_eq!(results, ["counts a=1", "counts b=1", "counts a=2"]);
        // The changes of the store come back from their records.
        let mut restored = Store::new();
        for output in out.iter().filter(|output| output.partition == Some(2)) {
            let key = output.key.as_ref().expect("a count has a key");
            topology.restore(&mut restored, key, output.value.as_ref());
        }
        assert_eq!(restored, store);
    }

    #[test]
    fn a_window_begins_at_a_multiple_of_its_size() {
        let topology =
            Topology::parse("app", "from t | count c 10s | to out").expect("it is right");
        assert_eq!(topology.repartition(), None);
        assert!(topology.counts("t"));
        let (mut store, mut out) = (Store::new(), Vec::new());
        for at in [0, 9_999, 10_000] {
            topology.process(("t", 0), flow(Some("k"), "v", at), &mut store, &mut out);
        }
        let results: Vec<String> =
            written(&out).into_iter().filter(|line| line.starts_with("out")).collect();
        assert_eq!(results, ["out [k@0/10000]=1", "out [k@0/10000]=2", "out [k@10000/20000]=1"]);
    }

    #[test]
    fn a_wrong_step_is_named() {
        let error = Topology::parse("app", "from t | fliter x").expect_err("no such step");
        assert!(error.starts_with("step 2 is `fliter x`, expected filter TEXT,"), "{error}");
        assert!(Topology::parse("app", "filter x").is_err(), "it begins with from");
        assert!(Topology::parse("app", "from t").is_err(), "it does nothing");
        assert!(Topology::parse("app", "from t | count a | count b").is_err());
    }
}
