//! The state of the page, and everything that can happen to it. A pure function: what is to be
//! done outside is noted as an [`Effect`].

use super::effect::Effect;
use super::terminal_state::Terminal;
use crate::host::protocol::{Grain, LessonAct, Request};
use crate::lesson::catalog;
use crate::view::acts;
use crate::view::beside::Beside;
use crate::view::frame::{EventLine, Inspector, Saving, Selection, Status};
use crate::view::layout::{Lanes, is_narrow};
use crate::view::lesson::LessonView;
use crate::view::progress::Progress;
use crate::view::scene::Scene;
use crate::view::welcome;
use crate::view::words::Language;
use std::rc::Rc;

mod action;
mod beside;
mod classroom;
mod first_minute;
mod foreseen;
mod hearing;
mod pace;
mod parts;
mod sharing;
mod storing;
mod toast;

pub use action::Action;
pub use classroom::Menu;
pub use parts::{Left, Narrow, Phase, Tab, Theme, Welcome};
pub use sharing::{Incoming, Share};
pub use storing::{Erase, Estimate, Store};
pub use toast::Toast;

/// Speeds, slowest first; 0 is as fast as possible.
pub const SPEEDS: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 0.0];

/// The name of the lab in storage.
const LAB: &str = "lab";

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
    /// The seed of its lab, if it is not the lesson's own.
    pub first_seed: Option<u32>,
    /// The lab as a link, while the dialog about it is open.
    pub shared: Option<String>,
    /// What this browser keeps, while the dialog about it is open.
    pub storage: Option<Estimate>,
    /// What somebody shared, on its way to be opened.
    pub incoming: Option<Incoming>,
    /// The second run, if there is one.
    pub beside: Option<Rc<Beside>>,
    /// Recorded lines, as they were when the page last asked for them.
    pub recorded: Rc<Vec<String>>,
    /// What is to be done outside, each with its number.
    pub effects: Vec<(u64, Effect)>,
    next_effect: u64,
    next_request: u64,
    /// The request whose first failure is told at the lower edge.
    watched_request: Option<u64>,
    said_ms: i64,
    stepping: bool,
    to_watch: Option<u64>,
    /// True while the picture is that of a first visit, and the engine has not come to it yet.
    foreseen: bool,
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
            first_seed: None,
            shared: None,
            storage: None,
            incoming: None,
            beside: None,
            recorded: Rc::default(),
            effects: Vec::new(),
            next_effect: 0,
            next_request: 0,
            watched_request: None,
            said_ms: 0,
            stepping: false,
            to_watch: None,
            foreseen: false,
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
        self.foreseen || self.phase == Phase::Open && self.frame > 0
    }

    /// True once the lab stands, and the first press works at once.
    pub fn stands(&self) -> bool {
        self.is_ready() && !self.foreseen && self.status.working.is_none()
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
        if matches!(&selection, Some(Selection::Place(_))) {
            self.ask(Request::Recorded);
        }
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
            Action::Grab => self.ask(Request::Recorded),
            Action::Move(grip, place) => self.move_to(&grip, &place),
            Action::Follow => {
                self.end_welcome(false);
                self.change(Action::ShowTab(Tab::Events));
                self.wish(Effect::Focus("follow"));
            }
            Action::ShowTab(tab) => self.show_tab(tab),
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
            Action::Compare(line) => {
                self.watched_request = Some(self.run(line));
                self.show_tab(Tab::Compare);
            }
            Action::Part => self.part(),
            Action::Newer => self.toast = Some(Toast::Newer),
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
        let seed = self.first_seed.take();
        self.ask(Request::OpenLesson { id: id.to_owned(), language, json, seed });
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
