//! The command that goes on where this one stopped.

use std::ffi::{OsStr, OsString};

use countermand_core::OperationName;
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
        let typed = self
            .args
            .iter()
            .filter(|arg| !few || !self.names.contains(arg));
        let mut words: Vec<String> = std::iter::once("countermand".to_owned())
            .chain(typed.map(|arg| quoted(arg)))
            .collect();
        if few {
            words.extend(names.iter().map(|name| quoted(OsStr::new(name.as_str()))));
        }
        if !few && self.names.iter().any(|name| name == "-") {
            words.push("# with the same standard input".to_owned());
        }
        words.join(" ")
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
    fn many_names_are_the_same_command() {
        let names: Vec<_> = (0..=MOST).map(name).collect();
        let again = invocation(&["cancel", "-"], &["-"]).for_names(&names);
        assert_eq!(again, "countermand cancel - # with the same standard input");
    }
}
