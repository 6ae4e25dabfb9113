//! `countermand report`.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use countermand_fleet::report::{self, ReportError};

use super::open;
use crate::again::Way;
use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Export {
    /// The job file
    #[arg(value_name = "FILE")]
    job: PathBuf,
    /// Where to; `-` is standard output, as is no --output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// In which form; by default what the ending of --output says; NDJSON without an ending
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

impl From<Form> for report::Form {
    fn from(form: Form) -> Self {
        match form {
            Form::Ndjson => Self::Ndjson,
            Form::Csv => Self::Csv,
            Form::Html => Self::Html,
        }
    }
}

pub(crate) fn run(global: &Global, options: &Export) -> Result<Exit, Failure> {
    let output = options.output.as_deref();
    let named = output.and_then(report::Form::of);
    let path = output.filter(|path| !is_stdout(path));
    let form = match (options.format.map(Into::into).or(named), path) {
        (Some(form), _) => form,
        (None, Some(path)) if path.extension().is_some() => return Err(unknown_form(path)),
        (None, _) => report::Form::Ndjson,
    };
    let view = open::view(&options.job)?;
    // A report is read in another folder than it was made in.
    let mut way = Way::of(global);
    way.elsewhere = true;
    let resume = Some(
        way.apply(view.path(), &view)
            .map_err(|error| open::failure(&error))?,
    );
    let written = match path {
        Some(path) => form.save(path, &view, resume),
        None => form.write(BufWriter::new(io::stdout().lock()), &view, resume),
    };
    match written {
        Ok(_) => {}
        // A reader that has read enough is no failure.
        Err(ReportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(ReportError::Rows(error)) => return Err(open::failure(&error)),
        Err(ReportError::Write(error)) => return Err(unwritten(path, &error)),
        Err(error) => {
            let text = countermand_core::chain(&error);
            return Err(Failure::new(Exit::Failed, text));
        }
    }
    if let Some(path) = path {
        let path = countermand_core::shown_path(path);
        output::note(&format!("the report is in {path}"));
    }
    Ok(Exit::Done)
}

/// `-` as everywhere else, and what names the same: standard output may be a file.
fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
        .map(Path::new)
        .contains(&path)
}

/// A report that is named like another thing would be taken for it.
fn unknown_form(path: &Path) -> Failure {
    let words = Form::value_variants().iter();
    let words = words.filter_map(ValueEnum::to_possible_value);
    let words: Vec<String> = words.map(|word| word.get_name().to_owned()).collect();
    Failure::usage(format!(
        "the ending of --output {} is that of no report: expected .html, .csv or .ndjson, or --format {}",
        countermand_core::shown_path(path),
        words.join(", ")
    ))
}

fn unwritten(path: Option<&Path>, error: &io::Error) -> Failure {
    let Some(path) = path else {
        let text = format!("cannot write to standard output: {error}");
        return Failure::new(Exit::Failed, text);
    };
    let text = countermand_core::path_problem("cannot write", path, error);
    match error.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::NotConnected => Failure::usage(text),
        _ => Failure::new(Exit::Failed, text),
    }
}
