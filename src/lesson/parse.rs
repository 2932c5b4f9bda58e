//! Markdown to lesson.

use super::document::{Command, Lesson, Prose, Step};
use super::error::{Fault, LessonError, quoted};
use super::fence;
use super::front_matter::front_matter;
use super::markdown::{Piece, PieceKind, pieces, words};
use super::script;
use super::text::Block;

/// A larger file is no lesson of six minutes.
pub const BYTES_MAX: usize = 64 * 1024;
/// More steps than this are several lessons.
pub const STEPS_MAX: usize = 40;
/// Commands of all fences together.
pub const COMMANDS_MAX: usize = 200;
/// Hints of a step, from vague to exact.
pub const HINTS_MAX: usize = 3;
/// Clauses of a step's goal; more cannot be kept in mind.
pub const CLAUSES_MAX: usize = 8;
/// Values of a step that are shown live.
pub const OBSERVATIONS_MAX: usize = 16;

const FENCES: &str = "sh, sh start, predict, observe, goal, hint, solution, without or text";

impl Lesson {
    /// Reads a lesson. `file` is what messages name.
    pub fn parse(
        id: &str,
        language: &str,
        file: &str,
        markdown: &str,
    ) -> Result<Lesson, LessonError> {
        read(id, language, markdown).map_err(|fault| fault.within(file))
    }
}

fn read(id: &str, language: &str, markdown: &str) -> Result<Lesson, Fault> {
    if !is_id(id) {
        return Err(Fault::new(0, format!("id {}", quoted(id)), "letters a to z and `-`"));
    }
    if !["en", "ko"].contains(&language) {
        return Err(Fault::new(0, format!("language {}", quoted(language)), "en or ko"));
    }
    if markdown.len() > BYTES_MAX {
        let found = format!("{} bytes", markdown.len());
        return Err(Fault::new(0, found, format!("at most {BYTES_MAX}")));
    }
    let (front, body, line_first) = front_matter(markdown)?;
    let mut builder = Builder { folder: id, ..Builder::default() };
    for piece in pieces(body, line_first, id)? {
        builder.take(piece)?;
    }
    builder.finish()?;
    let Builder { start, steps, .. } = builder;
    check_start(&start, front.seed, line_first)?;
    Ok(Lesson { id: id.into(), language: language.into(), front, start, steps })
}

fn is_id(id: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter == '-';
    (1..=40).contains(&id.len()) && id.chars().all(plain)
}

#[derive(Default)]
struct Builder<'a> {
    folder: &'a str,
    start: Vec<Command>,
    steps: Vec<Step>,
    commands: usize,
}

impl Builder<'_> {
    fn take(&mut self, piece: Piece) -> Result<(), Fault> {
        let Piece { line, kind, prose } = piece;
        match kind {
            PieceKind::Heading(title) => {
                let title = words(&title).trim().to_string();
                if title.is_empty() {
                    return Err(Fault::new(line, "`##` alone", "the title of a step behind it"));
                }
                if self.steps.len() == STEPS_MAX {
                    let found = format!("step {}", STEPS_MAX + 1);
                    return Err(Fault::new(line, found, format!("at most {STEPS_MAX} steps")));
                }
                self.steps.push(Step { line, title, prose, ..Step::default() });
                Ok(())
            }
            PieceKind::Fence(info, content) => self.fence(line, &info, &content),
            PieceKind::Block(block) => {
                let step = self.step(line, "text before the first `## `")?;
                step.text.push(block);
                step.prose.extend(prose);
                Ok(())
            }
        }
    }

    fn step(&mut self, line: usize, found: &str) -> Result<&mut Step, Fault> {
        let expected = "a step: `## ` and its title";
        self.steps.last_mut().ok_or_else(|| Fault::new(line, found, expected))
    }

    fn fence(&mut self, line: usize, info: &str, content: &str) -> Result<(), Fault> {
        let line_first = line + 1;
        let folder = self.folder;
        if info == "sh start" {
            if !self.steps.is_empty() || !self.start.is_empty() {
                return Err(Fault::new(line, "`sh start` here", "it once, before the first step"));
            }
            self.start = self.commands(content, line_first)?;
            return Ok(());
        }
        let commands = match info {
            "sh" | "solution" => self.commands(content, line_first)?,
            _ => Vec::new(),
        };
        let step = self.step(line, &format!("a fence `{info}` before the first `## `"))?;
        let mut prose = Vec::new();
        match info {
            "sh" => step.commands.extend(commands),
            "solution" => only_one(&mut step.solution, commands, line, info)?,
            "predict" => {
                let found = fence::prediction(content, line_first, &mut prose)?;
                if step.prediction.replace(found).is_some() {
                    return Err(second(line, info));
                }
            }
            "observe" => {
                step.observations.extend(fence::statements(content, line_first, &mut prose)?);
                at_most(step.observations.len(), OBSERVATIONS_MAX, line, "observations")?;
            }
            "goal" => {
                let clauses = fence::statements(content, line_first, &mut prose)?;
                if let Some(odd) = clauses.iter().find(|clause| !clause.condition.compares) {
                    let expected = "a predicate that holds or does not";
                    return Err(Fault::new(odd.line, quoted(&odd.condition.text), expected));
                }
                at_most(clauses.len(), CLAUSES_MAX, line, "clauses")?;
                only_one(&mut step.goals, clauses, line, info)?;
            }
            "hint" => {
                step.hints.push(hint(content, line_first, folder, &mut prose)?);
                at_most(step.hints.len(), HINTS_MAX, line, "hints in a step")?;
            }
            "without" => {
                let found = fence::without(content, line_first, &mut prose)?;
                only_one(&mut step.without, found, line, info)?;
            }
            "text" => step.text.push(Block::Code(content.trim_end().into())),
            _ => {
                let found = format!("a fence {}", quoted(info));
                return Err(Fault::new(line, found, format!("one of {FENCES}")));
            }
        }
        step.prose.extend(prose);
        Ok(())
    }

    fn commands(&mut self, content: &str, line_first: usize) -> Result<Vec<Command>, Fault> {
        let commands = script::commands(content, line_first)?;
        if commands.is_empty() {
            return Err(Fault::new(line_first, "an empty fence", "a command"));
        }
        self.commands += commands.len();
        at_most(self.commands, COMMANDS_MAX, line_first, "commands")?;
        Ok(commands)
    }

    fn finish(&self) -> Result<(), Fault> {
        if self.steps.is_empty() {
            return Err(Fault::new(0, "no step", "at least one: `## ` and its title"));
        }
        if self.steps.iter().all(|step| step.goals.is_empty()) {
            return Err(Fault::new(0, "no goal", "a fence `goal` in at least one step"));
        }
        for step in &self.steps {
            let (line, goal) = (step.line, !step.goals.is_empty());
            let spare = [
                (!step.solution.is_empty(), "a solution without a goal"),
                (!step.hints.is_empty() && step.prediction.is_none(), "a hint without a goal"),
            ];
            if let Some((_, found)) = spare.iter().find(|(spare, _)| *spare && !goal) {
                return Err(Fault::new(line, *found, "a fence `goal` in this step"));
            }
        }
        Ok(())
    }
}

fn hint(
    content: &str,
    line_first: usize,
    folder: &str,
    prose: &mut Vec<Prose>,
) -> Result<Vec<Block>, Fault> {
    let mut blocks = Vec::new();
    for piece in pieces(content, line_first, folder)? {
        match piece.kind {
            PieceKind::Block(block) => blocks.push(block),
            PieceKind::Heading(_) | PieceKind::Fence(..) => {
                return Err(Fault::new(piece.line, "a heading or fence in a hint", "text"));
            }
        }
        prose.extend(piece.prose);
    }
    match blocks.is_empty() {
        true => Err(Fault::new(line_first, "an empty hint", "text")),
        false => Ok(blocks),
    }
}

fn only_one<T>(place: &mut Vec<T>, found: Vec<T>, line: usize, info: &str) -> Result<(), Fault> {
    if !place.is_empty() {
        return Err(second(line, info));
    }
    *place = found;
    Ok(())
}

fn second(line: usize, info: &str) -> Fault {
    Fault::new(line, format!("a second `{info}` in this step"), "one; or a further step")
}

fn at_most(count: usize, most: usize, line: usize, what: &str) -> Result<(), Fault> {
    match count > most {
        true => Err(Fault::new(line, format!("{count} {what}"), format!("at most {most}"))),
        false => Ok(()),
    }
}

/// A lesson begins with a lab of its own, from the seed in its head.
fn check_start(start: &[Command], seed: u64, line_first: usize) -> Result<(), Fault> {
    let Some(first) = start.first() else {
        let expected = "a fence `sh start` before the first step, which begins with `lab new`";
        return Err(Fault::new(line_first, "no beginning", expected));
    };
    let words: Vec<&str> = first.text.split_whitespace().collect();
    if words.get(..2) != Some(&["lab", "new"]) {
        return Err(Fault::new(first.line, quoted(&first.text), "`lab new`"));
    }
    let given = words.iter().position(|word| *word == "--seed");
    let given = given.and_then(|at| words.get(at + 1)).map_or("1", |word| word);
    if given != seed.to_string() {
        let found = format!("the seed {given} in {}", quoted(&first.text));
        return Err(Fault::new(first.line, found, format!("`--seed {seed}`, as the head says")));
    }
    Ok(())
}
