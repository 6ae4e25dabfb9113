//! Files of kinds that hold no names as text, told by how they begin: one sentence for each, with
//! the step that makes names of them.

/// The kind of a file that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Foreign {
    /// gzip.
    #[error("it is compressed with gzip; unpack it first (gunzip, or zcat FILE | … -)")]
    Gzip,
    /// Zstandard.
    #[error("it is compressed with zstd; unpack it first (zstd -d, or zstdcat FILE | … -)")]
    Zstd,
    /// bzip2.
    #[error("it is compressed with bzip2; unpack it first (bunzip2, or bzcat FILE | … -)")]
    Bzip2,
    /// xz.
    #[error("it is compressed with xz; unpack it first (unxz, or xzcat FILE | … -)")]
    Xz,
    /// A ZIP archive, which an Excel workbook is as well.
    #[error(
        "it is a ZIP archive or an Excel workbook (xlsx); unpack it first, or save the sheet as CSV"
    )]
    Zip,
    /// An old Excel workbook.
    #[error("it is an Excel workbook (xls); save the sheet as CSV")]
    Xls,
    /// Avro.
    #[error("it is an Avro file; export JSON instead, or convert it (avro cat FILE)")]
    Avro,
    /// Parquet.
    #[error("it is a Parquet file; export CSV or JSON instead")]
    Parquet,
    /// ORC or Arrow.
    #[error("it is an ORC or Arrow file; export CSV or JSON instead")]
    Columns,
    /// SQLite, which a job file is as well.
    #[error(
        "it is an SQLite database; a job file is given to `apply`, `status` or `report`, and a \
         table is exported as CSV or JSON first"
    )]
    Sqlite,
    /// PDF.
    #[error("it is a PDF file; give the names as text, CSV or JSON")]
    Pdf,
    /// UTF-32.
    #[error("it is text in UTF-32; save it as UTF-8 or UTF-16")]
    Utf32,
    /// An answer of HTTP with its headers.
    #[error(
        "it begins with the headers of an HTTP answer, as `curl -i` prints them; give the body \
         alone (curl without -i)"
    )]
    HttpHeaders,
    /// A web page, or XML.
    #[error("it is a web page or XML; give the names as text, CSV or JSON")]
    Html,
    /// YAML.
    #[error("it is YAML; print JSON instead (gcloud: --format=json)")]
    Yaml,
    /// A table printed for people, with lines, bars or spaces between its columns.
    #[error(
        "it is a table drawn for people, with lines, bars or spaces between its columns, in which cells \
         may be cut; print CSV or JSON instead (psql --csv, bq --format=csv, mysql --batch)"
    )]
    Drawn,
    /// Something that is not text.
    #[error("it is not text: it holds NUL bytes; give the names as text, CSV or JSON")]
    Binary,
}

/// Number of bytes that are looked at for the kind of a file.
pub(super) const MAGIC: usize = 16;

/// The kind of a file by its first bytes.
pub(super) fn by_bytes(head: &[u8]) -> Option<Foreign> {
    const KINDS: [(&[u8], Foreign); 12] = [
        (b"\x1f\x8b", Foreign::Gzip),
        (b"\x28\xb5\x2f\xfd", Foreign::Zstd),
        (b"\xfd7zXZ\0", Foreign::Xz),
        (b"PK\x03\x04", Foreign::Zip),
        (b"PK\x05\x06", Foreign::Zip),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Foreign::Xls),
        (b"Obj\x01", Foreign::Avro),
        (b"ARROW1\0\0", Foreign::Columns),
        (b"SQLite format 3\0", Foreign::Sqlite),
        (b"%PDF-", Foreign::Pdf),
        (b"\xff\xfe\0\0", Foreign::Utf32),
        (b"\0\0\xfe\xff", Foreign::Utf32),
    ];
    // These begin with letters, as a text may.
    const LETTERS: [(&[u8], Foreign); 4] = [
        (b"BZh", Foreign::Bzip2),
        (b"PAR1", Foreign::Parquet),
        (b"PARE", Foreign::Parquet),
        (b"ORC", Foreign::Columns),
    ];
    let is_text = head.iter().all(|byte| matches!(byte, 9..=0x7f));
    let letters = LETTERS.iter().filter(|_| !is_text);
    let mut known = KINDS.iter().chain(letters);
    let known = known.find(|(magic, _)| head.starts_with(magic));
    known.map(|(_, kind)| *kind)
}

/// The kind of a text by its first line that is not blank.
pub(super) fn by_line(line: &[u8]) -> Option<Foreign> {
    const YAML: [&[u8]; 9] = [
        b"- name:",
        b"name: ",
        b"operations:",
        b"- ackId:",
        b"ackId:",
        b"- message:",
        b"message:",
        b"receivedMessages:",
        b"error:",
    ];
    let line = line.trim_ascii();
    let begins = |text| begins(line, text);
    if line.contains(&0) {
        return Some(Foreign::Binary);
    }
    if line
        .strip_prefix(b"HTTP/")
        .is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    {
        return Some(Foreign::HttpHeaders);
    }
    if begins(b"<!doctype") || begins(b"<html") || begins(b"<?xml") {
        return Some(Foreign::Html);
    }
    if line == b"---" || YAML.iter().any(|key| line.starts_with(key)) {
        return Some(Foreign::Yaml);
    }
    // U+2500 to U+257F, box drawings.
    if matches!(line, [0xe2, 0x94 | 0x95, _, ..]) {
        return Some(Foreign::Drawn);
    }
    None
}

/// True for a command of curl, which may hold a token.
pub(super) fn is_curl(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    begins(line, b"curl ") || begins(line, b"$ curl ")
}

fn begins(line: &[u8], text: &[u8]) -> bool {
    let start = line.get(..text.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(text))
}
