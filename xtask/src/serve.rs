//! `serve`: builds the page and serves it until Ctrl-C.

use crate::Failure;
use crate::options::Options;
use crate::site::{self, Build};
use crate::static_server::{Site, StaticServer};
use crate::steps::Steps;
use std::path::PathBuf;
use std::process::ExitCode;

const PORT_DEFAULT: u16 = 8080;

/// `cargo xtask serve`.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    options.refuse_names()?;
    let port = match options.value("--port") {
        None => PORT_DEFAULT,
        Some(text) => text
            .parse()
            .map_err(|_| format!("`--port {text}`: a port is a number from 0 to 65535."))?,
    };
    let dist = PathBuf::from("dist");
    let mut steps = Steps::new(site::STEPS + 1);
    site::make(
        &mut steps,
        &Build { dist: dist.clone(), debug: options.has("--debug"), counted: None, address: None },
    )?;
    let server = steps.run("starting the server", || StaticServer::start(Site::of(dist), port))?;
    if port != 0 && server.port() != port {
        println!("\nPort {port} is taken, so {} it is.", server.port());
    }
    println!("\npushpull is at {}  (Ctrl-C stops it)", server.address());
    server.wait();
    Ok(ExitCode::SUCCESS)
}
