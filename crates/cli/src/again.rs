//! The command that goes on where this one stopped.

use std::ffi::{OsStr, OsString};

use countermand_core::{OperationName, looks_secret};
pub(crate) use countermand_fleet::quoted;

/// With more names than this, the command as it was typed is shorter and does the same: what is
/// cancelled already is only confirmed.
const MOST: usize = 10;

/// The command line of this run, to be run again.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// Without the program's name.
    pub(crate) args: Vec<OsString>,
    /// Those of the arguments that are names.
    pub(crate) names: Vec<OsString>,
}

impl Invocation {
    /// The same command, for these names.
    pub(crate) fn for_names(&self, names: &[OperationName]) -> String {
        let few = names.len() <= MOST;
        let mut words = vec!["countermand".to_owned()];
        let mut hide = false;
        for arg in &self.args {
            // A command that prints a token may hold a secret of its own.
            if std::mem::take(&mut hide) {
                words.push("'...'".to_owned());
            } else if !few || !self.names.contains(arg) {
                hide = arg == "--token-command";
                words.push(shown(arg));
            }
        }
        if few {
            words.extend(names.iter().map(|name| quoted(OsStr::new(name.as_str()))));
        }
        if !few && self.names.iter().any(|name| name == "-") {
            words.push("# with the same standard input".to_owned());
        }
        words.join(" ")
    }
}

/// An argument as it was typed, without what may be a secret.
fn shown(arg: &OsStr) -> String {
    let text = arg.to_string_lossy();
    if text.starts_with("--token-command=") {
        return "--token-command='...'".to_owned();
    }
    match looks_secret(&text) {
        Some(_) => "'...'".to_owned(),
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
    fn many_names_are_the_same_command() {
        let names: Vec<_> = (0..=MOST).map(name).collect();
        let again = invocation(&["cancel", "-"], &["-"]).for_names(&names);
        assert_eq!(again, "countermand cancel - # with the same standard input");
    }
}
