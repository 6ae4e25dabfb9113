//! Where operations come from: enterprises and devices that are searched, and names that somebody
//! has.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use countermand_core::{Endpoint, GrandparentName, NameError, ParentName, Resource, chain};
use countermand_fleet::FoundOperation;
use countermand_fleet::input::{self, Evidence, Format, LeftOut, Refusals};
use tokio::task::spawn_blocking;

use crate::args::Global;
use crate::commands::input::no_names;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::output::summary::counted;
use crate::signals::Signals;

/// What is named, and what is to be searched.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) enterprises: Vec<GrandparentName>,
    pub(crate) devices: Vec<ParentName>,
    /// Names that were given, with what came with them.
    pub(crate) given: Vec<(FoundOperation, Option<Evidence>)>,
    /// Parts of the inputs that are neither names nor mistakes.
    pub(crate) left_out: LeftOut,
    /// Bad names that were left out.
    pub(crate) refused: u64,
    /// The endpoint that URLs of names have to be of.
    pub(crate) endpoint: Endpoint,
}

/// The names as typed.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// Names, and `-`.
    pub(crate) names: Vec<OsString>,
    /// Files of names.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) format: Option<Format>,
    /// Leaves bad names out.
    pub(crate) skip_invalid: bool,
}

impl Given {
    /// Names alone.
    pub(crate) fn names(names: Vec<OsString>) -> Self {
        Self {
            names,
            ..Self::default()
        }
    }
}

impl Sources {
    /// Sorts out what was typed: names of all three kinds, and `-` for standard input. Reads on a thread of
    /// its own, so that a signal ends the waiting for a terminal or a slow pipe.
    pub(crate) async fn read(
        given: Given,
        global: &Global,
        report: Report,
        signals: &mut Signals,
    ) -> Result<(Report, Self), Failure> {
        let endpoint = global.endpoint.clone().unwrap_or_default();
        let skip_invalid = given.skip_invalid;
        let reading = spawn_blocking(move || {
            let sources = Self::read_all(&given, endpoint, &report);
            (report, sources)
        });
        let read = tokio::select! {
            read = reading => read,
            exit = signals.next() => return Err(Failure::new(exit, "stopped; nothing was sent")),
        };
        let (report, sources) =
            read.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        let sources = sources?;
        match sources.refused {
            bad @ 1.. if !skip_invalid => {
                let names = counted(bad, "bad name");
                Err(Failure::usage(format!("{names}; nothing was sent")))
            }
            _ => Ok((report, sources)),
        }
    }

    /// The same; bad names are counted and left out. An input that cannot be read to its end is refused all
    /// the same.
    fn read_all(given: &Given, endpoint: Endpoint, report: &Report) -> Result<Self, Failure> {
        let Given {
            names,
            files,
            format,
            ..
        } = given;
        let format = *format;
        let mut sources = Self {
            endpoint,
            ..Self::default()
        };
        for (number, word) in (1..).zip(names) {
            if word == "-" {
                sources.take("standard input", io::stdin().lock(), format, report)?;
                continue;
            }
            let text = word.to_string_lossy();
            if let Err(error) = sources.name(&text) {
                report.output.note(&format!("name {number}: {error}"));
                sources.refused += 1;
            }
        }
        for path in files {
            let file = File::open(path).map_err(|error| {
                Failure::usage(countermand_core::path_problem("cannot read", path, error))
            })?;
            sources.take(&countermand_core::shown_path(path), file, format, report)?;
        }
        Ok(sources)
    }

    /// A name of any kind.
    fn name(&mut self, text: &str) -> Result<(), NameError> {
        match self.endpoint.parse_given_resource(text)? {
            Resource::Grandparent(name) => self.enterprises.push(name),
            Resource::Parent(name) => self.devices.push(name),
            Resource::Operation(name) => self.given.push((FoundOperation::new(name), None)),
        }
        Ok(())
    }

    /// Names in any form they have.
    fn take(
        &mut self,
        whence: &str,
        reader: impl io::Read,
        format: Option<Format>,
        report: &Report,
    ) -> Result<(), Failure> {
        let mut refusals = Refusals::default();
        let mut broken = false;
        let mut names = 0_u64;
        let mut entries = input::read(reader, format).endpoint(self.endpoint.clone());
        for entry in &mut entries {
            match entry {
                Ok(entry) => {
                    names += 1;
                    self.given.push((entry.item, entry.evidence));
                }
                Err(error) => {
                    broken |= error.ends_input();
                    if refusals.add(&error.problem) {
                        let problem = chain(&error);
                        report.output.note(&format!("{whence}, {problem}"));
                    }
                }
            }
        }
        let left_out = entries.left_out();
        for sentence in refusals.more().chain(left_out.sentences()) {
            report.output.note(&format!("{whence}: {sentence}"));
        }
        self.left_out.append(left_out);
        self.refused += refusals.count();
        match broken {
            true => Err(Failure::usage(format!(
                "{whence} was not read to its end; nothing was sent"
            ))),
            // A writer that has failed must not look like success.
            false if names == 0 && refusals.count() == 0 => Err(no_names(whence)),
            false => Ok(()),
        }
    }

    /// Whether anything has to be searched.
    pub(crate) fn search(&self) -> bool {
        !(self.enterprises.is_empty() && self.devices.is_empty())
    }
}
