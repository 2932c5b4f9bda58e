//! Plain data for the screen, a pure function of the lab; and its words, in two languages.
//!
//! - [`scene`], [`frame`], [`lesson`]: what the page is sent, as plain data.
//! - [`build`]: makes that data from the lab. Runs beside the engine.
//! - [`layout`]: where everything stands in the picture, in pixels of a given width.
//! - [`text_view`], [`sentence`](mod@sentence): the same data in words; not beside the picture but
//!   equal to it.
//! - [`progress`]: how far a learner is in all lessons.
//! - [`plot`]: the charts on paper: paths, ticks, a table, files.
//! - [`fact`](mod@fact): names of figures in the reader's language.
//! - [`words`]: every text of the page in both languages; what a missing one costs is a build.
//! - [`acts`]: the command behind each button.
//! - [`forms`], [`worlds`]: what is built by hand, and the labs that one can begin with.
//! - [`beside`]: two runs compared. [`bet`]: what the learner expected, over the curves.
//! - [`drag`]: what can be taken by hand in the picture, and moved.
//! - [`change`]: settings that can be changed. [`why`](mod@why): why a thing is as it is.
//! - [`snippet`]: what an author copies into a page of their own.
//! - [`still`]: the picture where no program runs.
//! - [`welcome`]: the first half minute of a first visit.
//!
//! Nothing here knows the page: the same data gives the same picture on every machine.

pub mod acts;
pub mod beside;
pub mod bet;
pub mod build;
pub mod build_lesson;
pub mod change;
pub mod drag;
pub mod fact;
pub mod forms;
pub mod frame;
pub mod layout;
pub mod lesson;
pub mod plot;
pub mod progress;
pub mod scene;
pub mod sentence;
pub mod snippet;
pub mod still;
pub mod text_view;
pub mod welcome;
pub mod why;
pub mod words;
pub mod worlds;
