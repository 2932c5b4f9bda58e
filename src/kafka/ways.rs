//! What this cluster does otherwise than an earlier version of this program did. Links and saved
//! labs are played again for ever, so a lab of then keeps the ways of then: it says so by a
//! setting of its servers.

use super::spec::Settings;

/// The setting that names the version of this program whose ways are kept; none: its own.
pub const ENGINE: &str = "lab.engine";

/// The versions that had other ways.
pub const ENGINES: &[&str] = &["", "0.1.0"];

/// The ways of a lab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Until 0.1.0 who had asked its leader before something was committed, controller or server
    /// of ZooKeeper, heard of it with the leader's next sign of life, up to half a second later.
    pub tells_commits_late: bool,
}

impl Ways {
    /// Those of the version that the settings of a server name.
    pub fn of(settings: &Settings) -> Ways {
        let engine = settings.get(ENGINE).map_or("", String::as_str);
        Ways { tells_commits_late: engine == "0.1.0" }
    }
}
