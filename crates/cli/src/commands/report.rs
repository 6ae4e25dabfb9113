//! `countermand report`.

use std::io::{self, BufWriter};
use std::path::Path;

use clap::ValueEnum;
use countermand_fleet::report::{self, Jobs, ReportError};

use crate::args::Global;
use crate::args::jobs::{Export, Form};
use crate::args::resume::Way;
use crate::commands::open;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

pub(crate) fn run(global: &Global, options: &Export) -> Result<Exit, Failure> {
    let output = options.output.as_deref();
    let named = output.and_then(report::Form::of);
    let path = output.filter(|path| !is_stdout(path));
    let form = match (options.format.map(Into::into).or(named), path) {
        (Some(form), _) => form,
        (None, Some(path)) if path.extension().is_some() => return Err(unknown_form(path)),
        (None, _) => report::Form::Ndjson,
    };
    let views = open::each(global, &options.jobs, open::view)?;
    // A report is read in another folder than it was made in.
    let mut way = Way::of(global);
    way.elsewhere = true;
    let parts = views.iter().map(|view| Ok((&**view, way.resume(view)?)));
    let parts = parts.collect::<Result<Vec<_>, _>>();
    let jobs = parts.and_then(Jobs::new);
    let jobs = jobs.map_err(|error| open::failure(&error))?;
    let written = match path {
        Some(path) => form.save(path, &jobs),
        None => form.write(BufWriter::new(io::stdout().lock()), &jobs),
    };
    match written {
        Ok(_) => {}
        // A reader that has read enough is no failure.
        Err(ReportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(ReportError::Rows(error)) => return Err(open::failure(&error)),
        Err(ReportError::Write(error)) => return Err(unwritten(path, &error)),
        Err(error) => {
            let text = countermand_core::text::chain(&error);
            return Err(Failure::new(Exit::Failed, text));
        }
    }
    if let Some(path) = path {
        let path = countermand_core::text::shown_path(path);
        streams::note(&format!("the report is in {path}"));
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
        countermand_core::text::shown_path(path),
        words.join(", ")
    ))
}

fn unwritten(path: Option<&Path>, error: &io::Error) -> Failure {
    let Some(path) = path else {
        let text = format!("cannot write to standard output: {error}");
        return Failure::new(Exit::of_path(error.kind()), text);
    };
    let text = countermand_core::text::path_problem("cannot write", path, error);
    Failure::new(Exit::of_path(error.kind()), text)
}
