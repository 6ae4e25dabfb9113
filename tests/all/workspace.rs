//! Promises about the workspace: dependencies, unsafe code and files of tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The crates that a package depends on, by `cargo tree` with these arguments.
fn crates(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-e", "normal", "--prefix", "none"])
        .args(["--locked", "--offline"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines()
        .filter_map(|line| Some(line.split(' ').next()?.to_owned()))
        .collect()
}

/// The core can be used alone: 20 crates at most, itself included.
#[test]
fn core_has_few_dependencies() {
    let crates = crates(&["-p", "countermand-core"]);
    assert!(
        crates.contains("countermand-core") && crates.len() <= 20,
        "{crates:?}"
    );
}

/// A program that brings its own tokens does not depend on the crates that fetch them.
#[test]
fn hyper_carries_nothing_of_auth() {
    let lean = crates(&["-p", "countermand-hyper"]);
    let full = crates(&["-p", "countermand-auth"]);
    let weight: Vec<&String> = full.difference(&lean).collect();
    assert!(lean.is_subset(&full), "{lean:?}");
    // Itself, and the crates for the process group of a command.
    assert!(!weight.is_empty(), "{lean:?}");
    assert!(weight.len() <= 6, "{weight:?}");
    // Neither a second HTTP stack nor a second provider of TLS.
    for other in ["reqwest", "openssl", "aws-lc-rs"] {
        assert!(!full.contains(other), "{other}");
    }
}

/// The page of a published crate on docs.rs begins with code that runs, as a doctest, against the emulator.
#[test]
fn each_front_page_begins_with_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    for name in [
        "core",
        "scheduler",
        "hyper",
        "auth",
        "countermand",
        "fleet",
        "emulator",
        "cli",
    ] {
        let page = fs::read_to_string(root.join(name).join("src/lib.rs")).unwrap();
        let docs = page.lines().map_while(|line| line.strip_prefix("//!"));
        let docs = docs.map(str::trim_start).collect::<Vec<_>>();
        let first = docs.iter().position(|line| line.is_empty()).unwrap();
        assert!(first <= 2, "{name}: the first paragraph is one sentence");
        // Neither `no_run` nor `ignore`.
        assert_eq!(docs[first + 1], "```", "{name}");
        let mut code = docs[first + 2..].iter().take_while(|line| **line != "```");
        let emulated = |line: &&str| line.contains("emulator") || line.contains("simulate");
        assert!(code.any(emulated), "{name}");
    }
}

/// Every crate forbids unsafe code, except for Python's.
#[test]
fn unsafe_code_is_forbidden() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = fs::read_dir(root.join("crates")).unwrap();
    let folders = crates.map(|entry| entry.unwrap().path());
    let folders = folders.chain(["tests", "fuzz"].map(|folder| root.join(folder)));
    let roots =
        folders.flat_map(|folder| ["lib.rs", "main.rs"].map(|file| folder.join("src").join(file)));
    let roots = roots.filter(|path| path.exists() && !path.ends_with("python/src/lib.rs"));
    let roots = roots.collect::<Vec<_>>();
    assert!(roots.len() >= 7, "{roots:?}");
    for path in roots {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("#![forbid(unsafe_code)]"),
            "{}",
            path.display()
        );
    }
}

/// A file of tests that belongs to no binary would not run: where cargo does not look for binaries by itself, the
/// manifest or the module of the tests names each file.
#[test]
fn every_file_of_tests_is_part_of_a_binary() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = fs::read_dir(root.join("crates")).unwrap();
    let folders = crates.map(|entry| entry.unwrap().path());
    let mut checked = 0;
    for folder in folders {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        if !manifest.contains("autotests = false") {
            continue;
        }
        let modules = fs::read_to_string(folder.join("tests/main.rs")).unwrap();
        for entry in fs::read_dir(folder.join("tests")).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            let module = format!("mod {};", path.file_stem().unwrap().to_str().unwrap());
            assert!(
                manifest.contains(&format!("\"tests/{file}\""))
                    || manifest.contains(&format!("\"tests/{file}/main.rs\""))
                    || modules.lines().any(|line| line == module),
                "{} is in no binary",
                path.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}
