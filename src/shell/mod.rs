//! Text to commands, and what they came to back to text.
//!
//! A **script** is lines. The [`lexer`] makes words of a line, one line at a time, so that what
//! stands before a mistake can run. The first word names a **program** ([`programs`], one file
//! each): it sorts the others by its table of [`options`], reads their [`values`], and gives a
//! [`job`]: a command of the lab, and the form of its output. [`run`] executes the jobs one after
//! the other and a little at a time, so that a page stays alive while virtual time passes; a line
//! that begins with `! ` has to fail. [`complete`] offers the words that could stand next.
//!
//! Where a real tool exists, its command line is accepted and its output is printed: the columns,
//! their widths ([`table`]), the blank lines and the sentences of its errors. What the lab has no
//! use for (addresses, process ids, the instants of a tool's own log) is a fixed stand-in of the
//! same shape. Sentences that are the lab's own say where, what was found, what was expected and
//! the nearest known word ([`error`]); what is not built yet says `not here yet: NAME`.
//!
//! Nothing here changes the lab but through a command, and nothing is remembered from line to
//! line: the same script gives the same transcript.

pub mod complete;
pub mod error;
pub mod job;
pub mod lexer;
pub mod options;
pub mod programs;
pub mod run;
pub mod table;
pub mod values;
