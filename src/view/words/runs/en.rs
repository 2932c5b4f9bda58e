//! English.

use super::Runs;

pub(super) const TEXTS: Runs = Runs {
    tab: "Two runs",
    lead: "The same seed and the same commands at the same instants, but one of them is another one.",
    line: "Recorded command",
    knob: "What is different",
    value: "Its value",
    none: "Nothing was run yet that could be another way.",
    first_run: "First run",
    second_run: "Second run",
    parts_at: "They part at {time}",
    same_so_far: "So far both runs are the same.",
    jump: "Go to where they part",
    end: "End the comparison",
    nothing_there: "Nothing happens then.",
    two_runs: "What became of the messages in both runs",
    kafka_first: "Kafka, first",
    kafka_second: "Kafka, second",
    rabbit_first: "RabbitMQ, first",
    rabbit_second: "RabbitMQ, second",
    dotted: "Dotted: the second run",
    of_second: "{name}, second run",
    key_part: "Go to where two runs part",
    bet_drawn: "My prediction and what came",
    bet_was: "predicted {value}",
    bet_came: "it is {value}",
    newer: "A newer version of this page is ready.",
    memory_full: "The lab holds {bytes} in memory and is not saved: no more fits. Begin a fresh lab, or open this page where it may save.",
};
