//! The state of the page, and everything that can happen to it. A pure function: what is to be
//! done outside is noted as an [`Effect`].

use super::effect::Effect;
use super::terminal_state::Terminal;
use crate::host::protocol::{Grain, LessonAct, Reply, Request};
use crate::lesson::catalog;
use crate::view::acts;
use crate::view::frame::{EventLine, Inspector, Saving, Selection, Status};
use crate::view::layout::{Lanes, is_narrow};
use crate::view::lesson::LessonView;
use crate::view::progress::Progress;
use crate::view::scene::Scene;
use crate::view::welcome::{self, Act, Pile};
use crate::view::words::Language;
use std::rc::Rc;

mod classroom;
mod first_minute;
mod hearing;
mod pace;
mod sharing;
mod storing;
mod toast;

pub use classroom::Menu;
pub use sharing::{Incoming, Share};
pub use storing::{Erase, Estimate, Store};
pub use toast::Toast;

/// Speeds, slowest first; 0 is as fast as possible.
pub const SPEEDS: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 0.0];

/// The name of the lab in storage.
const LAB: &str = "lab";

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Those of the system.
    #[default]
    System,
    /// Light ones.
    Light,
    /// Dark ones.
    Dark,
}

/// How far the page is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// The engine is loading, or opens the lab.
    #[default]
    Opening,
    /// The lab is there.
    Open,
    /// It cannot go on: why.
    Failed(String),
}

/// What stands at the left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    #[default]
    Nothing,
    /// The list of lessons.
    List,
    /// The open lesson.
    Lesson,
}

/// What the drawer shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Commands and their outputs.
    #[default]
    Terminal,
    /// What happened.
    Events,
    /// What became of the messages.
    Ledger,
    /// Figures over time.
    Charts,
    /// Forms to build with.
    Build,
}

/// In a narrow page: which lane, or both as a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Narrow {
    /// The upper lane.
    #[default]
    Kafka,
    /// The lower lane.
    Rabbit,
    /// Both, as a table.
    Compare,
}

/// The first half minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welcome {
    /// How far it is.
    pub act: Act,
    /// Where the learner expects the pile.
    pub bet: Option<Pile>,
    /// Where the lab has it.
    pub right: Option<Pile>,
    /// When the watching began.
    pub since_us: u64,
}

/// Everything that the page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The language of the page.
    pub language: Language,
    /// Its colours.
    pub theme: Theme,
    /// How far it is.
    pub phase: Phase,
    /// The version of the engine.
    pub version: String,
    /// The first half minute, if it is not over.
    pub welcome: Option<Welcome>,
    /// The picture.
    pub scene: Rc<Scene>,
    /// The number of the frame that the picture came with.
    pub frame: u64,
    /// When it came, in milliseconds of real time.
    pub frame_ms: i64,
    /// True if the picture jumped: then nothing moves.
    pub jumped: bool,
    /// How things stand.
    pub status: Rc<Status>,
    /// The events, oldest first.
    pub events: Rc<Vec<Rc<EventLine>>>,
    /// What the event list is narrowed to.
    pub filter: String,
    /// What is selected.
    pub selection: Option<Selection>,
    /// The menu of a thing, if one is open.
    pub menu: Option<Menu>,
    /// What is known of it.
    pub inspector: Option<Rc<Inspector>>,
    /// The lesson that is open.
    pub lesson: Option<Rc<LessonView>>,
    /// Why a lesson could not be opened.
    pub lesson_error: Option<String>,
    /// How far the learner is in each lesson.
    pub progress: Rc<Progress>,
    /// What stands at the left.
    pub left: Left,
    /// What the drawer shows.
    pub tab: Tab,
    /// True if the drawer is open.
    pub drawer: bool,
    /// The terminal.
    pub terminal: Rc<Terminal>,
    /// True if the text view stands in the place of the picture.
    pub text: bool,
    /// In a narrow page: which lane.
    pub narrow: Narrow,
    /// The width of the picture, in pixels.
    pub width: i32,
    /// How large a step is.
    pub grain: Grain,
    /// How fast time runs, when it runs.
    pub speed: f64,
    /// The sentence below the picture: of the last step.
    pub caption: Option<Rc<EventLine>>,
    /// What a screen reader hears.
    pub said: String,
    /// The message at the lower edge.
    pub toast: Option<Toast>,
    /// True if the list of keys is open.
    pub keys: bool,
    /// Which sides an embed shows.
    pub side: Lanes,
    /// False if nothing is kept: an embed.
    pub keeps: bool,
    /// The step at which the first lesson opens.
    pub first_step: usize,
    /// The lab as a link, while the dialog about it is open.
    pub shared: Option<String>,
    /// What this browser keeps, while the dialog about it is open.
    pub storage: Option<Estimate>,
    /// What somebody shared, on its way to be opened.
    pub incoming: Option<Incoming>,
    /// What is to be done outside, each with its number.
    pub effects: Vec<(u64, Effect)>,
    next_effect: u64,
    next_request: u64,
    /// The request whose first failure is told at the lower edge.
    watched_request: Option<u64>,
    said_ms: i64,
    stepping: bool,
    to_watch: Option<u64>,
}

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
    /// The program has broken: why.
    Broken(String),
    /// Effects up to this number were carried out.
    Done(u64),
}

impl State {
    /// The page as it begins.
    pub fn new(language: Language, theme: Theme) -> State {
        let mut state = State {
            language,
            theme,
            phase: Phase::Opening,
            version: String::new(),
            welcome: None,
            scene: Rc::default(),
            frame: 0,
            frame_ms: 0,
            jumped: true,
            status: Rc::default(),
            events: Rc::default(),
            filter: String::new(),
            selection: None,
            menu: None,
            inspector: None,
            lesson: None,
            lesson_error: None,
            progress: Rc::default(),
            left: Left::Nothing,
            tab: Tab::Terminal,
            drawer: true,
            terminal: Rc::default(),
            text: false,
            narrow: Narrow::Kafka,
            width: 0,
            grain: Grain::Event,
            speed: 1.0,
            caption: None,
            said: String::new(),
            toast: None,
            keys: false,
            side: Lanes::Both,
            keeps: true,
            first_step: 0,
            shared: None,
            storage: None,
            incoming: None,
            effects: Vec::new(),
            next_effect: 0,
            next_request: 0,
            watched_request: None,
            said_ms: 0,
            stepping: false,
            to_watch: None,
        };
        state.open_own();
        state
    }

    /// Opens the user's own lab.
    fn open_own(&mut self) {
        let (lab, script) = (LAB.into(), welcome::SCRIPT.into());
        self.ask(Request::Open { lab, script, store: self.keeps });
    }

    /// True once something can be done. What is done while a command runs comes after it.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Open && self.frame > 0
    }

    /// True once the lab stands, and the first press works at once.
    pub fn stands(&self) -> bool {
        self.is_ready() && self.status.working.is_none()
    }

    /// Which lanes the picture shows in a page of this kind.
    pub fn lanes(&self, narrow: bool) -> Lanes {
        if self.side != Lanes::Both {
            return self.side;
        }
        // The first half minute is about what differs: both are shown, whatever the room.
        match (narrow && self.welcome.is_none(), self.narrow) {
            (false, _) | (true, Narrow::Compare) => Lanes::Both,
            (true, Narrow::Kafka) => Lanes::Kafka,
            (true, Narrow::Rabbit) => Lanes::Rabbit,
        }
    }

    fn wish(&mut self, effect: Effect) {
        self.next_effect += 1;
        self.effects.push((self.next_effect, effect));
    }

    fn ask(&mut self, request: Request) {
        self.wish(Effect::Ask(request));
    }

    /// Runs lines; they stand in the terminal first.
    fn run(&mut self, text: String) -> u64 {
        self.settle();
        self.next_request += 1;
        let id = self.next_request;
        Rc::make_mut(&mut self.terminal).begin(id, &text);
        self.ask(Request::Run { id, text });
        id
    }

    /// Runs the command of a button, and lets some time pass so that one sees what comes of it.
    fn act(&mut self, command: String) {
        let text = match self.status.playing {
            true => command,
            false => [&*command, "\n", acts::AFTERMATH].concat(),
        };
        self.watched_request = Some(self.run(text));
    }

    /// What was told of is taken note of once the learner goes on.
    fn settle(&mut self) {
        if !matches!(self.toast, Some(Toast::Forked)) {
            self.toast = None;
        }
    }

    fn pause(&mut self) {
        if self.status.playing {
            self.ask(Request::Pause);
        }
    }

    fn select(&mut self, selection: Option<Selection>) {
        if selection.is_some() {
            self.pause();
        }
        self.inspector = None;
        self.selection = selection.clone();
        self.ask(Request::Select(selection));
    }

    /// Something happens.
    pub fn change(&mut self, action: Action) {
        match action {
            Action::Reply(reply, now_ms) => self.hear(*reply, now_ms),
            Action::Width(width) => self.width = width,
            Action::Hidden(hidden) => self.ask(Request::Hidden(hidden)),
            Action::SetLanguage(language) => self.set_language(language),
            Action::SetTheme(theme) => {
                self.theme = theme;
                let value = match theme {
                    Theme::System => None,
                    Theme::Light => Some("light"),
                    Theme::Dark => Some("dark"),
                };
                self.wish(Effect::Keep { name: "theme", value });
            }
            Action::ToggleText => self.text = !self.text,
            Action::Run(text) => {
                self.watched_request = Some(self.run(text));
            }
            Action::Build(command) => self.act(command),
            Action::World(index) => self.begin_world(index),
            Action::Import(text) => self.import(text.as_deref()),
            Action::Send => {
                if self.welcome.is_some() && is_narrow(self.width) {
                    // The other lane is what to look at, and stands below.
                    self.wish(Effect::Reveal("stage"));
                }
                if let Some(command) = acts::send(&self.scene) {
                    self.act(command);
                }
            }
            Action::Fetch => {
                if let Some(command) = acts::fetch(&self.scene) {
                    self.act(command);
                }
            }
            Action::Bet(pile) => self.bet(pile),
            Action::EndWelcome(lesson) => self.end_welcome(lesson),
            Action::PlayOrPause if self.status.playing || self.status.working.is_some() => {
                self.ask(Request::Pause);
            }
            Action::PlayOrPause => self.play(),
            Action::Step { back } => {
                self.stepping = true;
                self.ask(Request::Step { grain: self.grain, back });
            }
            Action::Seek(at_us) => {
                self.caption = None;
                self.ask(Request::Seek { at_us });
            }
            Action::SeekEnd => self.change(Action::Seek(self.status.end_us)),
            Action::SetSpeed(speed) => self.set_speed(speed),
            Action::Faster => self.speed_by(1),
            Action::Slower => self.speed_by(-1),
            Action::SetGrain(grain) => self.grain = grain,
            Action::Undo => {
                self.toast = None;
                self.ask(Request::Undo);
            }
            Action::Redo => self.ask(Request::Redo),
            Action::Reset => self.reset(),
            Action::Select(selection) => self.select(selection),
            Action::OpenMenu(menu) => self.open_menu(menu),
            Action::CloseMenu => self.menu = None,
            Action::FromMenu(command) => {
                self.menu = None;
                self.act(command);
            }
            Action::Follow => {
                self.end_welcome(false);
                self.change(Action::ShowTab(Tab::Events));
                self.wish(Effect::Focus("follow"));
            }
            Action::ShowTab(tab) => {
                self.drawer = true;
                self.tab = tab;
            }
            Action::ToggleDrawer => self.drawer = !self.drawer,
            Action::Filter(text) => self.filter = text,
            Action::SetNarrow(narrow) => self.narrow = narrow,
            Action::ShowLessons => {
                self.end_welcome(false);
                self.left = if self.left == Left::List { self.beside() } else { Left::List };
            }
            Action::FreeLab => {
                self.end_welcome(false);
                if self.lesson.is_some() {
                    self.ask(Request::CloseLesson);
                }
                self.wish(Effect::Keep { name: "lesson", value: None });
                self.left = Left::Nothing;
            }
            Action::OpenLesson(id) => {
                self.end_welcome(false);
                self.lesson_error = None;
                let language = self.language;
                self.wish(Effect::FetchLesson { id, language, translate: false });
            }
            Action::LessonText { id, language, json, translate } => {
                self.lesson_text((id, language), json, translate);
            }
            Action::Lesson(act) => self.ask(Request::Lesson(act)),
            Action::Input(text) => Rc::make_mut(&mut self.terminal).set_input(text),
            Action::Enter => {
                if let Some(text) = Rc::make_mut(&mut self.terminal).take() {
                    self.watched_request = None;
                    self.run(text);
                }
            }
            Action::Earlier => Rc::make_mut(&mut self.terminal).earlier(),
            Action::Later => Rc::make_mut(&mut self.terminal).later(),
            Action::Complete => {
                self.next_request += 1;
                let id = self.next_request;
                let line = Rc::make_mut(&mut self.terminal).ask(id);
                self.ask(Request::Complete { id, line });
            }
            Action::ShowKeys(open) => {
                if open {
                    self.pause();
                }
                self.keys = open;
            }
            Action::CloseToast => self.toast = None,
            Action::Reload => self.wish(Effect::Reload),
            Action::Copy(text) => {
                self.wish(Effect::Copy(text));
                self.toast = Some(Toast::Copied);
            }
            Action::Store(store) => self.store(store),
            Action::SetSide(side) => self.side = side,
            Action::Ask(request) => self.ask(*request),
            Action::Share(share) => self.share(share),
            Action::Broken(error) => self.phase = Phase::Failed(error),
            Action::Done(number) => self.effects.retain(|(known, _)| *known > number),
        }
    }

    /// What stands at the left beside the list: the lesson, if one is open.
    fn beside(&self) -> Left {
        if self.lesson.is_some() { Left::Lesson } else { Left::Nothing }
    }

    fn set_language(&mut self, language: Language) {
        self.language = language;
        self.wish(Effect::Keep { name: "lang", value: Some(language.code()) });
        let entry = self.lesson.as_ref().and_then(|lesson| catalog::find(&lesson.id));
        if let Some(entry) = entry {
            self.wish(Effect::FetchLesson { id: entry.id, language, translate: true });
        }
    }

    fn lesson_text(
        &mut self,
        (id, language): (&'static str, Language),
        json: Option<String>,
        translate: bool,
    ) {
        if !translate && self.link_lesson(language, &json) {
            return;
        }
        let Some(json) = json else {
            self.toast = Some(Toast::NoLesson);
            return;
        };
        if language != self.language {
            return;
        }
        let language = language.code().to_owned();
        if translate {
            return self.ask(Request::Lesson(LessonAct::Translate { language, json }));
        }
        self.left = Left::Lesson;
        self.selection = None;
        Rc::make_mut(&mut self.terminal).lines.clear();
        self.ask(Request::OpenLesson { id: id.to_owned(), language, json });
        match std::mem::take(&mut self.first_step) {
            0 => {}
            step => self.ask(Request::Lesson(LessonAct::Go(step))),
        }
        // Whoever comes back finds it open.
        self.wish(Effect::Keep { name: "lesson", value: Some(id) });
        self.wish(Effect::Focus("lesson"));
    }

    fn reset(&mut self) {
        match &self.lesson {
            Some(_) => self.ask(Request::Lesson(LessonAct::Reset)),
            None => {
                self.run(welcome::SCRIPT.to_owned());
            }
        }
    }

    /// How saving stands, as the header tells it.
    pub fn saving(&self) -> &Saving {
        &self.status.saving
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
