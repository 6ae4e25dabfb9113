//! A folder with a job file, beside an emulated fleet.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use countermand_emulator::Fate;
use countermand_fleet::JobRow;
use countermand_fleet::store::View;

use crate::api::Api;
use crate::process::{Process, Run};

pub(crate) struct Fleet {
    api: Api,
    folder: tempfile::TempDir,
    pub(crate) job: String,
}

impl Deref for Fleet {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Fleet {
    /// One device with one WIPE for each fate, and a plan for all of them.
    pub(crate) fn planned(fates: impl IntoIterator<Item = Fate>, options: &[&str]) -> Self {
        let fleet = Self::of(Api::new(fates));
        let run = fleet.plan(options);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(fleet.asked().is_empty(), "names were given");
        fleet
    }

    pub(crate) fn of(api: Api) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A name that needs quoting in a shell.
        let job = folder.path().join("mistaken wipes.job");
        let job = job.to_str().unwrap().to_owned();
        Self { api, folder, job }
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Without `enterprises/`.
    pub(crate) fn enterprise(&self) -> String {
        let name = self
            .shared
            .with(|emulator, _| emulator.grandparent().to_owned());
        name.strip_prefix("enterprises/").unwrap().to_owned()
    }

    /// Plans all names as they are.
    pub(crate) fn plan(&self, options: &[&str]) -> Run {
        let args = [&["plan", "-", "--output", &self.job], options].concat();
        self.command(&args).input(self.names.join("\n")).run()
    }

    /// Argument of `--confirm` for the plan.
    pub(crate) fn phrase(&self) -> String {
        let mut counts = BTreeMap::new();
        for row in self.rows() {
            let enterprise = row.target.name.parent().parent().id().to_owned();
            *counts.entry(enterprise).or_insert(0) += 1;
        }
        let phrases = counts.iter().map(|(name, count)| format!("{name}:{count}"));
        phrases.collect::<Vec<_>>().join(",")
    }

    /// `apply`, confirmed.
    pub(crate) fn apply(&self, options: &[&str]) -> Process {
        let phrase = self.phrase();
        self.command(&[&["apply", &self.job, "--confirm", &phrase], options].concat())
    }

    /// `rescue` of its enterprise, confirmed, into its job file.
    pub(crate) fn rescue(&self, options: &[&str]) -> Process {
        let enterprise = self.enterprise();
        let whole = format!("enterprises/{enterprise}");
        let args = [
            "rescue",
            &whole,
            "--job",
            &self.job,
            "--confirm",
            &enterprise,
        ];
        self.command(&[&args[..], options].concat())
    }

    pub(crate) fn rows(&self) -> Vec<JobRow> {
        let view = View::open(&self.job).unwrap();
        view.rows().map(Result::unwrap).collect()
    }

    /// The words for the rows, in the order of the names.
    pub(crate) fn verdicts(&self) -> Vec<&'static str> {
        let rows = self.rows();
        let of = |name: &String| {
            let row = rows.iter().find(|row| row.target.name.as_str() == name);
            let resolution = row.unwrap().progress.resolution.as_ref();
            match resolution.map(|resolution| resolution.verdict) {
                Some(Some(verdict)) => verdict.as_str(),
                Some(None) => "error",
                None => "none",
            }
        };
        self.names.iter().map(of).collect()
    }

    /// Number of requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.shared.with(|emulator, _| emulator.audit().len())
    }

    /// Number of cancels among them, and number of operations that these were for.
    pub(crate) fn cancels(&self) -> (usize, usize) {
        let asked = self.asked();
        let paths = asked.iter().map(|(path, _)| path.as_str());
        let mut cancels: Vec<_> = paths.filter(|path| path.ends_with(":cancel")).collect();
        let all = cancels.len();
        cancels.sort_unstable();
        cancels.dedup();
        (all, cancels.len())
    }
}

/// The command to go on with that a process has printed, without what stands around it.
pub(crate) fn resume(run: &Run) -> String {
    let lines = run.stdout.lines().chain(run.stderr.lines());
    let mut lines = lines.filter_map(|line| line.trim().strip_prefix("countermand apply "));
    let rest = lines
        .next()
        .unwrap_or_else(|| panic!("no command: {run:?}"));
    format!("countermand apply {rest}")
}
