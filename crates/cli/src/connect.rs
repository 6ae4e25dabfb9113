//! From the options to a client.

use std::io;
use std::path::Path;

use countermand_core::{TransportError, chain};
use countermand_hyper::{Client, HyperConfig, Token, TokenFile};

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;

const TOKEN: &str = "COUNTERMAND_TOKEN";

/// A client for the options; connects when the first request is made.
pub(crate) fn client(global: &Global) -> Result<Client, Failure> {
    let endpoint = global.endpoint.clone().unwrap_or_default();
    if endpoint.is_plaintext() && !endpoint.is_loopback() && !global.allow_plaintext {
        return Err(Failure::usage(format!(
            "{endpoint} is plain http to another machine, and the token would travel in the clear: \
             use https (or --allow-plaintext, if you know the way there)"
        )));
    }
    let mut config = HyperConfig::default()
        .allow_plaintext(global.allow_plaintext)
        .proxy_from_env(global.proxy_from_env);
    if let Some(path) = &global.ca_file {
        readable(path, Exit::Usage)?;
        config = config.ca_file(path);
    }
    let client = match (&global.token_file, std::env::var_os(TOKEN)) {
        (Some(path), _) => {
            readable(path, Exit::Denied)?;
            Client::connect(endpoint, TokenFile::new(path), config)
        }
        (None, Some(token)) if !token.is_empty() => {
            // What is not UTF-8 is not visible ASCII either, and is refused as such.
            let token = Token::new(&token.to_string_lossy()).map_err(|error| {
                Failure::new(Exit::Denied, format!("{TOKEN}: {}", chain(&error)))
            })?;
            Client::connect(endpoint, token, config)
        }
        (None, _) => {
            return Err(Failure::new(
                Exit::Denied,
                format!(
                    "there is no access token: set the environment variable {TOKEN} or give --token-file FILE"
                ),
            ));
        }
    };
    client.map_err(|error: TransportError| Failure::usage(chain(&error)))
}

/// Fails at once where a file cannot be opened, instead of once for each operation.
fn readable(path: &Path, exit: Exit) -> Result<(), Failure> {
    let opened: io::Result<_> = std::fs::File::open(path);
    opened
        .map(drop)
        .map_err(|error| Failure::new(exit, format!("cannot read {}: {error}", path.display())))
}
