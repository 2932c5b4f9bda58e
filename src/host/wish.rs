//! What the host wishes of storage, and what it is told. Wishes are data: whoever drives the host
//! has the store, and time goes on meanwhile.

use crate::storage::{Commit, Manifest, Opened, StoreError};
use bytes::Bytes;

/// What the host wishes of storage. At most one that writes is under way, and one `Read`.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Take a lab; told [`Told::Opened`].
    Open {
        /// Its name.
        lab: String,
    },
    /// Take a lab from the tab that has it; told [`Told::Opened`].
    TakeOver {
        /// Its name.
        lab: String,
    },
    /// Look at what is kept of a lab that another tab has; told [`Told::Peeked`].
    Peek {
        /// Its name.
        lab: String,
    },
    /// Give what cannot be read another name; told [`Told::KeptAside`].
    KeepAside,
    /// Load blocks; told [`Told::Read`]. Virtual time stands still until then.
    Read {
        /// Their ids.
        ids: Vec<u64>,
    },
    /// Write a commit; told [`Told::Committed`].
    Commit(Box<Commit>),
    /// Remove everything of the lab; told [`Told::Erased`].
    Erase,
}

/// What came of a wish.
#[derive(Clone, Debug)]
pub enum Told {
    /// Of [`Wish::Peek`].
    Peeked(Result<Option<Manifest>, StoreError>),
    /// Of [`Wish::Open`].
    Opened(Result<Opened, StoreError>),
    /// Of [`Wish::KeepAside`].
    KeptAside(Result<Opened, StoreError>),
    /// Of [`Wish::Read`]: each block with its id.
    Read(Result<Vec<(u64, Bytes)>, StoreError>),
    /// Of [`Wish::Commit`].
    Committed(Result<(), StoreError>),
    /// Of [`Wish::Erase`].
    Erased(Result<(), StoreError>),
}
