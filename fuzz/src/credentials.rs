//! What a file or an environment variable gives as credentials.

use countermand_hyper::Token;

/// Credentials: whatever is wrong with them, the error does not repeat them.
pub fn credentials(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Token::new(text) {
        Ok(token) => assert_eq!(format!("{token:?}"), "Token(..)"),
        Err(error) => quiet(
            text,
            &format!("{error:?} {}", countermand_core::chain(&error)),
        ),
    }
}

/// No part of a secret that nobody could have guessed is in a message.
fn quiet(secret: &str, message: &str) {
    let long = secret.as_bytes().windows(12).any(|part| {
        std::str::from_utf8(part).is_ok_and(|part| {
            // What the messages say anyway is no secret.
            message.contains(part) && !"the access token is empty has a space, a line end or another impossible byte at position too long Credentials".contains(part)
        })
    });
    assert!(!long, "{message}");
}
