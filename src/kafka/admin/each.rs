//! One question of several groups (`--all-groups`, several `--group`), topics or brokers: one after
//! the other, as the tools ask it. What goes wrong with one does not keep the others from being
//! asked.

use super::job::{Failure, Job, Step};
use crate::kafka::command::{Answer, ApiError, Ask, GroupListing};
use crate::kafka::message::Response;
use crate::kafka::metadata::Resource;
use crate::sim::Stream;
use std::collections::VecDeque;

/// A question, or one of several groups, topics or brokers.
#[derive(Clone, Debug)]
pub enum Question {
    /// One.
    One(Box<Job>),
    /// Of several.
    Each(Box<Each>),
}

/// A question of several groups, topics or brokers.
#[derive(Clone, Debug)]
pub struct Each {
    of: Ask,
    /// Of whom it is asked now; `None` while it is asked who there is.
    asked: Option<String>,
    job: Job,
    rest: VecDeque<String>,
    answers: Vec<(String, Result<Answer, ApiError>)>,
    random: Stream,
}

impl Question {
    /// A question that nothing was done about yet.
    pub fn new(ask: Ask, random: Stream) -> Question {
        let Ask::Each { names, of } = ask else {
            return Question::One(Box::new(Job::new(ask, random)));
        };
        let mut rest: VecDeque<String> = names.into();
        let asked = rest.pop_front();
        let first = asked.as_ref().map_or_else(|| all_of(&of), |name| of.of_name(name));
        let job = Job::new(first, random.clone());
        Question::Each(Box::new(Each { of: *of, asked, job, rest, answers: Vec::new(), random }))
    }

    /// What is asked now.
    pub fn job(&mut self) -> &mut Job {
        match self {
            Question::One(job) => job,
            Question::Each(each) => &mut each.job,
        }
    }

    /// What comes next.
    pub fn next_step(&mut self) -> Step {
        match self {
            Question::One(job) => job.next_step(),
            Question::Each(each) => each.next_step(),
        }
    }

    /// Takes an answer of the present step.
    pub fn take(&mut self, response: Response) -> Result<(), Failure> {
        match self {
            Question::One(job) => job.take(response),
            Question::Each(each) => match each.job.take(response) {
                Err(failure) if !failure.is_passing && each.asked.is_some() => {
                    each.job.fail(failure.error);
                    Ok(())
                }
                other => other,
            },
        }
    }
}

/// Who there is.
fn all_of(of: &Ask) -> Ask {
    match of {
        Ask::DescribeConfigs { resource: Resource::Broker(_), .. } => Ask::ListBrokers,
        Ask::DescribeConfigs { .. } => Ask::ListTopics,
        of if of.is_of_share() => Ask::ListShareGroups,
        _ => Ask::ListGroups,
    }
}

impl Each {
    fn next_step(&mut self) -> Step {
        loop {
            let result = match self.job.next_step() {
                Step::Send(requests) => return Step::Send(requests),
                Step::Done(result) => result,
            };
            match (self.asked.take(), result) {
                (Some(name), result) => self.answers.push((name, result)),
                (None, Ok(Answer::Names(names))) => self.rest = names.into(),
                (None, Ok(Answer::Groups(groups))) => {
                    let name = |listing: &GroupListing| listing.group.clone();
                    self.rest = groups.iter().map(name).collect();
                }
                (None, result) => return Step::Done(result),
            }
            let Some(next) = self.rest.pop_front() else {
                return Step::Done(Ok(Answer::Each(std::mem::take(&mut self.answers))));
            };
            self.job = Job::new(self.of.of_name(&next), self.random.clone());
            self.asked = Some(next);
        }
    }
}
