//! English.

use super::Keeping;

pub(super) const TEXTS: Keeping = Keeping {
    share: "Share",
    share_title: "Share this lab",
    share_lead: "A link holds the seed and the commands, nothing else: in the browser of whoever opens it the same happens again, up to this instant.",
    share_link: "Link",
    share_copy: "Copy the link",
    share_long: "As a link this lab would have {count} characters; many places cut off links of more than {limit}. Save it as a file instead.",
    share_save: "Save as a file",
    share_open: "Open a file",
    saving_shared: "shared lab: not saved",
    toast_link: "The link was not opened.",
    toast_shared: "A lab that was shared, as it stood. Your own is untouched; what you do here is not saved.",
    link_long: "It has {found} characters; at most {expected} are read.",
    link_letter: "Character {expected} is “{found}”, which no link has.",
    link_short: "It is cut off: {found} bytes are left; the shortest has {expected}.",
    link_newer: "It has format {found}, of a newer version; this page reads format {expected}. Load the page again.",
    link_damaged: "It was cut off or changed: its checksum is {found}, expected {expected}. Ask for it again.",
    link_unpacked: "It does not unpack into {expected} bytes: {found}.",
    link_shape: "It does not hold what a link of format {expected} holds: {found}.",
    link_actions: "It has {found} commands; at most {expected} are read.",
    link_action: "Command {found}; expected {expected}.",
    link_lab: "Its lab cannot be made: {found}; expected {expected}.",
    link_far: "It stands {found} events from the beginning; at most {expected} are replayed.",
    link_strayed: "Version {expected} does not come to the same at command {found}.",
    link_lesson: "The lesson {expected} cannot be opened at this place: {found}.",
};
