//! Names of operations, devices and enterprises: from the command line, standard input and files.
//!
//! All of them are read before anything is sent: one bad name among many refuses them all, unless
//! bad names are left out.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use countermand_core::text::{chain, looks_secret};
use countermand_core::{
    Call, Endpoint, GrandparentName, NameError, NameErrorKind, OperationName, ParentName, Resource,
    Service,
};
use countermand_fleet::input::{self, Evidence, Format, InputProblem, LeftOut, Mistakes, Others};
use countermand_fleet::{Filter, Lane, Meant, Target, counted, quoted};
use tokio::task::spawn_blocking;

use crate::args::Global;
use crate::args::resume::{Invocation, Way};
use crate::args::selection::unanswered;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::json::{Place, Refused};
use crate::output::results::Report;
use crate::signals::{NOTHING_SENT, Signals};

/// The names as typed, and which of them are accepted.
pub(crate) struct Given {
    /// Names, and `-` for standard input.
    pub(crate) names: Vec<OsString>,
    /// Files of names.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) format: Option<Format>,
    /// Leaves bad names out; `None` where there is no such option.
    pub(crate) skip_invalid: Option<bool>,
    /// Takes names of operations alone; `-` then stands alone as well.
    pub(crate) operations_only: bool,
    /// Takes names of several services, each of which has a lane.
    pub(crate) several: bool,
    /// Takes a name of both kinds as that of a resource to be searched.
    pub(crate) searched_only: bool,
    /// The words before a file of names, where the command takes one.
    pub(crate) from_file: Option<&'static str>,
    /// Tells of a bad name.
    pub(crate) refuse: fn(&Report, &Refused),
}

impl Given {
    /// Enterprises and devices to search.
    pub(crate) fn to_search(names: Vec<OsString>) -> Self {
        Self {
            names,
            files: Vec::new(),
            format: None,
            skip_invalid: None,
            several: false,
            operations_only: false,
            searched_only: false,
            from_file: None,
            refuse: Report::complain,
        }
    }

    /// Enterprises and devices to search, and nothing else.
    pub(crate) fn searched(names: Vec<OsString>) -> Self {
        Self {
            searched_only: true,
            ..Self::to_search(names)
        }
    }

    /// True if no name on the command line tells the service, nor a file that describes it.
    fn is_undecided(&self, global: &Global) -> bool {
        global.service_file.is_none() && self.names.iter().all(|name| name == "-")
    }

    /// Operations.
    pub(crate) fn operations(names: Vec<OsString>, refuse: fn(&Report, &Refused)) -> Self {
        Self {
            operations_only: true,
            from_file: Some("- <"),
            refuse,
            ..Self::to_search(names)
        }
    }
}

/// The names that were accepted, and those that were not.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) enterprises: Vec<GrandparentName>,
    pub(crate) devices: Vec<ParentName>,
    /// Operations, with the metadata that came with them.
    pub(crate) operations: Vec<(Target, Option<Evidence>)>,
    /// Parts of the inputs that are neither names nor mistakes.
    pub(crate) left_out: LeftOut,
    /// Bad names that were left out.
    pub(crate) refused: u64,
    /// Names of other services among them.
    of_others: u64,
    /// The endpoint that URLs of names have to be of.
    pub(crate) endpoint: Endpoint,
    /// Other services whose names are taken.
    others: Others,
}

impl Names {
    /// Reads on a thread of its own, so that a signal ends the waiting for a terminal or a slow pipe. The
    /// report comes back with the names.
    pub(crate) async fn read(
        given: Given,
        global: &Global,
        report: Report,
        signals: &mut Signals,
    ) -> Result<(Report, Self), Failure> {
        let endpoint = global.place();
        let others = match given.several {
            true => others(global, &endpoint)?,
            false => Others::None,
        };
        let skip_invalid = given.skip_invalid;
        let invocation = Invocation::of(global, given.names.clone());
        let global = global.clone();
        let reading = spawn_blocking(move || {
            let reader = Reader {
                undecided: given.is_undecided(&global),
                given: &given,
                invocation,
                global,
                refuse: &mut |refused| (given.refuse)(&report, refused),
                note: &|text| report.output.note(text),
                names: Self {
                    endpoint,
                    others,
                    ..Self::default()
                },
            };
            let names = reader.all();
            (report, names)
        });
        let read = signals.unless(reading, NOTHING_SENT).await?;
        let (report, names) =
            read.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        let problem = match names {
            Ok(names) if names.refused == 0 || skip_invalid == Some(true) => {
                return Ok((report, names));
            }
            Ok(names) => {
                let bad = counted(names.refused, "bad name");
                let mut hints = Vec::new();
                if names.of_others > 0 {
                    hints.push(
                        "names of another service need a command of their own, with --service",
                    );
                }
                if skip_invalid.is_some() && names.of_others < names.refused {
                    hints.push("--skip-invalid leaves bad names out");
                }
                let hint = match hints.join("; ") {
                    hint if hint.is_empty() => hint,
                    hint => format!(" ({hint})"),
                };
                Failure::usage(format!("{bad}; nothing was sent{hint}"))
            }
            Err(problem) => problem,
        };
        // Bad names may have lines of their own.
        signals.unless(report.output.finish(), NOTHING_SENT).await?;
        Err(problem)
    }

    /// The endpoint of the service that a text tells, if its names are taken, else that of the command.
    pub(crate) fn at(&self, text: &str) -> Endpoint {
        let is_own = self.endpoint.parse_given_resource(text).is_ok();
        let told = (!is_own).then(|| self.others.told(text)).flatten();
        told.unwrap_or_else(|| self.endpoint.clone())
    }

    /// The names of the operations, each once and in the order given, and how many came again.
    pub(crate) fn each_once(&self) -> (Vec<OperationName>, u64) {
        let mut seen = HashSet::new();
        let names = self.operations.iter().map(|(target, _)| &target.name);
        let names: Vec<_> = names.filter(|name| seen.insert(*name)).cloned().collect();
        let duplicates = self.operations.len() - names.len();
        (names, duplicates as u64)
    }

    /// Refuses a filter that cannot be answered of these names, because it would be ignored, and what it may exclude by
    /// another spelling of a name.
    pub(crate) fn check(&self, filter: &Filter) -> Result<(), Failure> {
        if filter.server_side.is_some() && !self.operations.is_empty() {
            let problem = "--filter is for the lists of a search, and operations were given by name; nothing was sent";
            return Err(Failure::usage(problem));
        }
        let given = self.operations.iter();
        let above = self.enterprises.iter().map(|name| filter.check_name(name));
        let parents = self.devices.iter().map(|name| filter.check_name(name));
        let given = given.map(|(target, _)| filter.check_name(&target.name));
        let checked: Result<(), _> = above.chain(parents).chain(given).collect();
        checked.map_err(|error| unanswered(&error))?;
        let operations = self.operations.iter();
        let operations = operations.map(|(target, _)| target.name.as_str());
        let enterprises = self.enterprises.iter().map(GrandparentName::as_str);
        let devices = self.devices.iter().map(ParentName::as_str);
        let checked = filter.check_excluded(enterprises.chain(devices).chain(operations));
        checked.map_err(|error| Failure::usage(format!("--exclude: {error}; nothing was sent")))?;
        let left = filter.check_search(&self.enterprises, &self.devices);
        left.map_err(|error| Failure::usage(format!("--exclude: {error}")))
    }

    /// The options, of the service that the names told.
    pub(crate) fn of_service(&self, global: &Global) -> Global {
        let service = self.endpoint.service();
        let endpoint = global.endpoint.clone();
        Global {
            meant: service,
            endpoint: endpoint.map(|endpoint| endpoint.of_service(service)),
            ..global.clone()
        }
    }

    fn count(&mut self, problem: &InputProblem) {
        self.of_others += u64::from(problem.is_of_other_service());
    }

    /// The names as those of a job.
    pub(crate) fn meant(&self) -> Meant<'_> {
        let operations = self.operations.iter();
        Meant {
            operations: operations.map(|(target, _)| &target.name).collect(),
            parents: &self.devices,
            grandparents: &self.enterprises,
        }
    }

    /// Something has to be searched.
    pub(crate) fn search(&self) -> bool {
        !(self.enterprises.is_empty() && self.devices.is_empty())
    }
}

/// The other services whose names a job may have: those of the lanes of a profile that has any, else all, each of which gets a
/// lane at its own server. An endpoint that is not Google's serves one.
fn others(global: &Global, endpoint: &Endpoint) -> Result<Others, Failure> {
    let lanes = connect::lanes(global, endpoint)?;
    if global.profile.lanes.is_empty() {
        return Ok(match countermand_fleet::serves_one(endpoint) {
            true => Others::None,
            false => Others::Any,
        });
    }
    let place = |lane: Lane| {
        let endpoint = lane.endpoint.parse::<Endpoint>().ok()?;
        Some(endpoint.of_service(lane.service))
    };
    let mut places = Vec::new();
    for place in lanes.into_iter().filter_map(place) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(Others::At(places))
}

/// Reads the inputs one after the other.
struct Reader<'a> {
    given: &'a Given,
    invocation: Invocation,
    global: Global,
    /// The first name of a file or of standard input tells the service.
    undecided: bool,
    refuse: &'a mut dyn FnMut(&Refused),
    note: &'a dyn Fn(&str),
    names: Names,
}

impl Reader<'_> {
    /// The command that finds operations, without a name.
    fn find(&self) -> String {
        Way::of(&self.names.of_service(&self.global)).find()
    }

    /// Bad names are counted and left out. An input that cannot be read to its end is refused all the same.
    fn all(mut self) -> Result<Names, Failure> {
        let Given { names, files, .. } = self.given;
        let single = names.len() + files.len() == 1;
        for (number, word) in (1..).zip(names) {
            if word == "-" && (single || !self.given.operations_only) {
                self.stream("standard input", None, io::stdin().lock())?;
            } else {
                self.argument(number, word);
            }
        }
        for path in files {
            if path.as_os_str() == "-" {
                let text = "standard input is the argument `-`, without --from; nothing was sent";
                return Err(Failure::usage(text));
            }
            let file = File::open(path).map_err(|error| {
                Failure::usage(countermand_core::text::path_problem(
                    "cannot read",
                    path,
                    error,
                ))
            })?;
            self.stream(&countermand_core::text::shown_path(path), Some(path), file)?;
        }
        Ok(self.names)
    }

    /// A name on the command line.
    fn argument(&mut self, number: u64, word: &OsStr) {
        let text = word.as_encoded_bytes();
        let problem = match self.parse(word) {
            Ok(()) => return,
            Err(_) if word == "-" => {
                "`-` reads names from standard input and stands alone".to_owned()
            }
            Err(problem) => problem + &self.of_file(word).unwrap_or_default(),
        };
        self.refuse(&Refused {
            place: Place::Argument(number),
            text: input::as_given(text),
            problem,
            shown: true,
        });
    }

    /// The way to read a file of names, if that is what was typed in place of one.
    fn of_file(&self, word: &OsStr) -> Option<String> {
        let text = word.to_str().filter(|text| looks_secret(text).is_none())?;
        let extensions = ["txt", "csv", "tsv", "json", "jsonl", "ndjson"];
        let extension = Path::new(text).extension().and_then(OsStr::to_str);
        let named = extension.is_some_and(|extension| extensions.contains(&extension));
        if is_database(Path::new(text)) {
            let commands = "apply, status and report";
            return Some(format!(
                "; it is a job file or another database: {commands} take job files"
            ));
        }
        (named || Path::new(text).is_file()).then(|| match self.given.from_file {
            Some(words) => {
                let command = self.invocation.for_file(words, word);
                format!("; for the names in a file: {command}")
            }
            None => "; a file of operations is for `plan`, with --from".to_owned(),
        })
    }

    fn parse(&mut self, word: &OsStr) -> Result<(), String> {
        if self.given.operations_only {
            let parsed = input::parse_name(word.as_encoded_bytes(), &self.names.endpoint);
            let name = parsed.map_err(|problem| {
                let found = match &problem {
                    InputProblem::Name(error) => is_searched(error),
                    _ => None,
                };
                let found = found.map(|_| {
                    let (find, name) = (self.find(), quoted(word));
                    format!("; for the operations there: {find} {name}")
                });
                self.names.count(&problem);
                told(&problem) + &found.unwrap_or_default()
            })?;
            self.names.operations.push((Target::new(name), None));
            return Ok(());
        }
        let names = &mut self.names;
        let text = word.to_string_lossy();
        let endpoint = names.at(&text);
        let name = match self.given.searched_only {
            true => endpoint.parse_given_searched(&text),
            false => endpoint.parse_given_resource(&text),
        };
        let listed = |checked: Result<(), NameError>| checked.map_err(|error| error.to_string());
        let name = name.map_err(|error| {
            let problem = InputProblem::Name(error);
            names.count(&problem);
            told(&problem)
        })?;
        match name {
            Resource::Grandparent(name) => {
                listed(name.check_method(Call::ListParents))?;
                names.enterprises.push(name);
            }
            Resource::Parent(name) => {
                listed(name.check_method(Call::ListOperations))?;
                names.devices.push(name);
            }
            Resource::Operation(name) => {
                if !self.given.searched_only && name.as_parent().is_some() {
                    let relative = quoted(OsStr::new(name.relative()));
                    (self.note)(&format!(
                        "{relative} is taken itself; for the operations below it: {} {relative}",
                        self.find()
                    ));
                }
                self.names.operations.push((Target::new(name), None));
            }
        }
        Ok(())
    }

    fn refuse(&mut self, refused: &Refused) {
        self.names.refused += 1;
        (self.refuse)(refused);
    }

    /// Names in any form they have.
    fn stream(
        &mut self,
        whence: &str,
        file: Option<&Path>,
        reader: impl Read,
    ) -> Result<(), Failure> {
        // If there may be several inputs, each sentence says which one it is about.
        let (within, before) = match self.given.operations_only {
            true => (None, String::new()),
            false => (Some(whence), format!("{whence}: ")),
        };
        let mut mistakes = Mistakes::default();
        let (mut broken, mut names, mut searched) = (None, 0_u64, None);
        let mut entries =
            input::read(reader, self.given.format).endpoint(self.names.endpoint.clone());
        entries = entries.others(self.names.others.clone());
        if self.undecided {
            entries = entries.of_any_service(self.global.service.clone());
        }
        for entry in &mut entries {
            match entry {
                Ok(entry) => {
                    names += 1;
                    self.names.operations.push((entry.target, entry.evidence));
                }
                Err(error) => {
                    if error.ends_input() {
                        broken = Some(match &error.problem {
                            InputProblem::Read(io) => Exit::of_path(io.kind()),
                            _ => Exit::Usage,
                        });
                    }
                    if let InputProblem::Name(name) = &error.problem {
                        searched = searched.or(is_searched(name));
                    }
                    let shown = mistakes.add(&error.problem);
                    self.names.count(&error.problem);
                    self.refuse(&Refused {
                        place: Place::Line(within.map(str::to_owned), error.line),
                        problem: told(&error.problem),
                        text: error.given.unwrap_or_default(),
                        shown,
                    });
                }
            }
        }
        self.undecided = entries.is_undecided();
        self.names.endpoint = entries.names_endpoint().clone();
        let left_out = entries.left_out();
        for sentence in mistakes.more().chain(left_out.sentences()) {
            (self.note)(&format!("{before}{sentence}"));
        }
        let lines = input::searched(self.names.endpoint.service());
        let own = self.names.endpoint.service().patterns.iter();
        let mut own = own
            .flat_map(|pattern| pattern.levels)
            .map(|level| level.noun);
        let searched = searched.filter(|noun| own.any(|own| own == *noun));
        if let Some((noun, lines)) = searched.zip(lines) {
            let find = self.find();
            let from = file.map(|file| format!(" < {}", quoted(file.as_os_str())));
            let from = from.unwrap_or_default();
            // Neither comments nor names of another kind.
            (self.note)(&format!(
                "{before}for the operations of each {noun}: {lines}{from} | xargs {find}"
            ));
        }
        self.names.left_out.append(left_out);
        match broken {
            Some(exit) => {
                let text = format!("{whence} was not read to its end; nothing was sent");
                Err(Failure::new(exit, text))
            }
            // A writer that has failed must not look like success.
            None if names == 0 && mistakes.count() == 0 => Err(Failure::usage(format!(
                "no names of operations were found in {whence}; nothing was sent"
            ))),
            None => Ok(()),
        }
    }
}

/// The resources of a service that a search takes, as `enterprises and devices`.
pub(crate) fn searched(service: &Service) -> String {
    let [first, second] = [2, 1].map(|up| service.level_above(up).collection);
    match service.lists_parents {
        true => format!("{first} and {second}"),
        false => second.to_owned(),
    }
}

/// True for an SQLite database, as a job file is.
fn is_database(path: &Path) -> bool {
    let mut head = [0; 16];
    // What is no file may be a pipe that nothing writes to.
    let read = path.is_file()
        && File::open(path)
            .and_then(|mut it| it.read_exact(&mut head))
            .is_ok();
    read && head == *b"SQLite format 3\0"
}

/// A problem of a name, and the option for a name of another service.
pub(crate) fn told(problem: &InputProblem) -> String {
    let option = match problem.is_of_other_service() {
        true => " (--service NAME)",
        false => "",
    };
    chain(problem) + option
}

/// The noun of what has operations and is none, if the refused text names that.
fn is_searched(error: &NameError) -> Option<&'static str> {
    match error.kind() {
        NameErrorKind::Other(level) => Some(level.noun),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;
    use countermand_core::MAX_NAME_BYTES;

    const NAME: &str = "enterprises/e/devices/d/operations/o";

    fn reader<T>(given: &[&str], read: impl FnOnce(Reader<'_>) -> T) -> (T, Vec<Refused>) {
        let mut refused = Vec::new();
        let names = given.iter().map(OsString::from).collect::<Vec<_>>();
        let reader = Reader {
            invocation: Invocation {
                args: Vec::new(),
                names: names.clone(),
            },
            global: Args::parse_from(["countermand", "services"]).global,
            undecided: false,
            given: &Given::operations(names, Report::complain),
            refuse: &mut |one| refused.push(one.clone()),
            note: &|_| {},
            names: Names::default(),
        };
        (read(reader), refused)
    }

    fn read(input: &[u8]) -> (Names, Vec<Refused>) {
        // A small buffer, so that lines cross its ends.
        let input = io::BufReader::with_capacity(7, input);
        let (names, refused) = reader(&["-"], |mut reader| {
            let read = reader.stream("memory", None, input);
            assert_eq!(read.is_err(), reader.names.operations.is_empty());
            reader.names
        });
        assert_eq!(names.refused, refused.len() as u64);
        (names, refused)
    }

    #[test]
    fn comments_blank_lines_and_line_ends() {
        let input = format!("# wipes\n\n  \t\n{NAME}1\r\n{NAME}2\n{NAME}1\n\r\n{NAME}3");
        let (names, refused) = read(input.as_bytes());
        assert!(refused.is_empty(), "{refused:?}");
        let (names, duplicates) = names.each_once();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert_eq!(names, [1, 2, 3].map(|n| format!("{NAME}{n}")));
        assert_eq!(duplicates, 1);
    }

    #[test]
    fn bad_lines_are_named_by_number() {
        let input = [
            NAME.as_bytes(),
            b"\nenterprises/\xff\n\n",
            NAME.as_bytes(),
            b"\r\r\n",
            b"x\0y\n",
            &[b'a'; 100_000],
            b"\n",
            "é".repeat(5000).as_bytes(),
            b"\n",
        ]
        .concat();
        let (names, refused) = read(&input);
        assert_eq!(names.operations.len(), 1);
        let places = refused.iter().map(|one| one.place.to_string());
        let lines = [2, 4, 5, 6, 7].map(|line| format!("line {line}"));
        assert_eq!(places.collect::<Vec<_>>(), lines);
        for (one, word) in refused.iter().zip([
            "not UTF-8 at byte 12",
            "U+000D",
            "U+0000",
            "longer than",
            "longer than",
        ]) {
            assert!(one.problem.contains(word), "{one:?}");
            assert!(one.text.len() <= 3 * (MAX_NAME_BYTES + 2), "cut");
        }
    }

    #[test]
    fn a_hyphen_stands_alone() {
        let (names, refused) = reader(&[NAME, "-"], |reader| reader.all());
        assert_eq!(names.expect("nothing is read").operations.len(), 1);
        assert!(refused[0].problem.contains("stands alone"));
        assert_eq!(refused[0].place, Place::Argument(2));
    }

    #[test]
    fn no_lines() {
        let (names, refused) = read(b"");
        assert!(names.operations.is_empty() && refused.is_empty());
    }
}
