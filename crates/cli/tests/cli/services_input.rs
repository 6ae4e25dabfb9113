//! Names of other services as people type, paste and pipe them.

use std::fs;

use crate::process::Process;
use crate::services::{documentai, full};

const REDIS: &str = "//redis.googleapis.com/projects/p/locations/us/operations/";

#[test]
fn what_stands_around_a_name_is_refused_and_nothing_is_sent() {
    let api = documentai(1);
    let name = &api.names[0];
    let folder = tempfile::tempdir().unwrap();
    let job = folder.path().join("a.job").to_str().unwrap().to_owned();
    for (text, told) in [
        (format!("{name},"), "has `,` at byte"),
        (format!("{name};"), "has `;` at byte"),
        (format!("{name}."), "has `.` at byte"),
        (format!("\"{name}\""), "remove the quotes"),
        (format!("({name})"), "has `(` at byte 0"),
        (format!("{name} RUNNING"), "holds more than a name"),
        (format!("- {name}"), "holds more than a name"),
    ] {
        for service in ["documentai", "logging"] {
            for command in [&["cancel"][..], &["get"], &["plan", "-o", &job]] {
                let args = [command, &["--service", service, "--", &text]].concat();
                let run = api.command(&args).run();
                assert_eq!(run.code, 2, "{args:?} {run:?}");
                assert!(run.stderr.contains(told), "{args:?} {run:?}");
                assert!(!run.stderr.contains("enterprises/"), "{run:?}");
                let args = [command, &["--service", service, "-"]].concat();
                let run = api.command(&args).input(format!("x\n{text}\n")).run();
                assert_eq!(run.code, 2, "{args:?} {run:?}");
                assert!(run.stderr.contains(told), "{args:?} {run:?}");
            }
        }
    }
    let run = api
        .command(&[
            "cancel",
            "--service",
            "logging",
            "foo: bar/baz/locations/us/operations/1",
        ])
        .run();
    assert!(
        run.code == 2 && !run.stderr.contains("name of the service"),
        "{run:?}"
    );
    assert!(api.asked().is_empty());
}

#[test]
fn a_file_of_full_names_tells_its_service() {
    let api = documentai(3);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let names: Vec<_> = api.names.iter().map(|name| full(name)).collect();
    let (list, table) = (path("a.txt"), path("b.csv"));
    fs::write(&list, names.join("\n")).unwrap();
    fs::write(
        &table,
        format!("who,op\nann,{}\nbob,{}\n", names[0], names[1]),
    )
    .unwrap();
    for (from, count, job) in [(&list, 3, path("a.job")), (&table, 2, path("b.job"))] {
        let run = api.command(&["plan", "-o", &job, "--from", from]).run();
        assert_eq!(run.code, 0, "{run:?}");
        let apply = format!("--confirm projects/p:{count}");
        assert!(run.stdout.contains(&apply), "{run:?}");
        assert!(run.stdout.contains("--service documentai.v1"), "{run:?}");
    }
    // A job that needs its service says so before a confirmation is read.
    let run = api
        .command(&["apply", &path("a.job"), "--confirm", "projects/p:3"])
        .run();
    assert_eq!(run.code, 8, "{run:?}");
    assert!(
        run.stderr.contains("Give --service documentai.v1"),
        "{run:?}"
    );

    // A mixture is refused with its counts.
    let other: String = (0..400).map(|id| format!("{REDIS}{id}\n")).collect();
    for service in [&[][..], &["--service", "documentai"]] {
        let run = api
            .command(&[&["cancel"][..], service, &["-"]].concat())
            .input(format!("{}\n{other}", names[0]))
            .run();
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.stderr
                .contains("397 more are names of the service redis.v1"),
            "{run:?}"
        );
        assert!(
            run.stderr
                .contains("names of another service need a command of their own"),
            "{run:?}"
        );
        assert!(!run.stderr.contains("--skip-invalid"), "{run:?}");
    }
    assert!(api.asked().is_empty());

    let run = api
        .command(&["cancel", "--json", "-"])
        .input(names.join("\n"))
        .run();
    assert_eq!((run.code, run.json().len()), (0, 3), "{run:?}");
}

#[test]
fn advice_is_of_the_service() {
    let api = documentai(1);
    let name = &api.names[0];
    let run = api
        .command(&["cancel", "--service", "documentai", "-"])
        .input(format!("x {name} y\nprojects/p/locations/us\n"))
        .run();
    assert_eq!(run.code, 2, "{run:?}");
    let cut = "grep -oE 'projects/[^/ ]+/locations/[^/ ]+/operations/[A-Za-z0-9_-]+'";
    assert!(run.stderr.contains(cut), "{run:?}");
    let find = "grep -xE '(//documentai.googleapis.com/)?projects/[^/ ]+/locations/[^/ ]+' | xargs";
    assert!(run.stderr.contains(find), "{run:?}");
    assert!(!run.stderr.contains("enterprises"), "{run:?}");
}

#[test]
fn a_parent_of_another_service_is_told_the_option() {
    for command in [
        &["find"][..],
        &["list"],
        &["plan", "-o", "a.job"],
        &["doctor"],
        &["rescue"],
    ] {
        let args = [command, &["projects/p/locations/us"]].concat();
        let run = Process::new(&args).run();
        assert_eq!(run.code, 2, "{args:?} {run:?}");
        let told = "services have such names: set the service, or give the full name //HOST/NAME (--service NAME)";
        assert!(run.stderr.contains(told), "{args:?} {run:?}");
    }
    let run = Process::new(&["find", "projects/p/instances/i/databases/d"]).run();
    let told = "it is a name of the service spanner";
    assert!(run.code == 2 && run.stderr.contains(told), "{run:?}");
}

#[test]
fn services_are_found_by_the_words_of_people() {
    let ids = |words: &[&str]| {
        let run = Process::new(&[&["services", "--json"][..], words].concat()).run();
        let lines = run.json();
        let ids = lines
            .iter()
            .map(|line| line["id"].as_str().unwrap().to_owned());
        (run.code, ids.collect::<Vec<_>>(), run.stderr)
    };
    for (word, id) in [
        ("vertex", "aiplatform.v1"),
        ("Vertex AI", "aiplatform.v1"),
        ("docai", "documentai.v1"),
        ("gke", "container.v1"),
        ("memorystore", "redis.v1"),
        ("spanner", "spanner.v1"),
    ] {
        let (code, found, _) = ids(&[word]);
        assert!(
            code == 0 && found.iter().any(|one| one == id),
            "{word} {found:?}"
        );
    }
    // What is found is shown, and the words that are unknown are named.
    let (code, found, told) = ids(&["nosuch", "xyz", "spanner"]);
    assert_eq!((code, found), (2, vec!["spanner.v1".to_owned()]));
    for word in ["nosuch", "xyz"] {
        assert!(
            told.contains(&format!("no service is named \"{word}\"")),
            "{told}"
        );
    }
    let run = Process::new(&["cancel", "--service", "vertex", "x"]).run();
    assert!(run.stderr.contains("the nearest are aiplatform"), "{run:?}");
    let run = Process::new(&["services", "spanner"]).run();
    assert!(run.stdout.contains("{ssdCache}"), "{run:?}");
}

#[test]
fn standard_input_is_no_file() {
    let run = Process::new(&["plan", "-o", "a.job", "--from", "-"]).run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.contains("standard input is the argument `-`"),
        "{run:?}"
    );
}
