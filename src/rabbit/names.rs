//! Names that many messages share, each kept once: a message never has a string of its own.

use crate::ordered::BTreeSet;
use std::rc::Rc;

/// So many different names are remembered; then it begins anew. Sharing saves memory and changes
/// nothing else.
const NAMES_MAX: usize = 4_096;

/// The names a process has met.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The last two: nearly always an exchange and a routing key.
    recent: [Option<Rc<str>>; 2],
    known: BTreeSet<Rc<str>>,
}

impl Names {
    /// The shared copy of a name.
    pub fn shared(&mut self, name: &str) -> Rc<str> {
        if let Some(recent) = self.recent.iter().flatten().find(|recent| ***recent == *name) {
            return recent.clone();
        }
        let shared = match self.known.get(name) {
            Some(known) => known.clone(),
            None => {
                if self.known.len() >= NAMES_MAX {
                    self.known.clear();
                }
                let new: Rc<str> = name.into();
                self.known.insert(new.clone());
                new
            }
        };
        self.recent.swap(0, 1);
        self.recent[0] = Some(shared.clone());
        shared
    }
}
