//! The corpora of the fuzz targets as plain tests.

use std::path::Path;

use countermand_tests::dice::Dice;

/// Runs a target over its corpus: each input as it is, and several times with random damage.
fn every(target: &str, damages: usize, run: fn(&[u8])) {
    let mut dice = Dice::new(1);
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&corpus).expect("a corpus") {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        run(&input);
        count += 1;
        for _ in 0..damages {
            run(&damaged(&input, &mut dice));
        }
    }
    assert!(count >= 10, "{count} inputs in {}", corpus.display());
}

fn damaged(input: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut input = input.to_vec();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(input.len() as u64 + 1) as usize;
        match dice.below(4) {
            0 => input.insert(at, dice.below(256) as u8),
            1 => input.truncate(at.max(1)),
            _ if at < input.len() => input[at] ^= 1 << dice.below(8),
            _ => input.extend_from_within(..at / 2),
        }
    }
    input
}

#[test]
fn name() {
    every("name", 50, countermand_fuzz::name);
}

#[test]
fn response() {
    every("response", 50, countermand_fuzz::response);
}

#[test]
fn cancellation() {
    every("cancellation", 50, countermand_fuzz::cancellation);
}

#[test]
fn input() {
    every("input", 50, countermand_fuzz::input);
}

#[test]
fn delay() {
    every("delay", 50, countermand_fuzz::delay);
}

#[test]
fn credentials() {
    every("credentials", 50, countermand_fuzz::credentials);
}

#[test]
fn scheduler() {
    every("scheduler", 50, countermand_fuzz::scheduler);
}

#[test]
fn job() {
    every("job", 5, countermand_fuzz::job);
}
