//! Faults and their results, and the invariants: the texts of `docs/reliability.md`.

/// A fault and its result. The place in the list, from 1, is the number of the fault.
pub(crate) const FAULTS: [(&str, &str); 69] = [
    (
        "the connection is refused, or reset before a byte was sent",
        "the request is repeated; other operations do not notice",
    ),
    (
        "the connection is reset after the request was sent",
        "the cancel is repeated, which is harmless, and a get decides the verdict",
    ),
    (
        "packets to the server are lost while connecting",
        "given up after 3 s, for all waiting requests at once",
    ),
    (
        "TLS: another host's certificate, an expired one, an unknown authority, TLS 1.1",
        "no byte of a request is sent, nothing is repeated, host and reason are named",
    ),
    (
        "the head of the answer never comes",
        "the attempt times out, the stream is reset, the request is repeated",
    ),
    (
        "the body stops, or comes a byte each 10 s",
        "the timeout of the attempt covers it",
    ),
    (
        "an HTTP/2 connection dies silently",
        "pings find it within 31 s; the next request has a new connection",
    ),
    ("GOAWAY below our stream", "repeated at once, at no cost"),
    (
        "REFUSED_STREAM; ENHANCE_YOUR_CALM",
        "repeated at once; repeated after a pause",
    ),
    ("one stream at a time", "requests wait for each other"),
    ("headers without end", "dropped; less than 2 MiB of memory"),
    (
        "100,000 requests time out on one connection",
        "the next 1,000 succeed on it",
    ),
    (
        "400 INVALID_ARGUMENT",
        "that operation fails, without a repetition; the others go on",
    ),
    (
        "401 once, for hundreds of requests at a time",
        "one new token, and each is repeated once",
    ),
    (
        "401 for ever",
        "one new token, then everything stops, and can be resumed",
    ),
    (
        "403 for one enterprise; for all",
        "that enterprise is closed and the others go on; everything stops",
    ),
    (
        "a refusal for the quota that names a limit",
        "every request pauses; a lower limit is adopted",
    ),
    ("a quota of zero", "everything stops, and says so"),
    ("429 without a delay", "a pause of 60 s with jitter"),
    (
        "absurd delays: negative, huge, in the past, not a number",
        "bounded or ignored; no operation sleeps past its deadline only to fail",
    ),
    (
        "404 for an operation; for its device too",
        "gone, never cancelled; it may have executed",
    ),
    ("FAILED_PRECONDITION, or 409", "a get decides"),
    (
        "501",
        "unsupported; if the first five are, everything stops",
    ),
    (
        "500, 502, 503, 504, HTML",
        "repeated; the message quotes the status and the start of the body, escaped",
    ),
    (
        "a redirect to another host",
        "never followed: that host sees nothing",
    ),
    (
        "200 with HTML, cut or invalid JSON, another type, a byte order mark, keys twice, deep nesting",
        "not success, and no stack overflow",
    ),
    (
        "a body beyond the cap, or of another length than announced",
        "cut; less than 8 MiB of memory",
    ),
    (
        "a compressed bomb that was not asked for",
        "not decompressed",
    ),
    (
        "accepted, then pending for ever",
        "polled until the deadline, then unresolved; it can be resumed",
    ),
    (
        "accepted, and the device executes it anyway",
        "completed, never cancelled; reported first",
    ),
    (
        "done with another code; code 1 without done; both results; neither",
        "failed; not yet known; the error counts; completed",
    ),
    (
        "the answer is about another operation",
        "an error; attributed to no operation",
    ),
    ("done, then not done", "the first done stands"),
    (
        "the token endpoint fails, hangs, or answers nonsense",
        "10 s at most; lifetimes are bounded",
    ),
    (
        "no new token while the old one is good",
        "requests go on with the old one",
    ),
    (
        "the wall clock jumps; the machine was suspended",
        "nothing expires early, nothing bursts over the quota",
    ),
    (
        "host names are not resolved, or slowly; IPv6 does not work",
        "the error names the host; the other address family is used",
    ),
    (
        "the process is killed at any instant",
        "when it is applied again, no answer is lost, and only requests that were in flight are repeated",
    ),
    (
        "a file that is cut, changed, or not a job file",
        "detected; no operation is dropped silently",
    ),
    (
        "the disk is full, read-only, or fails",
        "the rescue goes on, results also on stderr",
    ),
    (
        "two processes with one job file",
        "the second is refused, the first named",
    ),
    (
        "SIGINT, SIGTERM, a closed pipe",
        "requests in flight are awaited for 5 s, then the job is committed and can be resumed",
    ),
    (
        "Python: Ctrl-C, fork, spawn, cancelled tasks, callbacks that raise, the end of the interpreter",
        "stopped within 250 ms, no crash, children work",
    ),
    (
        "hostile names and inputs",
        "refused with their line, nothing sent; a million lines stream",
    ),
    (
        "nothing reaches the server: no connection, no token, a proxy that refuses",
        "not reported, counted, timed or recorded as sent; the intent in the job file is withdrawn",
    ),
    (
        "the same failure in different commands, or read back from a job file",
        "one table decides: the same exit class, exception and advice",
    ),
    (
        "one cause stops everything",
        "reported once, with the number of operations that were not attempted; the run is recorded as stopped",
    ),
    (
        "the network is dead from the start, or from the middle on",
        "`cancel` ends after one deadline; a job probes, and reports the failure, its begin and the time of the next attempt",
    ),
    (
        "SIGHUP: the terminal is closed, the connection to it is lost",
        "`cancel`, `apply` and `rescue` continue to their end; other commands end with 129",
    ),
    (
        "a misspelt type, ages that exclude each other, a number without a unit",
        "usage error, or a sentence about the operations that were seen and left out",
    ),
    (
        "a search takes long",
        "progress shows devices searched and in total, operations found, time left; no bar is full too early",
    ),
    (
        "devices vanish while they are searched",
        "a result, counted once: probably wiped; a plan without errors ends with 0, a run with 3",
    ),
    (
        "something other than the API answers",
        "reported at once, and evidence of nothing",
    ),
    (
        "a 403 that concerns every caller or project",
        "stops after one answer; the advice names the cause and the command that helps",
    ),
    (
        "a secret is given where a path, a name or a value belongs",
        "refused, and not repeated",
    ),
    (
        "a proxy URL with reserved characters in its password; a proxy that refuses",
        "refused before a DNS lookup; final, with its status",
    ),
    (
        "a job file names another endpoint than the run",
        "the token does not go there",
    ),
    (
        "a hostile or odd job file",
        "refused within a second, or warned of",
    ),
    (
        "the job file is moved, replaced or deleted during a run; locks cannot be had",
        "noticed; the rescue goes on, exit code 9; a failed plan leaves nothing",
    ),
    (
        "the disk is full",
        "results that are only on standard error are counted; an operation that was sent is never reported as unsent",
    ),
    (
        "hidden and directional characters in texts of a server",
        "escaped by one function everywhere; one row is one line",
    ),
    (
        "hundreds of large answers at once",
        "answers of cancel and get are capped, pages share one budget",
    ),
    (
        "a planted file, folder or link at an output path",
        "not followed, not overwritten; modes stay, files are whole",
    ),
    (
        "inputs in the forms that users have",
        "read and counted by kind, or refused in one sentence",
    ),
    (
        "credentials in the forms that users have",
        "work, or are refused by name with advice; no field is ignored silently",
    ),
    (
        "a server that sends a byte now and then to a caller's own HTTP client",
        "the examples end in time",
    ),
    (
        "a sub-interpreter of Python",
        "refused at import; the main interpreter works on",
    ),
    (
        "clients of other projects against the emulator",
        "served as the API does",
    ),
    (
        "a web page of another origin talks to a local emulator",
        "refused by Host and Origin",
    ),
];

/// An invariant, where it is tested: a file and the name of a test in it.
pub(crate) type Invariant = (&'static str, &'static [(&'static str, &'static str)]);

/// Invariants of every schedule. The place in the list, from 1, is the number of the invariant.
pub(crate) const INVARIANTS: [Invariant; 9] = [
    (
        "every operation that goes in has exactly one result",
        &[(
            "tests/all/lossy.rs",
            "every_seed_keeps_the_invariants_on_a_lossy_network",
        )],
    ),
    (
        "no request for a name that was not given",
        &[
            (
                "tests/all/lossy.rs",
                "every_seed_keeps_the_invariants_on_a_lossy_network",
            ),
            (
                "tests/all/simulation.rs",
                "every_schedule_is_bounded_and_true",
            ),
        ],
    ),
    (
        "after a crash, only requests that were in flight are sent again",
        &[(
            "crates/fleet/tests/run/main.rs",
            "dropped_at_any_event_and_taken_up_again",
        )],
    ),
    (
        "in every window, requests stay within the share",
        &[
            (
                "tests/all/lossy.rs",
                "every_seed_keeps_the_invariants_on_a_lossy_network",
            ),
            ("tests/all/scheduler.rs", "invariants_of_every_schedule"),
        ],
    ),
    (
        "`Cancelled` only where it is true",
        &[
            (
                "tests/all/lossy.rs",
                "every_seed_keeps_the_invariants_on_a_lossy_network",
            ),
            (
                "tests/all/simulation.rs",
                "every_schedule_is_bounded_and_true",
            ),
        ],
    ),
    (
        "no secret in any output",
        &[
            (
                "crates/auth/tests/trace.rs",
                "no_secret_in_anything_that_a_client_writes_with_every_log_at_trace",
            ),
            (
                "crates/cli/tests/cli/secrets.rs",
                "neither_token_nor_parameters_in_output_or_logs",
            ),
        ],
    ),
    (
        "recovery yields a prefix of the written records",
        &[(
            "crates/fleet/tests/job_file/crash.rs",
            "fault_38_a_kill_at_any_byte_of_the_log_leaves_a_prefix",
        )],
    ),
    (
        "attempts and pauses are bounded by the policy",
        &[(
            "tests/all/simulation.rs",
            "every_schedule_is_bounded_and_true",
        )],
    ),
    (
        "the same seed and answers give the same schedule",
        &[
            ("tests/all/simulation.rs", "same_seed_same_trace"),
            ("tests/all/lossy.rs", "same_seed_same_run"),
        ],
    ),
];
