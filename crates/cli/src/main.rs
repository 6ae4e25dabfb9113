//! The `countermand` command; everything it does is in the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    countermand_cli::run(std::env::args_os()).into()
}
