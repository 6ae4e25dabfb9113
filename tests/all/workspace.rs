//! What is promised of the workspace itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The core stays usable alone: under 20 crates, itself included.
#[test]
fn core_has_few_dependencies() {
    let arguments = [
        "tree",
        "-p",
        "countermand-core",
        "-e",
        "normal",
        "--prefix",
        "none",
        "--locked",
        "--offline",
    ];
    let output = Command::new(env!("CARGO"))
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
    let crates = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect::<BTreeSet<_>>();
    assert!(
        crates.contains("countermand-core") && crates.len() < 20,
        "{crates:?}"
    );
}

/// Every crate forbids unsafe code, but the one that is Python's.
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
