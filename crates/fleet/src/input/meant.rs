//! Texts that are meant as names of operations, whatever else may be wrong with them.

use countermand_core::Endpoint;

/// True for a text that begins as a name of the service does, or the URL of one, or that names an operation of
/// another service.
pub(super) fn begins_name(text: &str, endpoint: &Endpoint) -> bool {
    let text = text.trim_start();
    let is_url = text.starts_with('/') || text.contains("://");
    let mut patterns = endpoint.service().patterns.iter();
    let begins = patterns.any(|pattern| {
        let first = pattern.levels[0].collection;
        let rest = text.strip_prefix(first);
        rest.is_some_and(|rest| rest.starts_with('/'))
            || is_url && text.contains(&format!("/{first}/"))
    });
    begins || is_of_other(text, endpoint)
}

/// True if a text is the name of an operation, or was meant to be one.
pub(super) fn is_operation(text: &[u8], endpoint: &Endpoint) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut patterns = endpoint.service().patterns.iter();
    let has_own = patterns.any(|pattern| {
        let own = format!("{}/", pattern.own_level().collection);
        let at = text.find(&own);
        at.is_some_and(|at| text[..at].trim().is_empty() || text[..at].ends_with('/'))
    });
    has_own && begins_name(&text, endpoint) || is_of_other(&text, endpoint)
}

fn is_of_other(text: &str, endpoint: &Endpoint) -> bool {
    let refused = endpoint.parse_given::<0>(text).err();
    refused.is_some_and(|error| !error.services().is_empty())
}
