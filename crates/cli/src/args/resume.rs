//! The command that goes on where this one stopped.

use std::ffi::{OsStr, OsString};
use std::path::{self, Path, PathBuf};

use countermand_core::OperationName;
use countermand_core::text::looks_secret;
use countermand_fleet::store::{Contents, JobError};
use countermand_fleet::{Options, Profile, Resume, now, quoted, service_option};

use crate::args::{Access, Global};

/// With more names than this, the command as it was typed is shorter and does the same: what is
/// cancelled already is only confirmed.
const MOST: usize = 10;

/// Stands for a text that is not repeated.
const HIDDEN: &str = "'...'";

/// The options of this run that a command to go on with a job needs: those for the way to the
/// server, and for the access. The environment is not among them: that of the shell stays as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    pub(crate) global: &'a Global,
    pub(crate) in_flight: usize,
    /// The command may be run from another folder: paths are whole.
    pub(crate) elsewhere: bool,
}

impl<'a> Way<'a> {
    /// Of the same folder, with as many requests under way as usual.
    pub(crate) fn of(global: &'a Global) -> Self {
        Self {
            global,
            in_flight: Options::default().in_flight,
            elsewhere: false,
        }
    }

    /// The command that goes on with a job, if there is something to go on with.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn resume(&self, job: &Contents) -> Result<Option<String>, JobError> {
        Ok(Resume::of(job, now())?.map(|resume| self.command(job, resume)))
    }

    /// The command that applies a job.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn apply(&self, job: &Contents) -> Result<String, JobError> {
        Resume::apply(job).map(|resume| self.command(job, resume))
    }

    /// The command that finds operations, without a name.
    pub(crate) fn find(&self) -> String {
        let mut words = vec!["countermand find --names-only".to_owned()];
        let endpoint = self.global.endpoint.as_ref().map(ToString::to_string);
        let endpoint = endpoint.as_ref().map(|url| shown(OsStr::new(url)));
        words.extend(endpoint.map(|url| format!("--endpoint {url}")));
        words.extend(service_option(self.global.meant));
        words.extend(self.options());
        words.join(" ")
    }

    fn command(&self, job: &Contents, mut resume: Resume) -> String {
        if self.elsewhere {
            resume = resume.from_anywhere();
        }
        let names_service = resume.words.iter().any(|word| word == "--service");
        let mut words = vec![resume.to_string()];
        let Global {
            profile,
            profile_word,
            endpoint,
            ..
        } = self.global;
        let lanes = !job.settings().has_one_lane();
        // A job with lanes names none: this is that of the lanes without their own.
        if !profile.lanes.is_empty()
            && let Some(endpoint) = endpoint
        {
            let endpoint = endpoint.to_string();
            words.push(format!("--endpoint {}", shown(OsStr::new(&endpoint))));
            // The endpoint is of one service, and a job of several names none.
            words.extend(service_option(self.global.meant).filter(|_| !names_service));
        }
        // One that the environment names, or that is the usual one, is another one elsewhere.
        let usual = lanes && profile_word.is_none() && !profile.lanes.is_empty();
        words.extend(usual.then(|| {
            let path = self.place(&profile.path);
            format!("--profile {}", shown(path.as_os_str()))
        }));
        words.extend(self.options());
        if lanes && profile_word.is_none() && profile.lanes.is_empty() {
            words.push(
                "--profile FILE # with the profile that names its lanes in place of FILE"
                    .to_owned(),
            );
        }
        words.join(" ")
    }

    /// The options that were given, as a shell reads them.
    fn options(&self) -> Vec<String> {
        // Each of them, so that a new option is not forgotten.
        let Global {
            // The job's own is named.
            endpoint: _,
            // That of a job is named, and a full name tells its own.
            service: _,
            service_file,
            profile_word,
            // It says nothing that the options do not say.
            profile: _,
            scope,
            meant: _,
            token_file,
            access,
            ca_file,
            proxy_from_env,
            allow_plaintext,
            json,
            verbose,
            brief: _,
            typed: _,
        } = self.global;
        let Access {
            credentials,
            token_command,
            impersonate_service_account,
            subject,
            quota_project,
        } = access;
        let mut words = Vec::new();
        let mut add = |option: &str, value: String| words.push(format!("{option} {value}"));
        for (option, path) in [
            ("--service-file", service_file),
            ("--token-file", token_file),
            ("--credentials", credentials),
            ("--ca-file", ca_file),
        ] {
            if let Some(path) = path {
                add(option, shown(self.place(path).as_os_str()));
            }
        }
        if let Some(word) = profile_word {
            let word = match Profile::is_file(word) {
                true => self.place(Path::new(word)).into_os_string(),
                false => word.clone(),
            };
            add("--profile", shown(&word));
        }
        for (option, value) in [
            ("--scope", scope),
            ("--impersonate-service-account", impersonate_service_account),
            ("--subject", subject),
            ("--quota-project", quota_project),
        ] {
            if let Some(value) = value {
                add(option, shown(OsStr::new(value)));
            }
        }
        if self.in_flight != Options::default().in_flight {
            add("--in-flight", self.in_flight.to_string());
        }
        let flags = [
            ("--proxy-from-env", proxy_from_env),
            ("--allow-plaintext", allow_plaintext),
            ("--json", json),
        ];
        let given = flags.into_iter().filter(|(_, given)| **given);
        words.extend(given.map(|(flag, _)| flag.to_owned()));
        if *verbose > 0 {
            words.push(format!("-{}", "v".repeat((*verbose).into())));
        }
        if token_command.is_some() {
            words.push(format!("--token-command {HIDDEN}"));
            words.push(COMMAND.to_owned());
        }
        words
    }

    fn place(&self, path: &Path) -> PathBuf {
        match self.elsewhere && path.as_os_str() != "-" {
            true => path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            false => path.to_owned(),
        }
    }
}

/// A remark for the shell, and for people.
const COMMAND: &str = "# with your --token-command in place of '...'";

/// The command line of this run, to be run again.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// Without the program's name.
    pub(crate) args: Vec<OsString>,
    /// Those of the arguments that are names.
    pub(crate) names: Vec<OsString>,
}

impl Invocation {
    pub(crate) fn of(global: &Global, names: Vec<OsString>) -> Self {
        let mut args = global.typed.clone();
        // The endpoint of the environment is named as well: another shell has another one.
        let typed = args
            .iter()
            .any(|arg| arg.to_string_lossy().starts_with("--endpoint"));
        if let (Some(endpoint), false) = (&global.endpoint, typed) {
            args.extend(["--endpoint".into(), endpoint.to_string().into()]);
        }
        Self { args, names }
    }

    /// The same command, for these names.
    pub(crate) fn for_names(&self, names: &[OperationName]) -> String {
        if names.len() <= MOST {
            let own = names.iter().map(|name| quoted(OsStr::new(name.as_str())));
            return self.with(|_| false, own);
        }
        let input = self.names.iter().any(|name| name == "-");
        let remark = input.then(|| "# with the same standard input".to_owned());
        self.with(|_| true, remark)
    }

    /// The same command, with a file behind `words` in place of its name.
    pub(crate) fn for_file(&self, words: &str, file: &OsStr) -> String {
        let stdin = words.starts_with("- ");
        let words = format!("{words} {}", quoted(file));
        self.with(|name| !stdin && name != file, [words])
    }

    /// The command with those of its names that are kept, and with more words.
    fn with(
        &self,
        keep: impl Fn(&OsStr) -> bool,
        more: impl IntoIterator<Item = String>,
    ) -> String {
        let mut words = vec!["countermand".to_owned()];
        let (mut hide, mut hidden) = (false, false);
        for arg in &self.args {
            // A command that prints a token may hold a secret of its own.
            if std::mem::take(&mut hide) {
                words.push(HIDDEN.to_owned());
            } else if !self.names.contains(arg) || keep(arg) {
                hide = arg == "--token-command";
                hidden |= arg.to_string_lossy().starts_with("--token-command");
                words.push(shown(arg));
            }
        }
        words.extend(more);
        words.extend(hidden.then(|| COMMAND.to_owned()));
        words.join(" ")
    }
}

/// An argument as it was typed, without parts that may be a secret.
fn shown(arg: &OsStr) -> String {
    let text = arg.to_string_lossy();
    if text.starts_with("--token-command=") {
        return format!("--token-command={HIDDEN}");
    }
    match looks_secret(&text) {
        Some(_) => HIDDEN.to_owned(),
        None => quoted(arg),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(args: &[&str], names: &[&str]) -> Invocation {
        let own = |words: &[&str]| words.iter().map(OsString::from).collect();
        Invocation {
            args: own(args),
            names: own(names),
        }
    }

    fn name(id: usize) -> OperationName {
        let text = format!("enterprises/e/devices/d/operations/{id}");
        text.parse().expect("a name")
    }

    #[test]
    fn few_names_take_the_place_of_those_typed() {
        let typed = ["cancel", "--token-file", "my token", "-", "--json"];
        let again = invocation(&typed, &["-"]).for_names(&[name(7)]);
        assert_eq!(
            again,
            "countermand cancel --token-file 'my token' --json enterprises/e/devices/d/operations/7"
        );
    }

    #[test]
    fn fault_55_the_command_for_a_token_is_not_repeated() {
        for typed in [
            &["cancel", "--token-command", "print canary", "n"][..],
            &["cancel", "--token-command=print canary", "n"],
            &["cancel", "--credentials", "{\"canary\": 1}", "n"],
        ] {
            let again = invocation(typed, &["n"]).for_names(&[name(7)]);
            assert!(
                !again.contains("canary") && again.contains("'...'"),
                "{again}"
            );
        }
    }

    #[test]
    fn a_file_takes_the_place_of_its_name() {
        let typed = ["plan", "my names.txt", "-o", "my.job", "--token-file", "t"];
        assert_eq!(
            invocation(&typed, &["my names.txt"]).for_file("--from", OsStr::new("my names.txt")),
            "countermand plan -o my.job --token-file t --from 'my names.txt'"
        );
        assert_eq!(
            invocation(&["get", "a", "b.txt", "--json"], &["a", "b.txt"])
                .for_file("- <", OsStr::new("b.txt")),
            "countermand get --json - < b.txt"
        );
    }

    #[test]
    fn many_names_are_the_same_command() {
        let names: Vec<_> = (0..=MOST).map(name).collect();
        let again = invocation(&["cancel", "-"], &["-"]).for_names(&names);
        assert_eq!(again, "countermand cancel - # with the same standard input");
    }
}
