//! What a test says when it does not pass.

use std::fmt;

/// Why a test failed, as a sentence.
#[derive(Debug)]
pub struct Failure(pub String);

/// What a test returns: nothing, or why it failed.
pub type Outcome<T = ()> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(sentence: String) -> Self {
        Failure(sentence)
    }
}

impl From<&str> for Failure {
    fn from(sentence: &str) -> Self {
        Failure(sentence.to_string())
    }
}

impl From<fantoccini::error::CmdError> for Failure {
    fn from(error: fantoccini::error::CmdError) -> Self {
        Failure(format!("the browser refused a command: {error}."))
    }
}

impl From<fantoccini::error::NewSessionError> for Failure {
    fn from(error: fantoccini::error::NewSessionError) -> Self {
        Failure(format!("the browser did not start: {error}."))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure(format!("a file could not be written or read: {error}."))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure(format!("the page answered in another shape: {error}."))
    }
}

/// Fails the test with a sentence unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($sentence:tt)+) => {
        if !$condition {
            return Err($crate::failure::Failure(format!($($sentence)+)));
        }
    };
}
