//! Which test produces which exit code.

/// Exit codes of jobs and of other commands, each with a test that produces it.
const TESTS: [(u8, &str, &str); 24] = [
    (0, "fates", "a_finished_job_is_0_and_asks_nobody"),
    (0, "guards", "nothing_to_do_is_0_and_leaves_no_file"),
    (1, "cli/codes", "an_error_is_1"),
    (1, "fates", "an_operation_that_is_refused_is_1"),
    (
        2,
        "input",
        "fault_44_a_bad_name_is_2_with_its_line_in_every_form",
    ),
    (2, "guards", "files_that_are_there_are_left_alone"),
    (3, "fates", "fault_30_completed_anyway_is_3_and_told_first"),
    (
        4,
        "fates",
        "fault_16_a_closed_enterprise_does_not_stop_the_others",
    ),
    (
        4,
        "fates",
        "fault_16_denied_everywhere_stops_the_job_which_goes_on_later",
    ),
    (4, "guards", "without_a_token_it_is_4_and_nothing_has_begun"),
    (5, "fates", "fault_29_pending_is_5_and_can_be_applied_again"),
    (
        5,
        "fates",
        "fault_52_a_rescue_takes_on_no_more_than_max_and_counts_no_more_as_left",
    ),
    (
        6,
        "fates",
        "fault_18_a_quota_of_zero_is_6_and_goes_on_later",
    ),
    (8, "guards", "what_is_not_confirmed_is_8"),
    (8, "guards", "fault_57_another_endpoint_than_the_jobs_is_8"),
    (8, "guards", "a_stale_plan_is_8_unless_it_was_begun"),
    (8, "files", "fault_39_a_plan_edited_with_sql_is_8"),
    (
        8,
        "killed",
        "fault_38_a_plan_killed_while_it_writes_is_refused",
    ),
    (9, "files", "fault_39_a_file_truncated_at_any_page_is_9"),
    // Run by `fault_40_a_full_disk_is_9_and_the_rescue_goes_on`.
    (9, "disk", "child"),
    (
        9,
        "two",
        "fault_41_the_second_process_is_told_who_has_the_file",
    ),
    (
        130,
        "stopped",
        "fault_42_sigint_drains_and_prints_the_command_that_goes_on",
    ),
    (
        143,
        "stopped",
        "fault_42_sigterm_is_143_and_a_second_signal_ends_it_at_once",
    ),
    (
        143,
        "stopped",
        "fault_42_a_search_that_is_stopped_leaves_no_plan",
    ),
];

#[test]
fn every_exit_code_has_a_test() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (code, module, test) in TESTS {
        let folder = if module.contains('/') { "" } else { "jobs" };
        let path = tests.join(folder).join(format!("{module}.rs"));
        let source = std::fs::read_to_string(&path).unwrap();
        let (_, body) = source
            .split_once(&format!("fn {test}()"))
            .unwrap_or_else(|| panic!("{test} is not in {}", path.display()));
        let body = body.split("\n}\n").next().unwrap();
        let said = body.split(|char: char| !char.is_ascii_digit());
        assert!(
            said.into_iter().any(|word| word == code.to_string()),
            "{test} does not say {code}"
        );
    }
    // The codes that the help promises.
    let mut codes = TESTS.map(|(code, ..)| code).to_vec();
    codes.dedup();
    assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 8, 9, 130, 143]);
}
