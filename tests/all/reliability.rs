//! `docs/reliability.md` is generated from the tests: each fault and each invariant with the tests
//! that show it. `make reliability` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::promises::{FAULTS, INVARIANTS};

/// Set by `make reliability`.
const WRITE: &str = "COUNTERMAND_WRITE_RELIABILITY";

const HEAD: &str = "# Faults and invariants

`make reliability` generates this file from the tests; do not edit it. A test with a number in its name
causes the fault with that number and checks the result. `make test` fails when a test that is listed here is gone.

| # | fault | result | shown by |
|---|---|---|---|
";

const INVARIANTS_HEAD: &str = "
## Invariants

| # | invariant | shown by |
|---|---|---|
";

/// Tests by file.
type Tests = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_table_of_faults_is_made_of_the_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let all = tests(&root);
    let mut page = HEAD.to_owned();
    let mut missing = Vec::new();
    for (number, (fault, promise)) in (1..).zip(FAULTS) {
        let shown = all.iter().filter_map(|(file, names)| {
            let names = names.iter().filter(|name| numbers(name).contains(&number));
            let names = names.cloned().collect::<BTreeSet<_>>();
            (!names.is_empty()).then(|| (file.clone(), names))
        });
        let shown = shown.collect::<Tests>();
        if shown.is_empty() {
            missing.push(number);
        }
        writeln!(
            page,
            "| {number} | {fault} | {promise} | {} |",
            list(&shown)
        )
        .unwrap();
    }
    page.push_str(INVARIANTS_HEAD);
    for (number, (invariant, where_tested)) in (1..).zip(INVARIANTS) {
        let mut shown = Tests::new();
        for (file, name) in where_tested {
            let known = all.get(*file).is_some_and(|names| names.contains(*name));
            assert!(known, "I{number}: {file} has no test {name}");
            shown
                .entry((*file).to_owned())
                .or_default()
                .insert((*name).to_owned());
        }
        assert!(!shown.is_empty(), "I{number} has no test");
        writeln!(page, "| I{number} | {invariant} | {} |", list(&shown)).unwrap();
    }
    assert!(missing.is_empty(), "faults without a test: {missing:?}");

    let path = root.join("docs/reliability.md");
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = page
        .lines()
        .zip(written.lines())
        .find(|(new, old)| new != old);
    assert!(
        page == written,
        "`make reliability` would change {differs:#?}"
    );
}

/// Tests as a cell of a table.
fn list(tests: &Tests) -> String {
    let files = tests.iter().map(|(file, names)| {
        let names = names.iter().map(|name| format!("`{name}`"));
        format!("{file}: {}", names.collect::<Vec<_>>().join(", "))
    });
    files.collect::<Vec<_>>().join("<br>")
}

/// Every test of the project.
fn tests(root: &Path) -> Tests {
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        gather(&root.join(folder), &mut files);
    }
    let mut all = Tests::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let names = match path.extension().is_some_and(|extension| extension == "py") {
            true => python(&text),
            false => rust(&text),
        };
        let file = path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        all.insert(file, names);
    }
    assert!(
        all.values().map(BTreeSet::len).sum::<usize>() > 300,
        "they are found"
    );
    all
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => gather(&path, files),
            Some("rs" | "py") => files.push(path),
            _ => {}
        }
    }
}

/// Functions below an attribute that makes them tests.
fn rust(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        let attribute = line.strip_prefix("#[").unwrap_or_default();
        let function = line
            .strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("fn ");
        is_test |= attribute.starts_with("test]") || attribute.starts_with("tokio::test");
        if let Some(function) = function {
            if is_test {
                names.extend(function.split(['(', '<']).next().map(str::to_owned));
            }
            is_test = false;
        }
    }
    names
}

fn python(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim_start);
    let functions = lines.filter_map(|line| {
        line.strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("def ")
    });
    let tests = functions.filter(|function| function.starts_with("test_"));
    tests
        .filter_map(|function| function.split('(').next().map(str::to_owned))
        .collect()
}

/// The faults in a name: `fault_07_…`, `faults_05_and_06_…`.
fn numbers(name: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut counting = false;
    for word in name.split('_') {
        match (word, word.parse::<usize>()) {
            ("fault" | "faults", _) => counting = true,
            ("and", _) => {}
            (_, Ok(number)) if counting && word.len() == 2 => numbers.push(number),
            _ => counting = false,
        }
    }
    numbers
}

#[test]
fn numbers_are_read_from_names() {
    for (name, expected) in [
        ("fault_07_pings_find_99_dead", vec![7]),
        ("test_fault_43_control_c", vec![43]),
        ("faults_05_and_06_the_time_out", vec![5, 6]),
        ("fault_11_and_fault_27_memory", vec![11, 27]),
        ("fault_12_after_100_000", vec![12]),
        ("a_default_10_is_none", vec![]),
    ] {
        assert_eq!(numbers(name), expected, "{name}");
    }
}
