//! The tests. A test is an async function that takes a [`Browser`](crate::browser::Browser) with
//! an empty profile; to add one, write it in a file of this folder and name it in the table.

mod accessible;
mod bad_input;
mod classroom;
mod embed;
mod first_minute;
mod harness;
mod keeping;
mod lessons;
mod mount;
mod moving;
mod sharing;
mod twin;
mod words;

use crate::runner::Test;
use crate::tests;

/// Every test, in the order in which they run.
pub const TESTS: &[Test] = tests![
    // The longest comes first, and the others run beside it.
    twin::golden_scripts_are_the_same_in_the_browser,
    harness::elements_are_found_as_a_person_names_them,
    harness::errors_on_the_console_are_heard,
    harness::accessibility_faults_are_found,
    harness::a_profile_outlives_its_browser,
    harness::language_colours_and_width_are_those_of_the_visit,
    mount::the_page_mounts_quietly,
    mount::the_page_mounts_below_a_path,
    first_minute::one_press_shows_push_and_pull,
    first_minute::the_first_half_minute_needs_no_mouse,
    first_minute::a_wrong_prediction_is_explained,
    first_minute::the_still_picture_gives_way_without_a_jump,
    first_minute::a_press_before_the_engine_has_come_is_done,
    first_minute::a_lesson_before_the_engine_has_come_is_opened,
    first_minute::the_engine_comes_to_what_is_shown_already,
    first_minute::a_lab_that_was_not_foreseen_is_opened,
    lessons::first_message::by_clicks_in_english,
    lessons::first_message::by_keyboard_in_korean,
    lessons::steering_wheel::by_clicks_in_english,
    lessons::steering_wheel::by_keyboard_in_korean,
    lessons::ack_or_retain::by_clicks_in_english,
    lessons::ack_or_retain::by_keyboard_in_korean,
    lessons::consumer_group::by_clicks_in_english,
    lessons::consumer_group::by_keyboard_in_korean,
    lessons::key_to_partition::by_clicks_in_english,
    lessons::key_to_partition::by_keyboard_in_korean,
    lessons::order::by_clicks_in_english,
    lessons::order::by_keyboard_in_korean,
    lessons::group_rules::by_clicks_in_english,
    lessons::group_rules::by_keyboard_in_korean,
    lessons::overload::by_clicks_in_english,
    lessons::overload::by_keyboard_in_korean,
    lessons::place_replicas::by_clicks_in_english,
    lessons::place_replicas::by_keyboard_in_korean,
    lessons::leader_dies::by_clicks_in_english,
    lessons::leader_dies::by_keyboard_in_korean,
    lessons::acks::by_clicks_in_english,
    lessons::acks::by_keyboard_in_korean,
    lessons::rewind::by_clicks_in_english,
    lessons::rewind::by_keyboard_in_korean,
    lessons::a_solution_that_was_shown_is_not_a_solved_lesson,
    lessons::a_lesson_outlives_a_reload,
    classroom::a_form_builds_what_its_command_says,
    classroom::every_world_begins,
    classroom::one_more_message_leaves_the_picture_as_it_is,
    classroom::charts_have_curves_and_a_table,
    classroom::the_menu_of_a_thing_and_the_reason,
    classroom::a_setting_is_changed_in_the_inspector,
    classroom::a_rule_is_left_out_and_comes_back,
    classroom::progress_comes_from_a_file,
    classroom::two_runs_are_compared,
    classroom::a_bet_is_drawn_over_what_came,
    classroom::a_second_visit_needs_no_network,
    moving::a_replica_is_dragged_or_moved_by_keys,
    moving::a_consumer_is_dragged_or_assigned_by_keys,
    moving::a_drag_can_be_given_up,
    moving::a_finger_drags_too,
    words::the_switch_translates_the_first_half_minute,
    words::the_switch_translates_the_lab,
    words::the_switch_translates_a_lesson,
    words::the_choice_of_a_language_is_remembered,
    keeping::a_thousand_messages_outlive_a_reload,
    keeping::storage_holds_blocks_and_no_messages,
    keeping::a_killed_browser_loses_nothing_that_was_saved,
    keeping::storage_that_is_full_is_told_and_filled_up_later,
    keeping::storage_that_is_thrown_away_is_told,
    keeping::without_storage_the_lab_works_and_says_so,
    keeping::a_damaged_manifest_is_put_aside,
    keeping::damaged_blocks_are_put_aside,
    sharing::a_link_shows_another_visitor_the_same,
    sharing::what_is_no_link_is_refused_in_words,
    sharing::a_long_lab_is_a_file,
    sharing::the_code_of_an_embed_and_the_picture,
    embed::it_works_in_a_frame_of_another_origin,
    embed::it_works_sandboxed_with_an_origin,
    embed::it_works_sandboxed_without_an_origin,
    embed::it_works_by_the_element,
    embed::the_page_around_is_kept_to_its_limits,
    embed::it_is_a_quiet_guest,
    embed::its_author_chooses_seed_bets_and_knobs,
    bad_input::mistakes_in_the_terminal_are_explained,
    bad_input::a_line_of_ten_megabytes_is_refused,
    bad_input::an_unknown_lesson_opens_the_lab,
    accessible::the_rules_are_kept_in_english_and_light,
    accessible::the_rules_are_kept_in_english_and_dark,
    accessible::the_rules_are_kept_in_korean_and_light,
    accessible::the_rules_are_kept_in_korean_and_dark,
    accessible::a_window_of_320_pixels_is_wide_enough_in_english,
    accessible::a_window_of_320_pixels_is_wide_enough_in_korean,
    accessible::a_tab_out_of_sight_stands_still,
];
