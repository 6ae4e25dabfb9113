//! A small fleet of mixed fates behind faults and a quota that is felt: what a job is killed on.

use std::collections::BTreeSet;
use std::time::Duration;

use countermand_emulator::{
    Config, Fate, Hints, NewOperation, NewParent, Quirks, Script, ServerQuota, Shared, WindowKind,
};
use countermand_scheduler::Window;
use serde_json::json;

use crate::api::{Api, TOKEN};
use crate::fleet::Fleet;
use crate::rng::Rng;

/// Password that no file and no output may hold.
pub(crate) const PASSWORD: &str = "canary-new-password";
const SHARE: f64 = 0.8;

/// Way in which a job comes by its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plan of names.
    Names,
    /// A plan of what a search finds.
    Search,
    Rescue,
}

pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) kind: Kind,
    pub(crate) in_flight: u64,
    pub(crate) windows: Vec<Window>,
    /// Names that must not be touched, by any request.
    pub(crate) spared: BTreeSet<String>,
    exclude: String,
}

impl World {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let kind = rng.weighted(&[(3, Kind::Names), (2, Kind::Search), (3, Kind::Rescue)]);
        let windows = rng.of(&["30/3s", "24/2s", "15/2s,24/4s"]);
        let windows: Vec<Window> = windows
            .split(',')
            .map(|window| window.parse().unwrap())
            .collect();
        // The delay of a request on a busy machine never takes half a window.
        let half = |window: &Window| Window::new(window.limit(), window.span() / 2);
        let quota = ServerQuota::default()
            .windows(windows.iter().map(half))
            .kind(WindowKind::Sliding)
            .hints(Hints::RetryInfo);
        let mut quirks = Quirks::default();
        quirks.ignore_fields = true;
        let config = Config::default()
            .parents(0)
            .token(TOKEN)
            .quirks(quirks)
            .quota(quota)
            .seed(rng.below(1 << 32));
        let shared = Shared::new(config);

        let count = 6 + rng.below(if kind == Kind::Names { 20 } else { 9 });
        let mut names = Vec::new();
        let mut spared = BTreeSet::new();
        let mut excluded = None;
        for number in 0..count + 2 {
            let wipe = operation(fate(rng, kind), "WIPE");
            let lock = operation(Fate::Cancellable, "LOCK").age(30);
            let device = NewParent::with([lock, wipe]);
            let added = shared.with(|emulator, now| emulator.add(now, device).unwrap());
            let [lock, wipe] = <[String; 2]>::try_from(added.operations).unwrap();
            spared.insert(lock);
            if number < 2 {
                spared.insert(wipe);
                excluded.get_or_insert(added.name);
            } else {
                names.push(wipe);
            }
        }
        let faults = json!([
            {"status": 503, "probability": 0.06, "times": null},
            {"fault": "gateway-timeout", "probability": 0.02, "times": null},
            {"fault": "reset-after", "probability": 0.03, "times": null},
            {"fault": "reset-before", "probability": 0.03, "times": null},
            {"delay_ms": 40, "probability": 0.3, "times": null},
        ]);
        let script = Script::from_value(faults).unwrap();
        shared.with(|emulator, _| emulator.set_script(script));
        let fleet = Fleet::of(Api::serve(shared, names, None));
        let mut exclude = Vec::from_iter(&spared);
        // One of the devices is spared by its own name.
        let excluded = excluded.unwrap();
        exclude.push(&excluded);
        let list = exclude.into_iter().map(String::as_str);
        let list = list.collect::<Vec<_>>().join("\n");
        let exclude = fleet.file("exclude");
        std::fs::write(&exclude, list).unwrap();
        spared.insert(excluded);
        Self {
            exclude: exclude.to_str().unwrap().to_owned(),
            fleet,
            kind,
            in_flight: rng.of(&[1, 4, 20, 100]),
            windows,
            spared,
        }
    }

    /// The command that makes the job: `plan`, or `rescue` itself.
    pub(crate) fn first(&self) -> (Vec<String>, String) {
        let enterprise = self.fleet.enterprise();
        let whole = format!("enterprises/{enterprise}");
        let job = self.fleet.job.as_str();
        let quota: Vec<_> = self.windows.iter().map(Window::to_string).collect();
        let (quota, share, in_flight) = (
            quota.join(","),
            SHARE.to_string(),
            self.in_flight.to_string(),
        );
        let mut args = match self.kind {
            Kind::Names => vec!["plan", "-", "--output", job],
            Kind::Search => vec!["plan", &whole, "--output", job],
            Kind::Rescue => vec!["rescue", &whole, "--job", job, "--confirm", &enterprise],
        };
        if self.kind != Kind::Names {
            args.extend(["--type", "wipe", "--exclude", &self.exclude]);
        }
        args.extend([
            "--quota",
            &quota,
            "--share",
            &share,
            "--in-flight",
            &in_flight,
        ]);
        args.extend(["--deadline", "2s", "--json"]);
        let input = match self.kind {
            Kind::Names => self.fleet.names.join("\n"),
            Kind::Search | Kind::Rescue => String::new(),
        };
        (args.into_iter().map(str::to_owned).collect(), input)
    }

    /// The command that applies the job, again; `planned` operations if that is settled.
    pub(crate) fn again(&self, planned: Option<usize>) -> Vec<String> {
        let enterprise = self.fleet.enterprise();
        let phrase = match planned {
            Some(count) => format!("{enterprise}:{count}"),
            None => enterprise,
        };
        let in_flight = self.in_flight.to_string();
        let args = ["apply", &self.fleet.job, "--confirm", &phrase];
        let more = ["--in-flight", &in_flight, "--json"];
        args.iter()
            .chain(&more)
            .map(|&arg| arg.to_owned())
            .collect()
    }

    /// Number of calls of each window that are ours.
    pub(crate) fn shares(&self) -> impl Iterator<Item = (usize, Duration)> + '_ {
        self.windows.iter().map(|window| {
            let share = (f64::from(window.limit()) * SHARE).floor();
            (share as usize, window.span())
        })
    }
}

fn operation(fate: Fate, kind: &str) -> NewOperation {
    let params = json!({"newPassword": PASSWORD});
    let params = params.as_object().unwrap().clone();
    NewOperation::new(fate).kind(kind).params(params)
}

fn fate(rng: &mut Rng, kind: Kind) -> Fate {
    // A search could not list a device whose record is gone by then, and would rightly complain.
    let wiped = u64::from(kind == Kind::Names);
    let after = Duration::from_millis(200 + rng.below(4000));
    rng.weighted(&[
        (10, Fate::Cancellable),
        (2, Fate::Completes { after }),
        (2, Fate::Acknowledged { after }),
        (wiped, Fate::Wiped { after }),
        (1, Fate::Purged { after }),
        (1, Fate::Vanishes),
        (1, Fate::Fails { after, code: 9 }),
        (1, Fate::Stuck),
    ])
}
