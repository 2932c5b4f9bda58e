//! Everything that can happen to the page.

use super::Narrow;
use super::{Menu, Share, Store, Tab, Theme};
use crate::host::protocol::{Grain, LessonAct, Reply, Request};
use crate::view::drag::Grip;
use crate::view::frame::Selection;
use crate::view::layout::Lanes;
use crate::view::scene::Place;
use crate::view::welcome::Pile;
use crate::view::words::Language;

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The engine says something, at an instant of real time.
    Reply(Box<Reply>, i64),
    /// The picture has another width.
    Width(i32),
    /// The page came into sight or went out of it.
    Hidden(bool),
    /// Speak this language.
    SetLanguage(Language),
    /// Wear these colours.
    SetTheme(Theme),
    /// Picture or text.
    ToggleText,
    /// Run these lines.
    Run(String),
    /// Run what a form made, and see what comes of it.
    Build(String),
    /// Begin the free lab with a starting world.
    World(usize),
    /// What another visit has done comes here, from a file.
    Import(Option<String>),
    /// Send one message to both sides.
    Send,
    /// Let the Kafka consumer ask.
    Fetch,
    /// The bet of the first half minute.
    Bet(Pile),
    /// The first half minute is over; open the first lesson if `true`.
    EndWelcome(bool),
    /// Let time run or stop it.
    PlayOrPause,
    /// One step.
    Step {
        /// Back.
        back: bool,
    },
    /// Go to an instant.
    Seek(u64),
    /// Go to the end of what is recorded.
    SeekEnd,
    /// Another speed.
    SetSpeed(f64),
    /// The next greater speed.
    Faster,
    /// The next smaller speed.
    Slower,
    /// How large a step is.
    SetGrain(Grain),
    /// Take the last command back.
    Undo,
    /// Do it again.
    Redo,
    /// Begin the lab or the lesson anew.
    Reset,
    /// Show this.
    Select(Option<Selection>),
    /// Show what can be done to a thing.
    OpenMenu(Menu),
    /// Close that.
    CloseMenu,
    /// Do something of it.
    FromMenu(String),
    /// Something is taken by hand.
    Grab,
    /// It is let go on a place.
    Move(Grip, Place),
    /// Ask for the number of a message to follow.
    Follow,
    /// Show this in the drawer; close it if it is there already.
    ShowTab(Tab),
    /// Open or close the drawer.
    ToggleDrawer,
    /// Narrow the list of events.
    Filter(String),
    /// In a narrow page: this lane.
    SetNarrow(Narrow),
    /// Open the list of lessons, or close it.
    ShowLessons,
    /// Leave the lesson, keep the lab.
    FreeLab,
    /// Open a lesson.
    OpenLesson(&'static str),
    /// The text of a lesson came.
    LessonText {
        /// Its id.
        id: &'static str,
        /// Its language.
        language: Language,
        /// Its Markdown; `None` if it did not come.
        json: Option<String>,
        /// The same lesson in another language.
        translate: bool,
    },
    /// Something in the open lesson.
    Lesson(LessonAct),
    /// The learner typed.
    Input(String),
    /// Run what is typed.
    Enter,
    /// An earlier command.
    Earlier,
    /// A later command.
    Later,
    /// Complete what is typed.
    Complete,
    /// Open or close the list of keys.
    ShowKeys(bool),
    /// Take the message at the lower edge away.
    CloseToast,
    /// Load the page anew.
    Reload,
    /// Put a text where it can be pasted from.
    Copy(String),
    /// Something about links and files.
    Share(Share),
    /// Something about what this browser keeps.
    Store(Store),
    /// An embed shows this side.
    SetSide(Lanes),
    /// The page around an embed asks the engine.
    Ask(Box<Request>),
    /// Compare this lab with one in which a line is another one, and show both.
    Compare(String),
    /// Go to where two runs part.
    Part,
    /// A newer version of the page is here.
    Newer,
    /// The program has broken: why.
    Broken(String),
    /// Effects up to this number were carried out.
    Done(u64),
}
