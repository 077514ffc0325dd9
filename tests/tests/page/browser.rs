//! Chromium, driven by its own driver over WebDriver (W3C), which is HTTP with JSON.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use openssl::base64;
use serde_json::{Value, json};

/// A browser without a window. It ends when dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Browser {
    /// Starts one that knows nothing of earlier ones.
    pub fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is there: cargo xtask test installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| line.unwrap().split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let address = (Ipv4Addr::LOCALHOST, port.expect("it says where it listens")).into();
        let mut browser = Self { driver, address, session: String::new() };
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        }}});
        let session = browser.post("/session", &wanted)["sessionId"].clone();
        browser.session = format!("/session/{}", session.as_str().unwrap());
        browser
    }

    pub fn open(&self, url: &str) {
        self.post(&format!("{}/url", self.session), &json!({"url": url}));
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post(&format!("{}/execute/sync", self.session), &json!({"script": script, "args": []}))
    }

    /// What a script hands to its last argument.
    pub fn awaited(&self, script: &str) -> Value {
        self.post(&format!("{}/execute/async", self.session), &json!({"script": script, "args": []}))
    }

    /// The text of an element.
    pub fn text(&self, selector: &str) -> String {
        self.run(&format!("return document.querySelector({selector:?})?.innerText ?? ''")).as_str().unwrap().to_owned()
    }

    /// Types into what has the focus.
    pub fn press(&self, keys: &str) {
        let presses: Vec<_> = keys
            .chars()
            .flat_map(|key| {
                [
                    json!({"type": "keyDown", "value": key.to_string()}),
                    json!({"type": "keyUp", "value": key.to_string()}),
                ]
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": presses}]});
        self.post(&format!("{}/actions", self.session), &actions);
    }

    /// Makes the page so wide, in light or dark.
    pub fn look(&self, width: u32, scheme: &str) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({
                "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600,
            }),
        );
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
        // Until it has been drawn anew.
        self.awaited("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(null)))");
    }

    /// The whole page as a picture in this file.
    pub fn picture(&self, file: &Path) {
        let parameters = json!({"captureBeyondViewport": true, "format": "png"});
        let picture = self.devtools("Page.captureScreenshot", &parameters)["data"].clone();
        fs::write(file, base64::decode_block(picture.as_str().unwrap()).unwrap()).unwrap();
    }

    /// What its console has said since it was asked last.
    pub fn console(&self) -> Vec<Value> {
        let said = self.post(&format!("{}/se/log", self.session), &json!({"type": "browser"}));
        said.as_array().unwrap().clone()
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post(&format!("{}/goog/cdp/execute", self.session), &json!({"cmd": command, "params": parameters}))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, &body.to_string())
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(self.address).expect("the driver listens");
        let (address, length) = (self.address, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            if line.trim_end().is_empty() {
                break;
            }
            if let Some((name, value)) =
                line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            {
                length = value.trim().parse().unwrap_or_else(|_| panic!("{name}: {value}"));
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let value = answer["value"].clone();
        assert!(value.get("error").is_none(), "{method} {path}: {value}");
        value
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.ask("DELETE", &self.session, "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
