//! The built command as a process, with a deadline on everything.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing takes longer unless something is broken: a minute of unoptimised work on a busy machine does.
const DEADLINE: Duration = Duration::from_secs(240);

pub(crate) struct Process {
    command: Command,
    input: Vec<u8>,
    /// Reader of its standard error, if that is no pipe.
    screen: Option<File>,
    /// True if its input is typed at that screen.
    typed: bool,
}

/// Result of a process.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A process that runs.
pub(crate) struct Running {
    child: Mine,
    stdout: Option<Pipe>,
    stderr: Pipe,
    started: Instant,
}

/// A test that fails leaves nothing running.
struct Mine(Child);

impl Drop for Mine {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Pipe {
    text: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Process {
    pub(crate) fn new(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
        command.args(args);
        Self::of(command)
    }

    /// A line for the shell, in which `countermand` is the built command.
    pub(crate) fn shell(line: &str) -> Self {
        let built = Path::new(env!("CARGO_BIN_EXE_countermand"));
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", built.parent().unwrap().display());
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("PATH", path);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        for name in [
            "COUNTERMAND_ENDPOINT",
            "COUNTERMAND_PROFILE",
            "COUNTERMAND_TOKEN",
            "CLOUDSDK_CONFIG",
            "GCE_METADATA_HOST",
            "GCE_METADATA_ROOT",
            "GOOGLE_API_CERTIFICATE_CONFIG",
            "GOOGLE_API_USE_CLIENT_CERTIFICATE",
            "GOOGLE_API_USE_MTLS_ENDPOINT",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_CLOUD_QUOTA_PROJECT",
            "XDG_CONFIG_HOME",
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(name);
        }
        // The account of the tests may be logged in, or on a machine of Google's.
        command
            .env("HOME", "/nonexistent")
            .env("NO_GCE_CHECK", "true");
        Self {
            command,
            input: Vec::new(),
            screen: None,
            typed: false,
        }
    }

    /// Gives it a standard error, of which `screen` is the other end.
    pub(crate) fn stderr(mut self, stderr: File, screen: File) -> Self {
        self.command.stderr(stderr);
        self.screen = Some(screen);
        self
    }

    /// Runs it at a terminal, of which `screen` is the other end: its input is typed there.
    pub(crate) fn at(mut self, terminal: File, screen: File) -> Self {
        self.command.stdin(terminal.try_clone().unwrap());
        self.typed = true;
        self.stderr(terminal, screen)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in a folder of its own, which is its home as well.
    pub(crate) fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder).env("HOME", folder);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    pub(crate) fn run(self) -> Run {
        self.start().wait()
    }

    pub(crate) fn start(self) -> Running {
        let mut running = self.start_unread();
        let stdout = running.child.0.stdout.take().unwrap();
        running.stdout = Some(Pipe::read(stdout));
        running
    }

    /// Starts it with a standard output that has no reader.
    pub(crate) fn start_unread(mut self) -> Running {
        if !self.typed {
            self.command.stdin(Stdio::piped());
        }
        self.command.stdout(Stdio::piped());
        if self.screen.is_none() {
            self.command.stderr(Stdio::piped());
        }
        let mut child = self.command.spawn().unwrap();
        // A terminal ends only when no process has it open, and the command would keep it.
        drop(self.command);
        let mut input: Box<dyn Write + Send> = match &self.screen {
            Some(screen) if self.typed => Box::new(screen.try_clone().unwrap()),
            _ => Box::new(child.stdin.take().unwrap()),
        };
        // A process that does not want its input closes it.
        std::thread::spawn(move || drop(input.write_all(&self.input)));
        let stderr = match self.screen {
            None => Pipe::read(child.stderr.take().unwrap()),
            Some(screen) => Pipe::read(screen),
        };
        Running {
            child: Mine(child),
            stdout: None,
            stderr,
            started: Instant::now(),
        }
    }
}

impl Running {
    pub(crate) fn signal(&self, name: &str) {
        let line = format!("kill -s {name} {}", self.child.0.id());
        let status = Command::new("sh").args(["-c", &line]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// True if it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_some()
    }

    /// Kills it so that it cannot do anything about it.
    pub(crate) fn kill(mut self) -> Run {
        self.child.0.kill().unwrap();
        self.wait()
    }

    /// Closes the reading end of its standard output.
    pub(crate) fn close_stdout(&mut self) {
        drop(self.child.0.stdout.take());
    }

    /// Begins to read its standard output.
    pub(crate) fn read_stdout(&mut self) {
        let stdout = self.child.0.stdout.take().unwrap();
        self.stdout = Some(Pipe::read(stdout));
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.as_ref().map(Pipe::text).unwrap_or_default()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits for a condition, and fails when it does not come true.
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        while !condition(self) {
            assert!(
                self.started.elapsed() < DEADLINE,
                "{what} did not come: {} {}",
                self.stdout(),
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn wait(mut self) -> Run {
        let status = loop {
            if let Some(status) = self.child.0.try_wait().unwrap() {
                break status;
            }
            if self.started.elapsed() > DEADLINE {
                self.child.0.kill().unwrap();
                panic!("it does not end: {} {}", self.stdout(), self.stderr());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let run = Run {
            // -1: by a signal.
            code: status.code().unwrap_or(-1),
            stdout: self.stdout.take().map(Pipe::all).unwrap_or_default(),
            stderr: self.stderr.all(),
        };
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        run
    }
}

impl Pipe {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut chunk) {
                into.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        Self { text, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    fn all(self) -> String {
        self.reader.join().unwrap();
        String::from_utf8(std::mem::take(&mut self.text.lock().unwrap())).unwrap()
    }
}

impl Run {
    /// Standard output as JSON, line by line.
    pub(crate) fn json(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The verdict that the text gives for a name.
    pub(crate) fn verdict(&self, name: &str) -> &str {
        let mut lines = self.stdout.lines();
        let line = lines.find(|line| line.split_whitespace().nth(1) == Some(name));
        line.unwrap_or_else(|| panic!("no line for {name}: {self:?}"))
            .split_whitespace()
            .next()
            .unwrap()
    }
}
