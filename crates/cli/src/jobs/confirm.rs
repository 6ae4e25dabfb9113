//! Nothing is cancelled at fleet scale before somebody has said which fleet.

use std::io::{self, BufRead, IsTerminal};

use countermand_fleet::Outline;
use countermand_fleet::job::{Contents, JobError, Kind};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// What has to be typed for a job: `LC01abcd89:5000` for each enterprise of a plan, the enterprise
/// alone for a rescue, whose number nobody knows yet.
pub(crate) fn phrases(job: &Contents) -> Result<Vec<String>, JobError> {
    if job.settings().kind == Kind::Rescue {
        let searched = job.settings().enterprises.iter();
        let mut names: Vec<_> = searched.map(|name| name.enterprise().to_owned()).collect();
        for device in job.devices() {
            let enterprise = device?.name.enterprise();
            names.push(enterprise.enterprise().to_owned());
        }
        names.sort();
        names.dedup();
        return Ok(names);
    }
    let enterprises = Outline::of(job)?.enterprises;
    let phrases = enterprises.iter();
    let phrases = phrases.map(|(name, count)| format!("{}:{count}", name.enterprise()));
    Ok(phrases.collect())
}

/// The option that says so, for a command line.
pub(crate) fn option(phrases: &[String]) -> String {
    let options = phrases.iter().map(|phrase| format!(" --confirm {phrase}"));
    options.collect()
}

/// Asks, unless the command line says it already.
pub(crate) fn ask(what: &str, phrases: &[String], given: &[String]) -> Result<(), Failure> {
    let refuse = |problem: String| {
        Err(Failure::new(
            Exit::Refused,
            format!(
                "{problem}; nothing was sent. To confirm:{}",
                option(phrases)
            ),
        ))
    };
    if phrases.is_empty() {
        // A rescue that was killed before it wrote down which devices to search.
        let text = format!(
            "{what} is about nothing: it was stopped before it began; nothing was sent: begin it again"
        );
        return Err(Failure::new(Exit::Refused, text));
    }
    if !given.is_empty() {
        let mut given: Vec<&str> = given.iter().map(|phrase| bare(phrase)).collect();
        given.sort_unstable();
        given.dedup();
        return match given == phrases {
            true => Ok(()),
            false => refuse(format!("--confirm does not say what {what} is about")),
        };
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return refuse(format!(
            "{what} is not confirmed, and there is no terminal to ask at"
        ));
    }
    for phrase in phrases {
        output::note(&format!("To go on with {what}, type {phrase}"));
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        if read.is_err() || bare(line.trim()) != phrase {
            return refuse("that was not it".to_owned());
        }
    }
    Ok(())
}

/// `enterprises/LC01:7` is as good as `LC01:7`.
fn bare(phrase: &str) -> &str {
    phrase.strip_prefix("enterprises/").unwrap_or(phrase)
}
