//! `countermand completions` and `countermand man`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Args;
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) fn completions(shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "countermand", &mut script);
    print(&script)
}

/// The page of the whole command or of one subcommand.
pub(crate) fn page(subcommand: Option<&str>) -> Result<Exit, Failure> {
    let mut command = Args::command();
    command.build();
    let command = match subcommand {
        None => command,
        Some(word) => command.find_subcommand(word).cloned().ok_or_else(|| {
            Failure::usage(format!(
                "there is no subcommand {}",
                countermand_core::text::shown(word)
            ))
        })?,
    };
    let mut page = Vec::new();
    Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    Ok(print(&page))
}

fn print(text: &[u8]) -> Exit {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(_) => Exit::Failed,
    }
}
