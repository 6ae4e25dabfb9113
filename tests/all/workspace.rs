//! What is promised of the workspace itself.

use std::collections::BTreeSet;
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
