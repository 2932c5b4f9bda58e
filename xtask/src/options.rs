//! What stands behind the command's name: `--flag`, `--key value`, `--key=value` and plain names.

use crate::Failure;

/// The parsed arguments of one command.
#[derive(Debug, Default)]
pub struct Options {
    flags: Vec<String>,
    values: Vec<(String, String)>,
    /// What is neither flag nor value, in order.
    pub names: Vec<String>,
}

impl Options {
    /// Reads `arguments`; an option that is not in `keys` (with a value) or `flags` (without) is
    /// refused, so that a misspelt one never passes for the default.
    pub fn parse(arguments: &[String], keys: &[&str], flags: &[&str]) -> Result<Self, Failure> {
        let mut options = Options::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (key, inline) = match argument.split_once('=') {
                Some((key, value)) if key.starts_with("--") => (key, Some(value.to_string())),
                _ => (argument.as_str(), None),
            };
            if !key.starts_with('-') {
                options.names.push(argument.clone());
            } else if flags.contains(&key) && inline.is_none() {
                options.flags.push(key.to_string());
            } else if keys.contains(&key) {
                let value = inline
                    .or_else(|| rest.next().cloned())
                    .ok_or_else(|| format!("`{key}` needs a value behind it."))?;
                options.values.push((key.to_string(), value));
            } else {
                return Err(format!(
                    "`{argument}` is not an option of this command; `cargo xtask help` lists them."
                ));
            }
        }
        Ok(options)
    }

    /// Whether `flag` was given.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// The value given for `key`; the last one wins.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values.iter().rev().find(|(given, _)| given == key).map(|(_, value)| value.as_str())
    }

    /// Refuses plain names, for a command that takes none.
    pub fn refuse_names(&self) -> Result<(), Failure> {
        match self.names.first() {
            None => Ok(()),
            Some(name) => Err(format!("this command does not know what to do with `{name}`.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Options::parse(&arguments, &["--port"], &["--debug"])
    }

    #[test]
    fn values_follow_or_are_joined_by_an_equals_sign() {
        assert_eq!(parse(&["--port", "9000"]).unwrap().value("--port"), Some("9000"));
        assert_eq!(parse(&["--port=9000"]).unwrap().value("--port"), Some("9000"));
    }

    #[test]
    fn flags_and_names_are_told_apart() {
        let options = parse(&["native:raft", "--debug"]).unwrap();
        assert!(options.has("--debug"));
        assert_eq!(options.names, ["native:raft"]);
        assert!(options.refuse_names().is_err());
    }

    #[test]
    fn a_misspelt_option_is_refused() {
        assert!(parse(&["--prot", "9000"]).is_err());
        assert!(parse(&["--port"]).is_err());
        assert!(parse(&["--debug=yes"]).is_err());
    }
}
