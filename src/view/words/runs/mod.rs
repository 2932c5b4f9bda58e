//! Texts of runs: two of them compared, a bet and what came of it, a newer version, a full memory.

mod en;
mod ko;

super::texts! {
    /// Texts of runs.
    Runs {
        tab, lead, line, knob, value, none, first_run, second_run, parts_at, same_so_far, jump,
        end, nothing_there, two_runs, kafka_first, kafka_second, rabbit_first, rabbit_second,
        dotted, of_second, key_part, bet_drawn, bet_was, bet_came, set_anew, run_now, run_compare, move_replica, move_from, move_to,
        with_rule, see_both, drag, assign, assign_to, newer, memory_full,
    }
}
