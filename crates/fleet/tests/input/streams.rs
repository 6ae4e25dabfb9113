//! However long the input is, and however it comes.

use super::*;

#[test]
fn large_inputs_do_not_fill_the_memory() {
    // Endless lines, blanks, values and records: each ends with an error, or is passed over.
    let endless = |start: &'static str, byte: u8| {
        let start = io::Cursor::new(start.as_bytes());
        start.chain(io::repeat(byte)).take(20 << 20)
    };
    for (input, words) in [
        (endless("", b'a'), "longer than 1024 bytes"),
        (endless("[\"", b'a'), "longer than 16777216 bytes"),
        (endless("{\"name\":", b'['), "longer than 16777216 bytes"),
        (endless("name,x\n\"", b'a'), "longer than 1048576 bytes"),
        (endless("name,x\n\"", b'\n'), "longer than 1048576 bytes"),
    ] {
        let mut entries = read(input, None);
        let error = entries.next().unwrap().unwrap_err();
        assert!(error.problem.to_string().contains(words), "{error:?}");
        assert!(entries.next().is_none());
    }
    assert!(read(endless("", b' '), None).next().is_none());
    assert!(read(endless("", b'\n'), None).next().is_none());
}

#[test]
fn a_million_lines_stream() {
    struct Lines(u64, Vec<u8>);
    impl Read for Lines {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.1.is_empty() && self.0 < 1_000_000 {
                self.0 += 1;
                self.1 = format!("{NAME}{}\n", self.0).into_bytes();
            }
            let count = self.1.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.1[..count]);
            self.1.drain(..count);
            Ok(count)
        }
    }
    let mut last = 0;
    for entry in read(Lines(0, Vec::new()), None) {
        last = entry.unwrap().line;
    }
    assert_eq!(last, 1_000_000);
}

#[test]
fn a_reader_that_fails_ends_the_input_with_its_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk"))
        }
    }
    for start in [
        "",
        "enterprises/e/devices/d/operations/1\n",
        "[",
        "{\"name\":",
        "name\n",
        "x,name\n1,",
    ] {
        let found: Vec<_> = read(start.as_bytes().chain(Broken), None).collect();
        let Some(Err(error)) = found.last() else {
            panic!("{start}: {found:?}")
        };
        assert!(
            matches!(error.problem, InputProblem::Read(_)),
            "{start}: {error:?}"
        );
        assert_eq!(found.iter().filter(|entry| entry.is_err()).count(), 1);
    }
}

/// Gives its bytes in pieces of the sizes told, with an interruption between them.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: Vec<usize>,
    at: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.at += 1;
        if self.at.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes[self.at % self.sizes.len()];
        let count = size.min(self.rest.len()).min(buffer.len());
        let (now, rest) = self.rest.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.rest = rest;
        Ok(count)
    }
}

fn any_format() -> impl Strategy<Value = Option<Format>> {
    prop_oneof![
        Just(None),
        Just(Some(Format::Text)),
        Just(Some(Format::Json)),
        Just(Some(Format::Csv)),
    ]
}

/// Bytes that are nearly an input.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let push = message("COMMAND", &STANDARD.encode(operation(true).to_string())).to_string();
    let parts = vec![
        format!("{NAME}1"),
        format!("\"{NAME}2\""),
        operation(true).to_string(),
        push,
        "name,x\n".to_owned(),
        "{\"name\":".to_owned(),
        "{".to_owned(),
        "}".to_owned(),
        "[".to_owned(),
        "]".to_owned(),
        "\"".to_owned(),
        ",".to_owned(),
        "\\".to_owned(),
        "\n".to_owned(),
        "\r\n".to_owned(),
        "\u{feff}".to_owned(),
        "#".to_owned(),
        " ".to_owned(),
        ";".to_owned(),
        "\t".to_owned(),
        "1".to_owned(),
    ];
    let part = prop_oneof![
        4 => proptest::sample::select(parts).prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..9),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Whatever the bytes, and however they come: the same, in order of lines, to an end.
    #[test]
    fn pieces_give_the_same_as_the_whole(
        input in nearly(), format in any_format(), sizes in proptest::collection::vec(1_usize..9, 1..6),
    ) {
        let shown = |entries: Vec<Result<Entry, InputError>>| format!("{entries:?}");
        let whole: Vec<_> = read(&input[..], format).collect();
        let lines: Vec<u64> = whole.iter().map(|entry| match entry {
            Ok(entry) => entry.line,
            Err(error) => error.line,
        }).collect();
        prop_assert!(lines.is_sorted() && lines.first() != Some(&0), "{:?}", lines);
        let last = input.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        prop_assert!(lines.iter().all(|line| *line <= last), "{:?} of {}", lines, last);
        let pieces = read(Pieces { rest: &input, sizes, at: 0 }, format);
        prop_assert_eq!(shown(pieces.collect()), shown(whole));
    }

    /// Names that are written in any format are read, on their lines.
    #[test]
    fn round_trips(ids in proptest::collection::vec("[0-9a-zA-Z.~_=+@:-]{1,12}x", 1..20)) {
        let names: Vec<String> = ids.iter().map(|id| format!("enterprises/e/devices/d/operations/{id}")).collect();
        let expected: Vec<(u64, String)> = (1..).zip(names.iter().cloned()).collect();
        let below: Vec<(u64, String)> = (2..).zip(names.iter().cloned()).collect();
        prop_assert_eq!(&all(names.join("\n"), None).0, &expected);
        let lines: Vec<String> = names.iter().map(|name| json!(name).to_string()).collect();
        prop_assert_eq!(&all(lines.join("\n"), None).0, &expected);
        let lines: Vec<String> = names.iter().map(|name| json!({"name": name}).to_string()).collect();
        prop_assert_eq!(&all(lines.join("\r\n"), None).0, &expected);
        let list = serde_json::to_string_pretty(&json!(names)).unwrap();
        prop_assert_eq!(&all(list, None).0, &below);
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\",x", name.replace('"', "\"\""))).collect();
        prop_assert_eq!(&all(format!("name,y\n{}", quoted.join("\n")), None).0, &below);
    }
}
