//! Texts of the page around the picture.

mod en;
mod ko;

super::texts! {
    /// Texts of the page.
    Page {
        title, skip_link, places, lessons, free_lab, text_view, language, korean, english,
        theme_system, theme_light, theme_dark, saving_opening, engine_coming, saved_up_to, saving_behind,
        saving_unavailable, saving_failed, saving_full, saving_other_tab, send, fetch,
        stage_hint, starting_hint, nothing_built, working, stop, skip, welcome_send, welcome_fetch,
        welcome_bet, welcome_watch, bet_broker, bet_consumer, bet_nowhere, bet_right, bet_wrong,
        it_is_so, welcome_why, first_lesson, explore, picture, lane, compare,
        chart_memory, player, to_start, step_back, play, pause, step, to_end,
        time, time_of, second, speed, speed_max, grain, grain_event, grain_message, grain_tick,
        undo, redo, reset, lessons_lead, minutes, all_lessons, step_of, lesson_refused, predict,
        my_prediction, is_so, skip_prediction, run, run_next, choose_first, was_run, observe,
        goal, reached, holds, holds_not, hint_of, solution, show_solution, run_solution, onward,
        previous_step, next_step, next_lesson, lesson_solved, lesson_viewed, inspector,
        inspector_empty, not_known, follow, close, figures, settings, files, file, written,
        flushed, journey, message_name, kind_group, kind_producer, kind_client, kind_broker, kind_controller, kind_zookeeper, kind_partition,
        kind_kafka_consumer, kind_node, kind_exchange, kind_queue, kind_rabbit_consumer,
        kind_tool, stage_sent, stage_partitioned, stage_appended, stage_visible,
        stage_acknowledged, stage_routed, stage_enqueued, stage_pushed, stage_delivered,
        stage_processing, stage_processed, stage_removed, stage_committed, stage_delayed, stage_requeued,
        stage_dead_lettered, stage_dropped, stage_waiting, verb_pause, verb_resume, verb_crash, verb_stop,
        verb_start, verb_power_cut, verb_isolate, verb_heal, drawer, terminal, events, ledger,
        fold, unfold, terminal_log, terminal_empty, terminal_input, terminal_hint, error,
        filter, filter_hint, no_events, older_events, keys, keys_lead, key_play, key_step,
        key_ends, key_speed, key_grain, key_reset, key_follow, key_text, key_undo, key_keys,
        key_history, key_complete, key_leave, toast_forked, toast_restored, toast_no_storage,
        toast_unreadable, toast_refused, toast_no_lesson, toast_copied, failure, failure_saved,
        reload, copy_report, version,
        chart_backlog, chart_throughput, chart_latency, chart_broker_memory, chart_disk, chart_traffic, charts, per_second, as_table, export_csv, export_svg, charts_simplified,
        build, build_what, build_missing, build_partitions, build_remove, copy, none, no_limit, kind_topic, kind_binding, ask_name, ask_thing, ask_keys, ask_routing_key, ask_rate, ask_size, ask_process, ask_prefetch, ask_linger, ask_count, ask_replicas, ask_type, worlds, progress_of, unit_a, unit_b, unit_c, unit_d, unit_e, unit_f, mark_begun, mark_viewed, mark_solved, predictions, export_progress, import_progress, toast_imported, toast_not_imported, toast_no_file,
        ledger_lists, no_message, more_messages, change_setting, new_value, why_starting, why_paused, why_down, why_off, why_out_of_memory, why_busy, why_parked, why_idle, why_nothing, why_prefetch, why_no_delivery, why_no_limit, why_no_leader, why_hidden, why_not_in_sync, why_empty, why_all_unacked, why_delayed, why_nobody, why_ready, why_unanswered, why_failed,
        time_column,
        what_if, without_it, with_all, without_now,
        menu,
    }
}
