//! A small server of static files on the loopback address: what `serve` and the browser tests use.
//!
//! It promises what any static host does and no more: no rewriting, no compression, no listing.

use crate::Failure;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH,
    LOCATION,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::thread::{self, JoinHandle};
use std::time::UNIX_EPOCH;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// How many ports after the wanted one are tried when it is taken.
const PORTS_TRIED: u16 = 100;

/// A folder of files and the path prefix below which they appear, beginning and ending with `/`.
#[derive(Clone, Debug)]
pub struct Mount {
    /// Beginning and ending with a slash.
    pub prefix: String,
    /// The folder with the files.
    pub folder: PathBuf,
}

/// What a server serves.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Folders; the longest prefix that matches a path wins.
    pub mounts: Vec<Mount>,
    /// A script's address to load first in every page: how the browser tests come to listen.
    pub first_script: Option<String>,
}

impl Site {
    /// One folder at the root, as it is.
    pub fn of(folder: impl Into<PathBuf>) -> Self {
        let root = Mount { prefix: "/".to_string(), folder: folder.into() };
        Site { mounts: vec![root], first_script: None }
    }
}

/// A running server; dropping it stops it.
pub struct StaticServer {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    port: u16,
}

impl StaticServer {
    /// Serves `site` on `port`, or on the next free one. Port 0 lets the machine choose.
    pub fn start(site: Site, port: u16) -> Result<Self, Failure> {
        let refused = |error: io::Error| format!("the server cannot be started: {error}.");
        let listener = bind(port)?;
        let port = listener.local_addr().map_err(refused)?.port();
        listener.set_nonblocking(true).map_err(refused)?;
        let runtime = runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.map_err(refused)?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let serve = async {
                tokio::select! {
                    end = accept(listener, Rc::new(site)) => {
                        if let Err(error) = end {
                            eprintln!("the server ends: {error}.");
                        }
                    }
                    _ = stopped => {}
                }
            };
            LocalSet::new().block_on(&runtime, serve);
        });
        Ok(StaticServer { stop: Some(stop), thread: Some(thread), port })
    }

    /// The address of the root, with a slash at its end.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The port that was free.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Serves until the process is stopped.
    pub fn wait(mut self) {
        self.join();
    }

    fn join(&mut self) {
        // A thread that panicked has printed why.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for StaticServer {
    fn drop(&mut self) {
        // It has stopped already when nobody listens.
        let _ = self.stop.take().map(|stop| stop.send(()));
        self.join();
    }
}

/// Answers each connection by itself, so that none waits for another.
async fn accept(listener: TcpListener, site: Rc<Site>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let site = Rc::clone(&site);
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| {
                let response = answer(&request, &site);
                async { Ok::<_, Infallible>(response) }
            });
            // A browser that hung up has no use for an answer.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn bind(wanted: u16) -> Result<TcpListener, Failure> {
    let last = if wanted == 0 { 0 } else { wanted.saturating_add(PORTS_TRIED) };
    let mut refusal = String::new();
    for port in wanted..=last {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => refusal = error.to_string(),
        }
    }
    Err(format!("no port from {wanted} to {last} can be had: {refusal}."))
}

fn answer(request: &Request<Incoming>, site: &Site) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
    }
    let path = request.uri().path();
    match locate(path, &site.mounts) {
        Located::File(file) => answer_file(request, site, &file),
        Located::Folder => {
            let mut response = plain(StatusCode::MOVED_PERMANENTLY, "it is a folder");
            if let Ok(address) = HeaderValue::from_str(&format!("{path}/")) {
                response.headers_mut().insert(LOCATION, address);
            }
            response
        }
        Located::Nothing => plain(StatusCode::NOT_FOUND, "not found"),
    }
}

fn answer_file(request: &Request<Incoming>, site: &Site, file: &Path) -> Response<Full<Bytes>> {
    let version = version(file);
    if version.is_some() && version.as_ref() == request.headers().get(IF_NONE_MATCH) {
        return plain(StatusCode::NOT_MODIFIED, "");
    }
    let Ok(mut content) = fs::read(file) else {
        return plain(StatusCode::NOT_FOUND, "not found");
    };
    let media_type = media_type(file);
    if media_type.starts_with("text/html")
        && let Some(script) = &site.first_script
    {
        content = with_first_script(&content, script);
    }
    let mut response = Response::new(Full::new(content.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // A frame that is sandboxed has no origin of its own, and asks like a stranger.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.extend(version.map(|version| (ETAG, version)));
    response
}

/// What changes when the file does: its length and when it was written.
fn version(file: &Path) -> Option<HeaderValue> {
    let about = fs::metadata(file).ok()?;
    let written = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    HeaderValue::try_from(format!("\"{:x}-{:x}\"", about.len(), written.as_nanos())).ok()
}

/// The page with a script in front of everything else in its head.
fn with_first_script(page: &[u8], script: &str) -> Vec<u8> {
    let page = String::from_utf8_lossy(page);
    page.replacen("<head>", &format!("<head><script src=\"{script}\"></script>"), 1).into_bytes()
}

/// What a path of the address stands for.
#[derive(Debug, PartialEq)]
enum Located {
    File(PathBuf),
    /// A folder whose path lacks the slash at its end.
    Folder,
    Nothing,
}

fn locate(path: &str, mounts: &[Mount]) -> Located {
    if mounts.iter().any(|mount| mount.prefix.strip_suffix('/') == Some(path)) {
        return Located::Folder;
    }
    let mount = mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.prefix))
        .max_by_key(|mount| mount.prefix.len());
    let Some((mount, relative)) = mount.and_then(|mount| {
        let relative = percent_decoded(&path[mount.prefix.len()..])?;
        Some((mount, relative))
    }) else {
        return Located::Nothing;
    };
    if !stays_inside(&relative) {
        return Located::Nothing;
    }
    let file = mount.folder.join(&relative);
    if !file.is_dir() {
        return if file.is_file() { Located::File(file) } else { Located::Nothing };
    }
    if !relative.is_empty() && !relative.ends_with('/') {
        return Located::Folder;
    }
    let index = file.join("index.html");
    if index.is_file() { Located::File(index) } else { Located::Nothing }
}

/// Whether a relative path names something below its folder on every system.
fn stays_inside(relative: &str) -> bool {
    !relative.contains(['\\', '\0', ':'])
        && Path::new(relative).components().all(|part| matches!(part, Component::Normal(_)))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "md" => "text/markdown; charset=utf-8",
        "txt" | "pp" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::{Located, Mount, Site, StaticServer, locate, with_first_script};
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::path::PathBuf;

    fn mounts() -> Vec<Mount> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        vec![
            Mount { prefix: "/".into(), folder: folder.clone() },
            Mount { prefix: "/below/a/path/".into(), folder: folder.join("src") },
        ]
    }

    #[test]
    fn the_longest_prefix_wins() {
        let main = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src").join("main.rs");
        assert_eq!(locate("/src/main.rs", &mounts()), Located::File(main.clone()));
        assert_eq!(locate("/below/a/path/main.rs", &mounts()), Located::File(main));
        assert_eq!(locate("/below/a/path", &mounts()), Located::Folder);
        assert_eq!(locate("/src", &mounts()), Located::Folder);
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        for path in [
            "/../Cargo.toml",
            "/src/../../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "/src/..%2f..%2fCargo.toml",
            "//etc/passwd",
            "/..%5cCargo.toml",
            "/%00",
            "/%zz",
            "etc/passwd",
        ] {
            assert_eq!(locate(path, &mounts()), Located::Nothing, "{path}");
        }
    }

    fn answer_to(server: &StaticServer, headers: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        let request = format!("GET /src/main.rs HTTP/1.0\r\nHost: here\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_request_is_answered_and_dropping_stops_the_server() {
        let site = Site { mounts: mounts(), first_script: None };
        let server = StaticServer::start(site, 0).unwrap();
        let answer = answer_to(&server, "");
        assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"));
        assert!(answer.contains("cache-control: no-cache"));
        drop(server);
    }

    #[test]
    fn connections_that_ask_nothing_keep_no_other_waiting() {
        let site = Site { mounts: mounts(), first_script: None };
        let server = StaticServer::start(site, 0).unwrap();
        let connect = || TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        let idle: Vec<TcpStream> = (0..100).map(|_| connect()).collect();
        assert!(answer_to(&server, "").contains(" 200 "));
        drop(idle);
    }

    #[test]
    fn a_file_that_is_known_is_not_sent_again() {
        let site = Site { mounts: mounts(), first_script: None };
        let server = StaticServer::start(site, 0).unwrap();
        let answer = answer_to(&server, "");
        let version = answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        let again = answer_to(&server, &format!("If-None-Match: {version}\r\n"));
        assert!(again.contains(" 304 ") && !again.contains("fn main"), "{again}");
        let other = answer_to(&server, "If-None-Match: \"another\"\r\n");
        assert!(other.contains(" 200 "), "{other}");
    }

    #[test]
    fn the_first_script_comes_before_everything_in_the_head() {
        let page = with_first_script(b"<html><head><title>", "/hook.js");
        assert_eq!(page, b"<html><head><script src=\"/hook.js\"></script><title>");
    }
}
