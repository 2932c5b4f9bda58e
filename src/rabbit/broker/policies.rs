//! Policies come and go, and with them what queues and exchanges keep to.

use super::{Broker, Phase, arguments};
use crate::rabbit::command::{AmqpError, Argument};
use crate::rabbit::definitions::{Definition, policy_file};
use crate::rabbit::error;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::messages::Messages;
use crate::rabbit::policy::{Policy, merged};
use crate::rabbit::process::Out;
use crate::rabbit::quorum::command::Command;
use crate::rabbit::rules::Rules;
use crate::rabbit::talk::Change;

/// How many policies of each sort there may be.
const POLICIES_MAX: usize = 1_000;

impl Broker {
    /// A tool sets a policy.
    pub(super) fn set_policy(
        &mut self,
        channel: ChannelId,
        (policy, is_operator): (&Policy, bool),
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        policy.check(is_operator, self.profile)?;
        let policies = &self.policies[usize::from(is_operator)];
        if policies.iter().count() >= POLICIES_MAX {
            return Err(error::precondition_failed(format_args!(
                "there are {POLICIES_MAX} policies already, as many as the lab keeps"
            )));
        }
        if self.is_clustered() {
            let change = Change::Policy(policy.clone(), is_operator);
            self.change(&change, Some((channel, Method::ManagementOk)), out);
            return Ok(());
        }
        self.policies[usize::from(is_operator)].set(policy.clone());
        let file = policy_file(is_operator, &policy.name);
        let definition = Definition::Policy(is_operator, policy.clone());
        self.save(&file, Some(definition), Some((channel, Method::ManagementOk)), out);
        self.apply_policies(out);
        Ok(())
    }

    /// A tool takes a policy away.
    pub(super) fn clear_policy(
        &mut self,
        channel: ChannelId,
        (name, is_operator): (&str, bool),
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        if self.is_clustered() && self.policies[usize::from(is_operator)].has(name) {
            let change = Change::ClearPolicy(name.to_owned(), is_operator);
            self.change(&change, Some((channel, Method::ManagementOk)), out);
            return Ok(());
        }
        if !self.policies[usize::from(is_operator)].clear(name) {
            return Err(error::not_found("Parameter does not exist"));
        }
        out.delete(&policy_file(is_operator, name));
        self.send(channel, Method::ManagementOk, out);
        self.apply_policies(out);
        Ok(())
    }

    /// All queues and exchanges look which policies hold for them. What is too much now goes.
    pub(super) fn apply_policies(&mut self, out: &mut Out<'_>) {
        let names: Vec<_> = self.exchanges.iter().map(|exchange| exchange.name.clone()).collect();
        for name in names {
            self.apply_to_exchange(&name);
        }
        let queues: Vec<QueueId> = self.queues.keys().collect();
        for id in queues {
            self.apply_to_queue(id);
            if self.home_of(id).is_some() || matches!(self.phase, Phase::Boots(_)) {
                continue;
            }
            if self.is_quorum(id) {
                self.configure_group(id, out);
                continue;
            }
            self.used(id, out);
            self.look_at_head(id, out);
        }
    }

    /// A quorum queue hears through its log what policies ask of it, if that has changed.
    pub(super) fn configure_group(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        if self.is_clustered() && !self.leads(id) {
            return;
        }
        let [user, operator] =
            [0, 1].map(|sort: usize| self.policies[sort].of_queue(&queue.name, "quorum"));
        let policy = merged(user, operator);
        if policy != queue.policy_arguments {
            self.submit(id, &Command::Configure { policy }, None, out);
        }
    }

    /// Lets a queue keep to its arguments and the policies of this moment.
    pub(super) fn apply_to_queue(&mut self, id: QueueId) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let arguments = &queue.declaration.arguments;
        let kind = arguments::queue_type(arguments);
        let [user, operator] =
            [0, 1].map(|sort: usize| self.policies[sort].of_queue(&queue.name, kind));
        if queue.group.is_none() {
            queue.rules = Rules::new(arguments, &merged(user, operator));
            let is_quorum = matches!(queue.storage, Messages::Quorum(_));
            queue.rules.overflow = queue.rules.overflow.of_type(is_quorum);
        }
        if let Messages::Classic(levels) = &mut queue.storage {
            let version = match arguments.get("x-queue-version") {
                Some(Argument::Integer(version)) => Some(*version),
                _ => None,
            };
            levels.set_mode(self.profile.mode(version, queue.rules.lazy));
        }
        queue.policies = [user, operator].map(|policy| policy.map(|it| (&*it.name).into()));
    }

    /// Lets an exchange keep to the policies of this moment.
    pub(super) fn apply_to_exchange(&mut self, name: &str) {
        let [user, operator] = [0, 1].map(|sort: usize| self.policies[sort].of_exchange(name));
        let definition = merged(user, operator);
        self.exchanges.set_policy(name, user.map(|policy| &*policy.name), &definition);
    }
}
