//! The tests. A test is an async function that takes a [`Browser`](crate::browser::Browser) with
//! an empty profile; to add one, write it in a file of this folder and name it in the table.

mod harness;
mod mount;
mod twin;

use crate::runner::Test;
use crate::tests;

/// Every test, in the order in which they run.
pub const TESTS: &[Test] = tests![
    harness::elements_are_found_as_a_person_names_them,
    harness::errors_on_the_console_are_heard,
    harness::accessibility_faults_are_found,
    harness::a_profile_outlives_its_browser,
    harness::language_colours_and_width_are_those_of_the_visit,
    mount::the_page_mounts_quietly,
    mount::the_page_mounts_below_a_path,
    twin::random_streams_are_the_same_in_the_browser,
    twin::golden_scripts_are_the_same_in_the_browser,
];
