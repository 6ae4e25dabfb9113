//! Where operations come from: enterprises and devices that are searched, and names that somebody
//! has.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use countermand_core::{DeviceName, EnterpriseName, NameError, OperationName, chain};
use countermand_fleet::Item;
use countermand_fleet::input::{self, Evidence, Format};

use crate::failure::Failure;
use crate::report::Report;

/// What is named, and what is to be searched.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) enterprises: Vec<EnterpriseName>,
    pub(crate) devices: Vec<DeviceName>,
    /// Names that were given, with what came with them.
    pub(crate) given: Vec<(Item, Option<Evidence>)>,
    /// Messages of other kinds that stood among them.
    pub(crate) skipped: u64,
}

impl Sources {
    /// Sorts out what was typed: names of all three kinds, and `-` for standard input.
    pub(crate) fn read(
        typed: &[OsString],
        files: &[PathBuf],
        format: Option<Format>,
        report: &Report,
    ) -> Result<Self, Failure> {
        let mut sources = Self::default();
        let mut bad = 0_u64;
        for (number, word) in (1..).zip(typed) {
            if word == "-" {
                bad += sources.take("standard input", io::stdin().lock(), format, report);
                continue;
            }
            let text = word.to_string_lossy();
            if let Err(error) = sources.name(&text) {
                report.output.note(&format!("name {number}: {error}"));
                bad += 1;
            }
        }
        for path in files {
            let file = File::open(path).map_err(|error| {
                Failure::usage(format!("cannot read {}: {error}", path.display()))
            })?;
            bad += sources.take(&path.display().to_string(), file, format, report);
        }
        if bad > 0 {
            let names = crate::summary::counted(bad, "bad name");
            return Err(Failure::usage(format!("{names}; nothing was sent")));
        }
        Ok(sources)
    }

    /// A name of any kind.
    fn name(&mut self, text: &str) -> Result<(), NameError> {
        let collections = text.split('/').count();
        if collections <= 2 {
            self.enterprises.push(text.parse()?);
        } else if collections <= 4 {
            self.devices.push(text.parse()?);
        } else {
            let name: OperationName = text.parse()?;
            self.given.push((Item::new(name), None));
        }
        Ok(())
    }

    /// Names in any form they have; how many of them were bad.
    fn take(
        &mut self,
        whence: &str,
        reader: impl io::Read,
        format: Option<Format>,
        report: &Report,
    ) -> u64 {
        let mut bad = 0;
        let mut entries = input::read(reader, format);
        for entry in &mut entries {
            match entry {
                Ok(entry) => self.given.push((entry.item, entry.evidence)),
                Err(error) => {
                    let problem = chain(&error);
                    report.output.note(&format!("{whence}: {problem}"));
                    bad += 1;
                }
            }
        }
        self.skipped += entries.other_messages();
        bad
    }

    /// Whether anything has to be searched.
    pub(crate) fn search(&self) -> bool {
        !(self.enterprises.is_empty() && self.devices.is_empty())
    }
}
