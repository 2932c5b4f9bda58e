//! The store in IndexedDB.
//!
//! Two object stores: `manifests`, by the name of the lab, with which tab has it under
//! `["owner", lab]`; and `blocks`, by `[lab, id]`. A commit
//! is one transaction with strict durability: when it is complete, it is on the disk.
//!
//! The `idb` crate opens the database and makes the requests. Transactions are made and waited
//! for here: it can ask for no durability, and does not tell why one was aborted (a full disk).

use super::clock::{call, within};
use super::locks::Lock;
use super::scratch::{Scratch, let_go};
use crate::ordered::BTreeSet;
use crate::storage::manifest::Record;
use crate::storage::store::{Census, after, kept_name, kept_prefix};
use crate::storage::{Commit, Manifest, Opened, Store, StoreError, block};
use bytes::Bytes;
use gloo::events::EventListener;
use idb::{DatabaseEvent, Factory, KeyRange, ObjectStore, ObjectStoreParams, Transaction};
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use std::cell::{Cell, RefCell};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomException, IdbDatabase, IdbTransaction};

const DATABASE: &str = "pushpull";
const VERSION: u32 = 1;
const MANIFESTS: &str = "manifests";
const BLOCKS: &str = "blocks";

/// How long the browser may take to open the database, in milliseconds: in some frames it never
/// answers.
const PATIENCE_MS: u32 = 1_000;

/// The store in IndexedDB.
#[derive(Default)]
pub struct IndexedDb {
    connection: RefCell<Option<Connection>>,
    lab: RefCell<Option<(String, Lock)>>,
    first_block: Cell<u64>,
    /// True once the lab has a manifest in storage: then it must stay there.
    has_manifest: Cell<bool>,
    /// The word by which storage knows this tab as the one that has the lab.
    owner: Cell<u32>,
    scratch: Scratch,
}

struct Connection {
    database: IdbDatabase,
    /// Another tab wants to change or delete the database: let it.
    _yields: EventListener,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.database.close();
    }
}

impl IndexedDb {
    fn lab(&self) -> Result<String, StoreError> {
        let lab = self.lab.borrow().as_ref().map(|(lab, _)| lab.clone());
        lab.ok_or_else(|| StoreError::Unavailable("no lab is open".into()))
    }

    async fn connect(&self) -> Result<(), StoreError> {
        let database = within(PATIENCE_MS, open_database()).await.unwrap_or_else(|| {
            let sentence = format!("IndexedDB did not answer within {PATIENCE_MS} ms");
            Err(StoreError::Unavailable(sentence))
        })?;
        let closing = database.clone();
        let yields = EventListener::new(&database, "versionchange", move |_| closing.close());
        *self.connection.borrow_mut() = Some(Connection { database, _yields: yields });
        Ok(())
    }

    /// Begins a transaction on both object stores; connects again if the connection is gone.
    async fn begin(&self, mode: &str) -> Result<Under, StoreError> {
        let begun = self.connection.borrow().as_ref().map(|c| Under::begin(&c.database, mode));
        if let Some(Ok(under)) = begun {
            return Ok(under);
        }
        self.connect().await?;
        let connection = self.connection.borrow();
        let database = &connection.as_ref().expect("it is connected").database;
        Under::begin(database, mode).map_err(|error| failed(&error))
    }

    /// Takes what is kept of a lab whose lock this tab has.
    async fn opened(&self, lab: &str, lock: Lock) -> Result<Opened, StoreError> {
        *self.lab.borrow_mut() = Some((lab.to_owned(), lock));
        self.has_manifest.set(false);
        let under = self.begin("readwrite").await?;
        self.owner.set(super::entropy::seed());
        let owner = JsValue::from(self.owner.get());
        under.manifests.put(&owner, Some(&owner_of(lab)))?;
        let there = Self::block_ids(&under, lab).await?;
        let Some(bytes) = under.manifests.get(JsValue::from(lab))?.await? else {
            under.finish().await?;
            self.first_block.set(after(&there));
            return Ok(Opened { manifest: None, next_block: after(&there) });
        };
        let bytes = bytes.unchecked_into::<Uint8Array>().to_vec();
        let read = Record::decode(lab, &bytes);
        let read = read.and_then(|record| Ok((Census::take(lab, &record, &there)?, record)));
        let (census, record) = match read {
            Ok(read) => read,
            Err(error) => {
                // The lab is ours all the same, to be kept aside.
                under.finish().await?;
                return Err(error);
            }
        };
        for id in &census.rubbish {
            under.blocks.delete(key_of(lab, *id))?;
        }
        under.finish().await?;
        self.first_block.set(record.first_block);
        self.has_manifest.set(true);
        Ok(Opened { manifest: Some(record.manifest), next_block: census.next_block })
    }

    /// Asks at once who has the lab; the answer fails if another tab took it over.
    fn check_owner(
        &self,
        under: &Under,
        lab: &str,
    ) -> Result<impl Future<Output = Result<(), StoreError>> + use<>, StoreError> {
        let asked = under.manifests.get(owner_of(lab))?;
        let me = f64::from(self.owner.get());
        Ok(async move {
            match asked.await?.and_then(|owner| owner.as_f64()) {
                Some(owner) if owner != me => Err(StoreError::OtherTab),
                // Storage that was emptied is found out elsewhere.
                _ => Ok(()),
            }
        })
    }

    async fn block_ids(under: &Under, lab: &str) -> Result<BTreeSet<u64>, StoreError> {
        let keys = under.blocks.get_all_keys(Some(all_of(lab)?.into()), None)?.await?;
        let id = |key: JsValue| key.unchecked_into::<Array>().get(1).as_f64();
        Ok(keys.into_iter().filter_map(id).map(|id| id as u64).collect())
    }

    async fn names(under: &Under) -> Result<Vec<String>, StoreError> {
        let keys = under.manifests.get_all_keys(None, None)?.await?;
        Ok(keys.iter().filter_map(JsValue::as_string).collect())
    }
}

impl Store for IndexedDb {
    async fn open(&self, lab: &str) -> Result<Opened, StoreError> {
        self.lab.borrow_mut().take();
        self.connect().await?;
        let lock = Lock::take(&lock_of(lab)).await;
        let lock = lock.map_err(|error| failed(&error))?.ok_or(StoreError::OtherTab)?;
        self.opened(lab, lock).await
    }

    async fn take_over(&self, lab: &str) -> Result<Opened, StoreError> {
        self.lab.borrow_mut().take();
        self.connect().await?;
        let lock = Lock::steal(&lock_of(lab)).await.map_err(|error| failed(&error))?;
        self.opened(lab, lock).await
    }

    async fn peek(&self, lab: &str) -> Result<Option<Manifest>, StoreError> {
        let under = self.begin("readonly").await?;
        let Some(bytes) = under.manifests.get(JsValue::from(lab))?.await? else { return Ok(None) };
        let bytes = bytes.unchecked_into::<Uint8Array>().to_vec();
        Ok(Some(Record::decode(lab, &bytes)?.manifest))
    }

    async fn keep_aside(&self, date: &str) -> Result<Opened, StoreError> {
        let lab = self.lab()?;
        let under = self.begin("readwrite").await?;
        self.check_owner(&under, &lab)?.await?;
        let there = Self::block_ids(&under, &lab).await?;
        let names = Self::names(&under).await?;
        if let Some(bytes) = under.manifests.get(JsValue::from(&*lab))?.await? {
            let name = kept_name(&lab, date, |name| names.iter().any(|taken| taken == name));
            under.manifests.put(&bytes, Some(&JsValue::from(&*name)))?;
            under.manifests.delete(JsValue::from(&*lab))?;
        }
        under.finish().await?;
        self.has_manifest.set(false);
        self.first_block.set(after(&there));
        Ok(Opened { manifest: None, next_block: after(&there) })
    }

    async fn read(&self, ids: &[u64]) -> Result<Vec<Bytes>, StoreError> {
        let lab = self.lab()?;
        let under = self.begin("readonly").await?;
        self.check_owner(&under, &lab)?.await?;
        let asked = ids.iter().map(|id| under.blocks.get(key_of(&lab, *id)));
        let asked = asked.collect::<Result<Vec<_>, _>>()?;
        let mut blocks = Vec::with_capacity(ids.len());
        for (id, request) in ids.iter().zip(asked) {
            let kept = request.await?.map(|bytes| {
                let bytes = bytes.unchecked_into::<Uint8Array>();
                let copied = bytes.to_vec();
                let_go(&bytes);
                copied
            });
            blocks.push(block::open(&lab, *id, kept.unwrap_or_default())?);
        }
        Ok(blocks)
    }

    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let lab = self.lab()?;
        let manifest = commit.manifest.clone();
        let record = Record { first_block: self.first_block.get(), manifest }.encode();
        let name = JsValue::from(&*lab);
        let under = self.begin("readwrite").await?;
        // Everything is asked at once: an answer comes only between two slices of the engine's
        // work. Who may not write after all takes it back.
        let owner = self.check_owner(&under, &lab)?;
        let there = under.manifests.get_key(name.clone())?;
        for (id, content) in &commit.blocks {
            let parts: [&[u8]; 2] = [&block::head(content), content];
            // Storage takes a copy of its own.
            self.scratch.with(&parts, |kept| under.blocks.put(kept, Some(&key_of(&lab, *id))))?;
        }
        for id in &commit.drop {
            under.blocks.delete(key_of(&lab, *id))?;
        }
        under.manifests.put(&Uint8Array::from(&record[..]), Some(&name))?;
        owner.await?;
        if there.await?.is_none() && self.has_manifest.get() {
            let sentence = "the browser's storage was emptied while the lab was open";
            return Err(StoreError::Unavailable(sentence.into()));
        }
        under.finish().await?;
        self.has_manifest.set(true);
        Ok(())
    }

    async fn erase(&self) -> Result<(), StoreError> {
        let lab = self.lab()?;
        let under = self.begin("readwrite").await?;
        self.check_owner(&under, &lab)?.await?;
        let prefix = kept_prefix(&lab);
        let names = Self::names(&under).await?;
        for name in names.iter().filter(|name| **name == lab || name.starts_with(&prefix)) {
            under.manifests.delete(JsValue::from(&**name))?;
        }
        under.blocks.delete(all_of(&lab)?)?;
        under.finish().await?;
        self.has_manifest.set(false);
        Ok(())
    }

    async fn labs(&self) -> Result<Vec<String>, StoreError> {
        let under = self.begin("readonly").await?;
        Self::names(&under).await
    }
}

/// A transaction under way. One that is dropped unfinished and could have written is taken back.
struct Under {
    transaction: IdbTransaction,
    manifests: ObjectStore,
    blocks: ObjectStore,
    end: Cell<Option<JsFuture>>,
    writes: bool,
}

impl Under {
    fn begin(database: &IdbDatabase, mode: &str) -> Result<Under, JsValue> {
        let options = Object::new();
        Reflect::set(&options, &"durability".into(), &"strict".into())?;
        let stores = Array::of2(&MANIFESTS.into(), &BLOCKS.into());
        let begun = call(database, "transaction", &Array::of3(&stores, &mode.into(), &options))?;
        let transaction: IdbTransaction = begun.dyn_into()?;
        let end = Promise::new(&mut |complete, abort| {
            transaction.set_oncomplete(Some(&complete));
            transaction.set_onabort(Some(&abort));
        });
        let stores = Transaction::from(transaction.clone());
        let store = |name| stores.object_store(name).map_err(|error| error.to_string());
        let (manifests, blocks) = (store(MANIFESTS)?, store(BLOCKS)?);
        let end = Cell::new(Some(JsFuture::from(end)));
        Ok(Under { transaction, manifests, blocks, end, writes: mode == "readwrite" })
    }

    /// Waits until all of it is safe.
    async fn finish(self) -> Result<(), StoreError> {
        let end = self.end.take().expect("it is finished once");
        // Nothing more is asked: said so, it need not wait until each answer was heard. A browser
        // that cannot be told finds out.
        let _ = call(&self.transaction, "commit", &Array::new());
        end.await.map(drop).map_err(|_| match self.transaction.error() {
            Some(error) => failed(&error),
            None => StoreError::Unavailable("the transaction was aborted".into()),
        })
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        if self.writes && self.end.take().is_some() {
            // It may be over already, which is as well.
            let _ = self.transaction.abort();
        }
    }
}

async fn open_database() -> Result<IdbDatabase, StoreError> {
    let mut request = Factory::new()?.open(DATABASE, Some(VERSION))?;
    request.on_upgrade_needed(|event| {
        // If a store cannot be made, the first transaction fails, and says so.
        if let Ok(database) = event.database() {
            for name in [MANIFESTS, BLOCKS] {
                let _ = database.create_object_store(name, ObjectStoreParams::new());
            }
        }
    });
    Ok(request.await?.into())
}

fn lock_of(lab: &str) -> String {
    ["pushpull/", lab].concat()
}

/// Under this key stands which tab has a lab. It is no string, and so no lab's name.
fn owner_of(lab: &str) -> JsValue {
    Array::of2(&"owner".into(), &lab.into()).into()
}

fn key_of(lab: &str, id: u64) -> JsValue {
    Array::of2(&lab.into(), &(id as f64).into()).into()
}

/// All block keys of a lab: an array is greater than any number.
fn all_of(lab: &str) -> Result<KeyRange, idb::Error> {
    let least = Array::of1(&lab.into());
    let greatest = Array::of2(&lab.into(), &Array::new());
    KeyRange::bound(&least, &greatest, None, None)
}

impl From<idb::Error> for StoreError {
    fn from(error: idb::Error) -> StoreError {
        match error {
            idb::Error::DomException(error) => failed(&error),
            error => sort(&error.to_string(), error.to_string()),
        }
    }
}

fn failed(error: &JsValue) -> StoreError {
    match error.dyn_ref::<DomException>() {
        Some(error) => sort(&error.name(), format!("{}: {}", error.name(), error.message())),
        None => StoreError::Unavailable(super::engine::text_of(error)),
    }
}

fn sort(name: &str, sentence: String) -> StoreError {
    match name.contains("QuotaExceeded") {
        true => StoreError::Full(sentence),
        false => StoreError::Unavailable(sentence),
    }
}
