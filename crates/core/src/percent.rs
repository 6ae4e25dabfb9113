//! Percent-encoding by the transcoding rule of `google.api.http` for a variable of several segments.

/// True for bytes that are percent-encoded: everything outside `[-_.~/0-9a-zA-Z]`.
pub(crate) const fn is_coded(byte: u8) -> bool {
    !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/'))
}

/// Appends a text, percent-encoded.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if !is_coded(byte) {
            out.push(byte);
        } else {
            out.extend([
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
}
