//! A plan as a file for each of its lanes, for several machines or people.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use countermand_core::Timestamp;

use crate::lane::Lanes;
use crate::plan::Plan;
use crate::store::{JobError, JobErrorKind, Record, Settings};
use crate::system::{self, folder_of};

impl Plan {
    /// Checks that [`write_split`](Self::write_split) could make this folder, and makes none: for a caller with much to
    /// do before.
    ///
    /// # Errors
    /// Something stands there, or the folder above takes nothing.
    pub fn may_be_split(folder: impl AsRef<Path>, settings: &Settings) -> Result<(), JobError> {
        let folder = folder.as_ref();
        let check = || {
            if settings.has_one_lane() {
                return Err(JobErrorKind::NoLanes);
            }
            nothing_at(folder)?;
            Ok(system::may_write_in(folder_of(folder))?)
        };
        check().map_err(|error: JobErrorKind| error.at(folder))
    }

    /// Writes the plan of each lane that has operations into a new folder, as `LANE.job`, and gives their paths in the
    /// order of the lanes.
    ///
    /// Each is a job of one lane, with the quota that the search has spent there. All of them appear at once: the
    /// folder gets its name when every file is whole. After an error there is no folder.
    ///
    /// # Errors
    /// As of [`may_be_split`](Self::may_be_split) and [`write`](Self::write).
    pub fn write_split(
        self,
        folder: impl AsRef<Path>,
        settings: &Settings,
        created: Timestamp,
    ) -> Result<Vec<PathBuf>, JobError> {
        let folder = folder.as_ref();
        Self::may_be_split(folder, settings)?;
        self.check(settings).map_err(|kind| kind.at(folder))?;
        let plans = self.split(settings).map_err(|kind| kind.at(folder))?;
        let refuse = |error: io::Error| JobErrorKind::from(error).at(folder);
        let mut part = tempfile::Builder::new();
        part.prefix(".countermand-").suffix(".part").rand_bytes(16);
        let part = part.tempdir_in(folder_of(folder)).map_err(refuse)?;
        let mut paths = Vec::new();
        for (settings, plan) in plans {
            let name = format!("{}.job", settings.lane().name);
            plan.write(part.path().join(&name), &settings, created, |_| Ok(()))?;
            paths.push(folder.join(name));
        }
        system::sync_folder(part.path()).map_err(refuse)?;
        nothing_at(folder).map_err(|error| error.at(folder))?;
        fs::rename(part.path(), folder).map_err(refuse)?;
        // It has another name now.
        let _ = part.keep();
        // The files are whole and have their names; without this only a power failure could take those.
        let _ = system::sync_folder(folder_of(folder));
        Ok(paths)
    }

    /// The settings and the plan of each lane that has operations.
    fn split(self, settings: &Settings) -> Result<Vec<(Settings, Self)>, JobErrorKind> {
        let lanes = Lanes::new(&settings.lanes)?;
        let mut plans = Vec::new();
        for lane in &settings.lanes {
            let mut own = settings.clone();
            own.lanes = vec![lane.clone()];
            own.enterprises.clear();
            let plan = Self {
                by_harm: self.by_harm,
                ..Self::default()
            };
            plans.push((own, plan));
        }
        for name in &settings.enterprises {
            let lane = lanes.of_all(name)?;
            plans[lane].0.enterprises.push(name.clone());
        }
        for target in self.targets {
            let lane = lanes.of(&target.name)?;
            plans[lane].1.targets.push(target);
        }
        // No file conceals what the search of the whole did not see.
        let mut shared = Vec::new();
        let mut ended = None;
        for mut record in self.known {
            let place = match &mut record {
                Record::Sent { lane, .. } => Some(std::mem::take(lane)),
                Record::Vanished(vanished) => {
                    let device = &vanished.device;
                    lanes.of(device).ok()
                }
                Record::SearchEnded { .. } => {
                    ended = Some(record);
                    continue;
                }
                record => record.operation().map(|name| lanes.of(name)).transpose()?,
            };
            match place.and_then(|place| plans.get_mut(place)) {
                Some((_, plan)) => plan.known.push(record),
                None => shared.push(record),
            }
        }
        shared.extend(ended);
        plans.retain(|(_, plan)| !plan.targets.is_empty());
        for (_, plan) in &mut plans {
            plan.known.extend(shared.iter().cloned());
        }
        Ok(plans)
    }
}

fn nothing_at(folder: &Path) -> Result<(), JobErrorKind> {
    match folder.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(JobErrorKind::Exists),
    }
}

#[cfg(test)]
mod tests {
    use countermand_core::Endpoint;

    use super::*;
    use crate::clock::now;
    use crate::job_row::{Resolution, Target};
    use crate::lane::Lane;
    use crate::store::{Kind, View};

    fn settings() -> Settings {
        let lane = |name: &str| {
            let mut lane = Lane::at(&Endpoint::default());
            name.clone_into(&mut lane.name);
            lane.project = Some(name.to_owned());
            lane.parents = vec![format!("enterprises/{name}").parse().unwrap()];
            lane
        };
        let mut settings = Settings::new(Kind::Plan);
        settings.lanes = vec![lane("a"), lane("b"), lane("c")];
        settings
    }

    fn target(name: &str) -> Target {
        Target::new(name.parse().unwrap())
    }

    fn plan(names: &[&str]) -> Plan {
        Plan {
            targets: names.iter().copied().map(target).collect(),
            ..Plan::default()
        }
    }

    const NAMES: [&str; 3] = [
        "enterprises/c/devices/d/operations/1",
        "enterprises/a/devices/d/operations/2",
        "enterprises/c/devices/d/operations/3",
    ];

    #[test]
    fn each_operation_is_in_the_file_of_its_lane_and_what_no_lane_owns_is_in_all() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan(&NAMES);
        let at = now();
        plan.known.push(Record::Note {
            at,
            kind: "not attempted".to_owned(),
            text: "2 lists".to_owned(),
        });
        let paths = plan.write_split(folder.path().join("p"), &settings(), at);
        let paths = paths.unwrap();
        let files: Vec<_> = paths.iter().map(|path| path.file_name().unwrap()).collect();
        assert_eq!(files, ["a.job", "c.job"]);
        let names = |path: &PathBuf| -> Vec<String> {
            let job = View::open(path).unwrap();
            assert_eq!(job.notes().count(), 1);
            assert_eq!(job.settings().lanes.len(), 1);
            let rows = job.rows().map(|row| row.unwrap().target.name.to_string());
            rows.collect()
        };
        assert_eq!(names(&paths[0]), [NAMES[1]]);
        assert_eq!(names(&paths[1]), [NAMES[0], NAMES[2]]);
    }

    #[test]
    fn a_failure_half_way_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan(&NAMES);
        // Of an operation that the plan lacks: the file of the first lane is whole by then.
        plan.known.push(Record::Finished {
            name: "enterprises/c/devices/d/operations/4".parse().unwrap(),
            resolution: Resolution::new(now(), None),
        });
        let error = plan.write_split(folder.path().join("p"), &settings(), now());
        assert!(matches!(
            error.unwrap_err().kind(),
            JobErrorKind::Unknown { .. }
        ));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_stands_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |path: &Path, settings: &Settings| plan(&NAMES).write_split(path, settings, now());
        let error = write(folder.path(), &settings()).unwrap_err();
        assert!(matches!(error.kind(), JobErrorKind::Exists));
        let path = folder.path().join("p");
        let error = write(&path, &Settings::new(Kind::Plan)).unwrap_err();
        assert!(matches!(error.kind(), JobErrorKind::NoLanes));
        assert!(!path.exists());
    }
}
