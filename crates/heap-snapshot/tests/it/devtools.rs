//! Promise: Chrome's DevTools open what is written, and find the same retained sizes as the analysis. Runs their own loader, in a
//! headless Chromium; says so where there is none.

use crate::file::{mixed, written};
use heap_snapshot::{Analysis, Limits, read};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(240);

/// Loads the text between the two, as the worker of the Memory panel does, and tells of each node what it found.
const SCRIPT: [&str; 2] = [
    "(async () => { try {
        const worker = await import('devtools://devtools/bundled/entrypoints/heap_snapshot_worker/heap_snapshot_worker.js');
        const loader = new worker.HeapSnapshotLoader.HeapSnapshotLoader({sendEvent() {}});
        const channel = new MessageChannel();
        new worker.HeapSnapshot.SecondaryInitManager(channel.port2);
        loader.write(",
    ");
        loader.close();
        const snapshot = await loader.buildSnapshot(channel.port1);
        const rows = [];
        for (let i = 0; i < snapshot.nodeCount; i++) {
            const node = snapshot.createNode(i * snapshot.nodeFieldCount);
            rows.push([node.id(), node.selfSize(), node.retainedSize(), node.edgesCount(), node.distance()].join(' '));
        }
        return 'rows:' + rows.join(';') + ':end';
    } catch (error) { return 'failed: ' + error + ' ' + location.href; } })()",
];

/// A browser that is asked through its pipe.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<String>,
    profile: PathBuf,
    begun: Instant,
    asked: u32,
}

impl Browser {
    /// Starts the first there is.
    fn start() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let path = env::var_os("PATH")?;
        let found = names.iter().find_map(|name| {
            let mut folders = env::split_paths(&path);
            folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
        })?;
        let profile = env::temp_dir().join(format!("heap-snapshot-{}", std::process::id()));
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 >/dev/null 2>&1 </dev/null"])
            .arg(found)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let (send, from) = channel();
        let out = child.stdout.take().expect("a pipe");
        thread::spawn(move || {
            let mut messages = BufReader::new(out);
            let mut message = Vec::new();
            while messages.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                if send.send(String::from_utf8_lossy(&message).into_owned()).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let to = child.stdin.take().expect("a pipe");
        Some(Self { child, to, from, profile, begun: Instant::now(), asked: 0 })
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, session: Option<&str>, method: &str, parameters: &str) -> String {
        self.asked += 1;
        let id = format!("\"id\":{}", self.asked);
        let session = session.map_or(String::new(), |session| format!(",\"sessionId\":\"{session}\""));
        let message = format!("{{{id},\"method\":\"{method}\",\"params\":{parameters}{session}}}\0");
        self.to.write_all(message.as_bytes()).expect("the browser listens");
        loop {
            let left = LIMIT.saturating_sub(self.begun.elapsed());
            let message = self.from.recv_timeout(left).unwrap_or_else(|_| panic!("no answer to {method}"));
            if message.starts_with(&format!("{{{id},")) {
                return message;
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have gone already, and what cannot be removed is the system's to remove.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.profile));
    }
}

/// What stands behind a key in an answer, up to the end of the string.
fn value<'a>(answer: &'a str, key: &str) -> &'a str {
    let from = answer.split_once(&format!("\"{key}\":\"")).unwrap_or_else(|| panic!("{key} in {answer}")).1;
    from.split('"').next().unwrap_or_default()
}

/// A string as JSON has it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[test]
fn devtools_open_it_and_agree_on_what_is_retained() {
    let (_heap, snapshot) = mixed();
    let text = written(&snapshot);
    let graph = read(text.as_bytes(), &Limits::default()).unwrap();
    let analysis = Analysis::of(&graph).unwrap();
    let Some(mut browser) = Browser::start() else {
        println!("SKIPPED: Chromium is not installed");
        return;
    };
    let created = browser.ask(
        None,
        "Target.createTarget",
        "{\"url\":\"devtools://devtools/bundled/devtools_app.html\"}",
    );
    let target = format!("{{\"targetId\":\"{}\",\"flatten\":true}}", value(&created, "targetId"));
    let attached = browser.ask(None, "Target.attachToTarget", &target);
    let session = value(&attached, "sessionId").to_owned();
    let script = quoted(&format!("{}{}{}", SCRIPT[0], quoted(&text), SCRIPT[1]));
    let parameters = format!("{{\"awaitPromise\":true,\"returnByValue\":true,\"expression\":{script}}}");
    let rows = loop {
        let answer = browser.ask(Some(&session), "Runtime.evaluate", &parameters);
        if answer.contains("rows:") {
            break value(&answer, "value").to_owned();
        }
        // The page may not be there yet.
        assert!(browser.begun.elapsed() < LIMIT / 4, "{answer}");
        thread::sleep(Duration::from_millis(300));
    };
    let rows = rows.trim_start_matches("rows:").trim_end_matches(":end");
    let rows: Vec<Vec<u64>> =
        rows.split(';').map(|row| row.split(' ').map(|number| number.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), graph.len());
    for (number, row) in rows.iter().enumerate() {
        let (node, at) = (graph.node(number as u32), number as u32);
        let ours = [node.id, node.size, analysis.retained(at), graph.edges(at).len() as u64];
        assert_eq!(row[..4], ours, "{node:?}");
        // Of what DevTools count from the objects that a program holds: one more than the steps without the root.
        if number > 1 {
            let steps = analysis.path(at).expect("all is kept").len() as u64;
            assert_eq!(row[4], steps, "{node:?}");
        }
    }
    println!("DevTools agree on {} nodes", rows.len());
}
