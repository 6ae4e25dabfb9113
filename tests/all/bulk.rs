//! Campaigns against the emulator, simulated: verdicts against the truth.

use std::time::Duration;

use countermand_core::campaign::Campaign;
use countermand_core::{Phase, Policy, Verdict};
use countermand_emulator::{Config, Emulator, PRESETS, Script};
use countermand_tests::dice::Dice;
use countermand_tests::fleet::run;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

/// Everything the emulator can do to a fleet, on a virtual clock.
#[test]
fn verdicts_of_a_fleet_agree_with_the_truth() {
    let mut verdicts = std::collections::BTreeMap::new();
    for seed in 0..60 {
        let mut dice = Dice::new(seed);
        let faults = (0..dice.below(4)).map(|_| {
            json!({ "fault": dice.pick(PRESETS).name, "probability": 0.3, "times": 1 + dice.below(20) })
        });
        let mut faults = faults.collect::<Vec<_>>();
        faults.push(json!({ "delay_ms": dice.below(300), "times": null }));
        let script = Script::from_value(Value::Array(faults)).unwrap();
        let mut emulator = Emulator::new(Config::default().seed(seed).devices(40).script(script));
        let names = emulator.pending(Duration::ZERO);
        let mut campaign =
            Campaign::new(seed).policy(Policy::default().deadline(Duration::from_secs(60)));
        for name in &names {
            campaign.push(name.parse().unwrap(), Phase::Unsent);
        }
        campaign.close();
        let token = format!("Bearer {}", emulator.token());
        let report = run(
            &mut campaign,
            Duration::from_secs(100_000),
            &mut |at, request| {
                let mut request = request.clone().map(|()| bytes::Bytes::new());
                request
                    .headers_mut()
                    .insert(AUTHORIZATION, token.parse().unwrap());
                emulator
                    .handle(at, &request)
                    .deliver(Duration::from_secs(10))
            },
        );
        assert_eq!(report.finished.len(), names.len(), "seed {seed}");
        for (name, result) in &report.finished {
            let truth = emulator.truth_of(report.ended, name.as_str()).unwrap();
            let Ok(outcome) = result else { continue };
            *verdicts.entry(outcome.verdict).or_insert(0) += 1;
            assert!(
                outcome.verdict != Verdict::Cancelled || truth.cancelled,
                "seed {seed}: {truth:?} {outcome:?}"
            );
        }
        // I2: nobody else was asked for anything.
        let devices = names
            .iter()
            .map(|name| name.rsplit_once("/operations/").unwrap().0);
        let devices = devices.collect::<std::collections::BTreeSet<_>>();
        let stray = emulator.audit().iter().find(|row| {
            let path = row.path.trim_start_matches("/v1/");
            !devices.iter().any(|device| path.starts_with(device))
        });
        assert!(stray.is_none(), "seed {seed}: {stray:?}");
    }
    assert!(
        verdicts.len() >= 5 && verdicts[&Verdict::Cancelled] > 1000,
        "{verdicts:?}"
    );
}
