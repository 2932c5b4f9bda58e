//! A bet over the curves: what the learner expected, where a curve shows that very figure.

use super::lesson::{BetFigure, LessonView};
use super::scene::{ChartKind, Scene};

/// A value that the learner expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ghost {
    /// Of this chart.
    pub kind: ChartKind,
    /// True on the Kafka side.
    pub kafka: bool,
    /// The value.
    pub value: f64,
}

/// False for a figure that is the number of a broker: of two such numbers the greater is not more.
pub fn is_amount(left: &str) -> bool {
    !left.ends_with(".leader")
}

/// A sign as people write it.
pub fn sign(sign: &str) -> &str {
    match sign {
        "==" => "=",
        "!=" => "≠",
        "<=" => "≤",
        ">=" => "≥",
        other => other,
    }
}

/// What is to be drawn over the curves: of the step in sight, once the learner has chosen. A curve
/// is the sum over all groups or queues, so the figure of one of several is no value of it.
pub fn ghosts(lesson: &LessonView, scene: &Scene) -> Vec<Ghost> {
    let question = lesson.steps.get(lesson.current).and_then(|step| step.question.as_ref());
    let bets = question.filter(|question| question.chosen.is_some()).map(|question| &question.bet);
    bets.into_iter().flatten().filter_map(|bet| ghost(bet, scene)).collect()
}

fn ghost(bet: &BetFigure, scene: &Scene) -> Option<Ghost> {
    let (thing, figure) = bet.left.rsplit_once('.')?;
    let one_group = || {
        let partitions = scene.kafka.topics.iter().flat_map(|topic| &topic.partitions);
        let mut groups = partitions.flat_map(|p| &p.carets).map(|caret| &caret.group);
        let first = groups.next();
        groups.all(|group| Some(group) == first)
    };
    let kafka = thing.starts_with("kafka.group(") && figure == "lag" && one_group();
    let rabbit = thing.starts_with("rabbit.queue(")
        && figure == "messages"
        && scene.rabbit.queues.len() == 1;
    (kafka || rabbit).then_some(Ghost { kind: ChartKind::Backlog, kafka, value: bet.value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::lesson::{Question, StepView};
    use crate::view::scene::Queue;

    fn lesson(left: &str, chosen: Option<usize>) -> LessonView {
        let bet = BetFigure { left: left.into(), sign: "==".into(), value: 24.0, came: None };
        let question = Question { chosen, bet: vec![bet], ..Question::default() };
        let step = StepView { question: Some(question), ..StepView::default() };
        LessonView { steps: vec![step], ..LessonView::default() }
    }

    #[test]
    fn a_bet_on_what_a_curve_shows_is_drawn_over_it() {
        let mut scene = Scene::default();
        scene.rabbit.queues.push(Queue::default());
        let queue = "rabbit.queue(\"q\").messages";
        let ghost = Ghost { kind: ChartKind::Backlog, kafka: false, value: 24.0 };
        assert_eq!(ghosts(&lesson(queue, Some(0)), &scene), [ghost]);
        assert_eq!(ghosts(&lesson(queue, None), &scene), []);
        assert_eq!(ghosts(&lesson("rabbit.queue(\"q\").ready", Some(0)), &scene), []);
        scene.rabbit.queues.push(Queue::default());
        assert_eq!(ghosts(&lesson(queue, Some(0)), &scene), []);
    }
}
