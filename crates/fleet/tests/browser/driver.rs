//! Chromium by WebDriver, and a site on loopback that notes what is asked of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use ureq::Agent;

/// Time limit of a step, after which it counts as failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// Serves pages on loopback, and notes the path of each request.
pub(crate) struct Site {
    port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) fn serve(pages: Vec<(&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (pages, notes) = (Arc::new(pages), Arc::clone(&log));
        // Lives as long as the process; each connection has its thread, as browsers open idle ones.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, notes) = (Arc::clone(&pages), Arc::clone(&notes));
                thread::spawn(move || answer(stream, &pages, &notes));
            }
        });
        Self { port, log }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, pages: &[(&str, Vec<u8>)], log: &Mutex<Vec<String>>) {
    let mut request = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    if request.read_line(&mut first).is_err() || first.is_empty() {
        return;
    }
    let mut header = String::new();
    while request.read_line(&mut header).is_ok_and(|read| read > 2) {
        header.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = pages.iter().find(|(known, _)| *known == path);
    let body = body.map_or(&b"canary"[..], |(_, body)| body);
    log.lock().unwrap().push(path);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// A browser with a profile of its own; ends when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    agent: Agent,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed: `make browser` does it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "chromedriver ended");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim().trim_end_matches('.').parse::<u16>().unwrap();
            }
        };
        // Its further output must not fill the pipe.
        thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        let profile = tempfile::tempdir().unwrap();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(DEADLINE));
        let mut browser = Self {
            driver,
            agent: config.build().into(),
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
        };
        let profile = browser._profile.path().display();
        let own = format!("--user-data-dir={profile}");
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &own,
        ];
        let options = json!({"args": flags});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "unhandledPromptBehavior": "ignore"}}});
        let session = browser.post("", &wanted);
        browser.session = format!(
            "{}/{}",
            browser.session,
            session["sessionId"].as_str().unwrap()
        );
        browser
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn try_post(&self, path: &str, body: &Value) -> Result<Value, Value> {
        let url = format!("{}{path}", self.session);
        let request = self.agent.post(url).content_type("application/json");
        read(request.send(body.to_string()).unwrap())
    }

    fn command(&self, name: &str, parameters: Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            &json!({"cmd": name, "params": parameters}),
        )
    }

    pub(crate) fn window(&self, width: u32, scale: u32) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": width < 600});
        self.command("Emulation.setDeviceMetricsOverride", metrics);
    }

    pub(crate) fn scheme(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.command("Emulation.setEmulatedMedia", features);
    }

    /// Pages have no script from now on; ours that asks them still runs.
    pub(crate) fn without_script(&self) {
        self.command(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": true}),
        );
    }

    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    pub(crate) fn run_async(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Waits until the script gives something that is neither false nor empty.
    pub(crate) fn wait(&self, script: &str) -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let value = self.run(script);
            if ![json!(false), json!(""), Value::Null].contains(&value) {
                return value;
            }
            assert!(Instant::now() < end, "waited in vain for {script}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let using = json!({"using": "css selector", "value": selector});
        let element = self.post("/element", &using);
        let id = element
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        self.post(&format!("/element/{id}/value"), &json!({"text": text}));
    }

    /// The text of an open dialog.
    pub(crate) fn dialog(&self) -> Option<String> {
        let answer = self
            .agent
            .get(format!("{}/alert/text", self.session))
            .call();
        match read(answer.unwrap()) {
            Ok(text) => Some(text.to_string()),
            Err(error) => {
                assert_eq!(error["error"], "no such alert");
                None
            }
        }
    }

    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let answer = self
            .agent
            .get(format!("{}/screenshot", self.session))
            .call();
        let text = read(answer.unwrap()).unwrap();
        STANDARD.decode(text.as_str().unwrap()).unwrap()
    }

    /// A picture of the whole page, however long it is.
    pub(crate) fn whole_page(&self) -> Vec<u8> {
        let size = self.run(
            "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]",
        );
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1].as_u64().unwrap().min(3600), "scale": 1});
        let picture = self.command(
            "Page.captureScreenshot",
            json!({"captureBeyondViewport": true, "clip": clip}),
        );
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }
}

fn read(mut response: http::Response<ureq::Body>) -> Result<Value, Value> {
    let good = response.status().is_success();
    let mut answer = String::new();
    let mut body = response.body_mut().as_reader();
    body.read_to_string(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    if good {
        Ok(answer["value"].clone())
    } else {
        Err(answer["value"].clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
