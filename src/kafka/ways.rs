//! What this cluster does otherwise than an earlier version of this program did. Links and saved
//! labs are played again for ever, so a lab of then keeps the ways of then: it says so by a
//! setting of its servers.

use super::spec::Settings;

/// The setting that names the version of this program whose ways are kept; none: its own.
pub const ENGINE: &str = "lab.engine";

/// The versions that had other ways.
pub const ENGINES: &[&str] = &["", "0.1.0", "0.2.0"];

/// The ways of a lab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// Until 0.1.0 who had asked its leader before something was committed, controller or server
    /// of ZooKeeper, heard of it with the leader's next sign of life, up to half a second later.
    pub tells_commits_late: bool,
    /// Until 0.2.0 a controller of the ZooKeeper era decided about a broker that was gone by the
    /// ISRs that it had read before, and did not know what it had written when the answer was
    /// lost; a broker that knew nothing yet hung up on brokers that asked it; and a broker could
    /// forget to open a connection while it did not need another one any more.
    pub hears_half: bool,
}

impl Ways {
    /// Those of the version that the settings of a server name.
    pub fn of(settings: &Settings) -> Ways {
        let engine = settings.get(ENGINE).map_or("", String::as_str);
        let until = |last: &str| !engine.is_empty() && engine <= last;
        Ways { tells_commits_late: until("0.1.0"), hears_half: until("0.2.0") }
    }
}
