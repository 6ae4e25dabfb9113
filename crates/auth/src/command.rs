//! A command that prints a token.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use countermand_core::TransportError;
use countermand_core::text::{looks_secret, shown};
use countermand_hyper::{BoxFuture, HyperConfig, Token, runtime};
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

use crate::address::CAP;
use crate::document::Document;
use crate::error::{rejected, unavailable};
use crate::response::{UNSAID, lifetime};
use crate::source::Grant;
use crate::system::{self, Group};

pub(crate) struct Command {
    line: OsString,
    /// True once it has printed a token: a failure after that may pass.
    proven: AtomicBool,
}

impl Command {
    pub(crate) const fn new(line: OsString) -> Self {
        Self {
            line,
            proven: AtomicBool::new(false),
        }
    }

    async fn run(&self) -> Result<Token, TransportError> {
        self.check()?;
        runtime::check_io()?;
        let failed = |problem: String| format!("the command that prints a token {problem}");
        let (output, status) = self
            .output()
            .await
            .map_err(|error| rejected(failed(format!("cannot be run: {error}"))))?;
        if output.len() > CAP {
            return Err(rejected(failed(format!("printed more than {CAP} bytes"))));
        }
        if !status.success() {
            let problem = failed(format!("ended with {status}"));
            return Err(match self.proven.load(Ordering::Relaxed) {
                true => unavailable(problem),
                false => rejected(problem),
            });
        }
        let token = read(&output);
        self.proven.fetch_or(token.is_ok(), Ordering::Relaxed);
        token.map_err(|problem| rejected(failed(format!("printed no token: {problem}"))))
    }

    /// Refuses what is no command line: a shell repeats it in its complaint.
    fn check(&self) -> Result<(), TransportError> {
        let line = self.line.to_string_lossy();
        let text = line.trim();
        // A script of several lines, and words with a secret in them, can be a command.
        let whole = !text.contains(char::is_whitespace)
            || text.starts_with("-----BEGIN")
            || Document::parse(text.as_bytes()).is_ok();
        match whole && looks_secret(text).is_some() {
            false => Ok(()),
            true => Err(rejected(format!(
                "the command that prints a token: expected a command line, found {}",
                shown(text)
            ))),
        }
    }

    async fn output(&self) -> std::io::Result<(Zeroizing<Vec<u8>>, ExitStatus)> {
        let mut command = system::shell(&self.line);
        command
            // It needs no token of this program.
            .env_remove("COUNTERMAND_TOKEN")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // A caller that gives up waiting ends it.
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let group = Group::of(&child);
        let mut output = Zeroizing::new(Vec::with_capacity(CAP + 1));
        let stdout = child.stdout.take();
        let reading = async {
            match stdout {
                Some(stdout) => {
                    let limit = CAP as u64 + 1;
                    stdout.take(limit).read_to_end(&mut output).await.map(drop)
                }
                None => Ok(()),
            }
        };
        // What the shell leaves behind would hold its output open.
        let waiting = async {
            let status = child.wait().await;
            drop(group);
            status
        };
        let (read, status) = futures_util::future::join(reading, waiting).await;
        read?;
        Ok((output, status?))
    }
}

/// A bare token, or a JSON object with one.
fn read(output: &[u8]) -> Result<Token, String> {
    let text = str::from_utf8(output).map_err(|_| "it is no text".to_owned())?;
    let text = text.trim();
    let (token, life) = match text.starts_with('{') {
        true => {
            let document = Document::parse(text.as_bytes())?;
            let field = match document.field("access_token") {
                Some(_) => "access_token",
                None => "token",
            };
            let token = document.secret(field)?;
            (
                Token::new(token.reveal()),
                lifetime(document.field("expires_in")),
            )
        }
        false => (Token::new(text), UNSAID),
    };
    Ok(token.map_err(|error| error.cause())?.expiring(life))
}

impl Grant for Command {
    fn needs_scope(&self) -> bool {
        false
    }

    fn grant<'a>(
        &'a self,
        _: &'a str,
        _: bool,
        _: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        Box::pin(self.run())
    }
}
