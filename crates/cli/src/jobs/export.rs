//! `countermand report`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use countermand_fleet::job::{JobError, View};
use countermand_fleet::now;
use countermand_fleet::report::{ReportError, Summary, csv, html, ndjson};

use super::confirm;
use super::open;
use crate::again::quoted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Export {
    /// The job file
    #[arg(value_name = "FILE")]
    job: PathBuf,
    /// Where to; standard output if not given
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// In which form; by default what the ending of --output says, else NDJSON
    #[arg(long, value_enum)]
    format: Option<Form>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Form {
    /// One JSON object a row
    Ndjson,
    /// A table for spreadsheets
    Csv,
    /// One page for people, which needs nothing but itself
    Html,
}

impl Form {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "html" | "htm" => Some(Self::Html),
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

pub(crate) fn run(options: &Export) -> Result<Exit, Failure> {
    let view = open::view(&options.job)?;
    let named = options.output.as_deref().and_then(Form::of);
    let form = options.format.or(named).unwrap_or(Form::Ndjson);
    match &options.output {
        Some(path) => {
            to_file(&view, form, path)?;
            output::note(&format!("the report is in {}", path.display()));
        }
        None => write(&view, form, BufWriter::new(io::stdout().lock()))?,
    }
    Ok(Exit::Done)
}

/// Writes it beside its place and moves it there when it is whole: half a report would read like one
/// with fewer operations.
fn to_file(view: &View, form: Form, path: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        let text = format!("cannot write {}: {error}", path.display());
        Failure::new(Exit::Failed, text)
    };
    if fs::canonicalize(path).is_ok_and(|path| fs::canonicalize(view.path()).ok() == Some(path)) {
        let text = format!("{} is the job file itself", path.display());
        return Err(Failure::usage(text));
    }
    // A pipe or a terminal is written as it is.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let file = File::options().write(true).open(path).map_err(failed)?;
        return write(view, form, BufWriter::new(file));
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let file = File::create(&part).map_err(failed)?;
    let written = write(view, form, BufWriter::new(&file));
    let moved = written.and_then(|()| {
        let moved = file.sync_all().and_then(|()| fs::rename(&part, path));
        moved.map_err(failed)
    });
    if moved.is_err() {
        // What is left of it is no use to anybody; that it stays is no second failure.
        let _ = fs::remove_file(&part);
    }
    moved
}

/// Writes it; a reader that has read enough is no failure.
pub(crate) fn write(view: &View, form: Form, mut out: impl Write) -> Result<(), Failure> {
    let failed = |error: JobError| open::failure(&error);
    let path = quoted(view.path().as_os_str());
    let phrases = confirm::phrases(view).map_err(failed)?;
    let resume = format!("countermand apply {path}{}", confirm::option(&phrases));
    let summary = Summary::of_job(view, now(), Some(resume)).map_err(failed)?;
    let written = match form {
        Form::Ndjson => ndjson(&mut out, &summary, view.rows()),
        Form::Csv => csv(&mut out, view.rows()),
        Form::Html => html(&mut out, &summary, || Ok(view.rows())),
    };
    match written {
        Ok(_) => {}
        Err(ReportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(ReportError::Rows(error)) => return Err(open::failure(&error)),
        Err(error) => {
            let text = countermand_core::chain(&error);
            return Err(Failure::new(Exit::Failed, text));
        }
    }
    Ok(())
}
