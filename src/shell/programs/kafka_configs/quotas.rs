//! Quotas of clients and users: whose they are, by the types and names of the line, and what the
//! tool prints of them (`ConfigCommand.alterQuotaConfigs`, `describeQuotaConfigs`).

use super::failure;
use crate::kafka::command::{Answer, Ask};
use crate::kafka::metadata::Resource;
use crate::kafka::metadata::client_quota::{self, CLIENT_ID, QuotaEntity, USER, Whose};
use crate::kafka::spec::Settings;
use crate::lab::{Command, Outcome};
use crate::ordered::Order;
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::Arguments;

/// Setting, and its value; none forgets it.
type Change = (String, Option<String>);

/// Of whom there are quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Clients,
    Users,
}

impl Kind {
    fn of(text: &str) -> Option<Kind> {
        match text {
            "clients" => Some(Kind::Clients),
            "users" => Some(Kind::Users),
            _ => None,
        }
    }
}

/// Options that name a type and one of it at once, in the order in which the tool looks at them.
const FLAGS: [(&str, Kind, bool); 4] = [
    ("--client", Kind::Clients, true),
    ("--user", Kind::Users, true),
    ("--client-defaults", Kind::Clients, false),
    ("--user-defaults", Kind::Users, false),
];

/// Whose quotas the line is about. The first name belongs to the first type, and so on; a type
/// without a name stands for all of it.
pub struct Asked {
    kinds: Vec<Kind>,
    names: Vec<Whose>,
}

impl Asked {
    /// `None` if the line is about something else.
    pub fn of(arguments: &Arguments) -> Result<Option<Asked>, Refusal> {
        let typed = arguments.all("--entity-type");
        let mut kinds = Vec::new();
        for word in &typed {
            match Kind::of(&word.text) {
                Some(kind) if kinds.contains(&kind) => {
                    let sentence = format!("Duplicate entity type(s) specified: {}", word.text);
                    return Err(refused(word, "the other type", sentence));
                }
                Some(kind) => kinds.push(kind),
                None if typed.len() == 1 => return Ok(None),
                None => {
                    let sentence =
                        "Only 'users' and 'clients' entity types may be specified together";
                    return Err(refused(word, "users or clients", sentence));
                }
            }
        }
        let mut words = arguments.all("--entity-name");
        words.extend(arguments.all("--entity-default"));
        words.order_by_key(|word| word.place);
        let is_default = |word: &Word| !word.quoted && word.text == "--entity-default";
        let mut names: Vec<Whose> = words
            .iter()
            .map(|word| match is_default(word) || word.text.is_empty() {
                true => Whose::Default,
                false => Whose::Named(word.text.clone()),
            })
            .collect();
        let flags = FLAGS.iter().filter_map(|flag| Some((flag, arguments.one(flag.0)?)));
        for (&(_, kind, is_named), word) in flags {
            if !typed.is_empty() || !words.is_empty() {
                let sentence = "--entity-{type,name,default} should not be used in conjunction \
                                with specific entity flags";
                return Err(refused(word, "--entity-type and --entity-name alone", sentence));
            }
            if kinds.contains(&kind) {
                return Err(refused(
                    word,
                    "one of each type",
                    "Duplicate entity type(s) specified",
                ));
            }
            kinds.push(kind);
            names.push(match is_named {
                true => Whose::Named(word.text.clone()),
                false => Whose::Default,
            });
        }
        if let (false, Some(word)) = (kinds.is_empty(), words.get(kinds.len())) {
            let sentence = "More entity names specified than entity types";
            return Err(refused(word, "a name for each type", sentence));
        }
        Ok((!kinds.is_empty()).then_some(Asked { kinds, names }))
    }

    /// Whose they are, if each type has a name.
    fn entity(&self) -> Option<QuotaEntity> {
        let mut entity = QuotaEntity::default();
        for (at, kind) in self.kinds.iter().enumerate() {
            let name = Some(self.names.get(at)?.clone());
            match kind {
                Kind::Clients => entity.client = name,
                Kind::Users => entity.user = name,
            }
        }
        Some(entity)
    }

    /// True for those that the line is about: of exactly these types.
    fn has(&self, entity: &QuotaEntity) -> bool {
        let fits = |kind: Kind, whose: &Option<Whose>| match (
            self.kinds.iter().position(|asked| *asked == kind),
            whose,
        ) {
            (None, whose) => whose.is_none(),
            (Some(_), None) => false,
            (Some(at), Some(whose)) => self.names.get(at).is_none_or(|name| name == whose),
        };
        fits(Kind::Users, &entity.user) && fits(Kind::Clients, &entity.client)
    }

    /// True where the tool speaks of users alone.
    fn is_of_users(&self) -> bool {
        self.kinds == [Kind::Users]
    }

    /// What the tool says when it is done: it speaks of the first type only.
    fn completed(&self) -> String {
        let kind = match self.kinds.first() {
            Some(Kind::Users) => "user",
            _ => "client",
        };
        match self.names.first() {
            Some(Whose::Named(name)) => format!("Completed updating config for {kind} {name}."),
            _ => format!("Completed updating default config for {kind}s in the cluster."),
        }
    }
}

fn refused(word: &Word, expected: &str, sentence: impl Into<String>) -> Refusal {
    Mistake::at(word.place, &word.text, expected).hint(sentence.into()).into()
}

/// Changes quotas.
pub fn alter(
    asked: &Asked,
    mut changes: Vec<Change>,
    arguments: &Arguments,
    words: String,
) -> Result<Job, Refusal> {
    let missing = "--entity-name NAME or --entity-default for each --entity-type";
    let entity = asked.entity().ok_or_else(|| arguments.missing(missing))?;
    let resource = Resource::Quota(entity);
    if let Err(told) = check(asked, &mut changes)? {
        let ask = Ask::AlterConfigs { resource, changes: Vec::new() };
        return Ok(Job::of(Command::Kafka(ask), move |_| Err(told.clone())));
    }
    let completed = asked.completed();
    let ask = Ask::AlterConfigs { resource, changes };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(_) => Ok(vec![completed.clone()]),
        Err(error) => Err(failure(error, &words)),
    }))
}

/// Turns the values into the numbers that Java makes of them, or says what is wrong.
fn check(asked: &Asked, changes: &mut [Change]) -> Result<Result<(), String>, Refusal> {
    let later = changes.iter().find(|(name, _)| name == "controller_mutation_rate");
    if let Some((name, _)) = later {
        return Err(Refusal::NotHereYet(format!("--add-config {name}")));
    }
    let is_unknown = |(name, _): &&Change| !client_quota::NAMES.contains(&&**name);
    let (added, deleted): (Vec<&Change>, Vec<&Change>) =
        changes.iter().filter(is_unknown).partition(|(_, value)| value.is_some());
    let (quotas, kind) = match asked.is_of_users() {
        true => ("quota and SCRAM credential", "users"),
        false => ("quota", "clients"),
    };
    // The collections are printed as Scala does it.
    let cases = [("added", "Set", added), ("deleted", "ArrayBuffer", deleted)];
    for (done, collection, unknown) in cases {
        if !unknown.is_empty() {
            let names: Vec<&str> = unknown.iter().map(|(name, _)| &**name).collect();
            return Ok(Err(format!(
                "Only {quotas} configs can be {done} for '{kind}' using --bootstrap-server. \
                 Unexpected config names: {collection}({})",
                names.join(", ")
            )));
        }
    }
    for (name, value) in changes {
        let Some(text) = value else { continue };
        match text.parse::<f64>() {
            Ok(number) => *text = client_quota::java_double(number),
            Err(_) => {
                let sentence = format!("Cannot parse quota configuration value for {name}: {text}");
                return Ok(Err(sentence));
            }
        }
    }
    Ok(Ok(()))
}

/// Shows quotas.
pub fn describe(asked: Asked, words: String) -> Job {
    let resource = Resource::Quota(QuotaEntity::default());
    let ask = Ask::DescribeConfigs { resource, all: false };
    Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Configs(_, broker))) => {
            let all = broker.quotas.iter().filter(|(of, _)| asked.has(of));
            Ok(all.map(|(of, quotas)| line(of, quotas)).collect())
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error, &words)),
    })
}

/// A line of whose they are and what they are: the user before the client.
fn line(of: &QuotaEntity, quotas: &Settings) -> String {
    let mut sides: Vec<String> = of
        .sides()
        .map(|(kind, whose)| {
            let kind = if kind == USER { "user-principal" } else { CLIENT_ID };
            match whose.name() {
                Some(name) => format!("{kind} '{name}'"),
                None => format!("the default {kind}"),
            }
        })
        .collect();
    sides.reverse();
    let each: Vec<String> = quotas.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("Quota configs for {} are {}", sides.join(", "), each.join(", "))
}
