//! The e-mail addresses and numbers of accounts.

use crate::document::Problem;

/// Refuses a text that cannot be the address of a user or of a service account, in a path or in claims.
pub(crate) fn is_email(text: &str) -> Result<(), Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_+'".contains(&byte);
    match text.split_once('@') {
        Some((name, domain))
            if !name.is_empty()
                && !domain.is_empty()
                && !domain.contains('@')
                && text.len() <= 320
                && text.bytes().all(plain) =>
        {
            Ok(())
        }
        _ => Err("is no e-mail address".to_owned()),
    }
}

/// Refuses a text that cannot be a service account's address or its number.
pub(crate) fn is_account(text: &str) -> Result<(), Problem> {
    let number = (1..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match number || is_email(text).is_ok() {
        true => Ok(()),
        false => Err("is neither an e-mail address nor the number of an account".to_owned()),
    }
}
