//! A token in a file that something else writes, well or badly.

use std::error::Error as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use countermand_auth::TokenFile;
use countermand_hyper::{Token, TokenSource, TransportError, TransportErrorKind};

const CANARY: &str = "ya29.canary";

fn token(number: usize) -> Token {
    Token::new(&format!("{CANARY}{number}")).unwrap()
}

struct Setting {
    _directory: tempfile::TempDir,
    path: PathBuf,
    file: TokenFile,
}

impl Setting {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        Self {
            file: TokenFile::new(&path),
            path,
            _directory: directory,
        }
    }

    fn write(&self, content: impl AsRef<[u8]>) {
        fs::write(&self.path, content).unwrap();
    }

    async fn fail(&self, fresh: bool) -> (TransportErrorKind, String) {
        let error: TransportError = self.file.token(fresh).await.unwrap_err();
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        let text = error.source().unwrap().to_string();
        assert!(text.contains(self.path.to_str().unwrap()), "{text}");
        (error.kind(), text)
    }
}

#[tokio::test]
async fn is_read_again_when_it_changes() {
    let setting = Setting::new();
    setting.write(format!("  {CANARY}1\n"));
    assert_eq!(setting.file.token(false).await.unwrap(), token(1));
    setting.write(format!("{CANARY}22"));
    assert_eq!(setting.file.token(false).await.unwrap(), token(22));

    // Same length, and the same time of modification: only `fresh` looks inside.
    let modified = fs::metadata(&setting.path).unwrap().modified().unwrap();
    setting.write(format!("{CANARY}33"));
    let handle = fs::File::options().write(true).open(&setting.path).unwrap();
    handle.set_modified(modified).unwrap();
    assert_eq!(setting.file.token(false).await.unwrap(), token(22));
    assert_eq!(setting.file.token(true).await.unwrap(), token(33));
}

#[tokio::test]
async fn without_a_token_says_what_is_wrong_and_not_what_is_in_it() {
    let setting = Setting::new();
    let (kind, _) = setting.fail(false).await;
    assert_eq!(kind, TransportErrorKind::CredentialsRejected);
    for (content, problem) in [
        (b"\n".to_vec(), "empty"),
        (format!("{CANARY} two words").into_bytes(), "space"),
        (b"\xffcanary".to_vec(), "utf-8"),
        (vec![b'x'; (64 << 10) + 1], "65536 bytes"),
    ] {
        setting.write(content);
        for fresh in [false, true] {
            let (kind, text) = setting.fail(fresh).await;
            assert_eq!(kind, TransportErrorKind::CredentialsRejected);
            assert!(text.contains(problem), "{text}");
        }
    }
}

#[tokio::test]
async fn a_passing_hiccup_keeps_the_last_token() {
    let setting = Setting::new();
    setting.write(format!("{CANARY}1"));
    assert_eq!(setting.file.token(false).await.unwrap(), token(1));
    for content in ["", "\n", "two words"] {
        setting.write(content);
        assert_eq!(setting.file.token(false).await.unwrap(), token(1));
        let (kind, _) = setting.fail(true).await;
        assert_eq!(kind, TransportErrorKind::TokenUnavailable);
    }
    fs::remove_file(&setting.path).unwrap();
    assert_eq!(setting.file.token(false).await.unwrap(), token(1));
    assert_eq!(
        setting.fail(true).await.0,
        TransportErrorKind::TokenUnavailable
    );

    setting.write(format!("{CANARY}2"));
    assert_eq!(setting.file.token(false).await.unwrap(), token(2));
}

#[cfg(unix)]
#[tokio::test]
async fn is_not_waited_for_if_it_is_a_pipe() {
    let setting = Setting::new();
    let made = std::process::Command::new("mkfifo")
        .arg(&setting.path)
        .status()
        .unwrap();
    assert!(made.success());
    let failed = tokio::time::timeout(Duration::from_secs(5), setting.fail(false));
    let Ok((kind, text)) = failed.await else {
        // The thread that reads would keep the test's runtime for ever.
        fs::write(&setting.path, "").unwrap();
        panic!("it waits for a writer");
    };
    assert_eq!(kind, TransportErrorKind::CredentialsRejected);
    assert!(text.contains("regular file"), "{text}");
}
