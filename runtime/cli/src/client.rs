//! Asks a running `levada` over HTTP.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::exit::Failure;

/// How long a connection may take. An answer may take longer: rows come when they come.
const CONNECT: Duration = Duration::from_secs(10);
/// A head of an answer may be so long.
const HEAD: u64 = 64 << 10;

/// Where a process is, and who asks.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ClientArgs {
    /// The address of `--http` of the process
    #[arg(long, value_name = "HOST:PORT", env = "LEVADA_HTTP")]
    pub(crate) http: String,
    /// Who asks, at `levada serve`: a user who may maintain it. Whom LEVADA_USER names, or else `root`, if not given
    #[arg(long, value_name = "NAME", env = "LEVADA_USER")]
    user: Option<String>,
    /// With what; from the environment, others on this machine do not see it; `root` if not given
    #[arg(long, value_name = "TEXT", env = "LEVADA_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

impl ClientArgs {
    /// Asks for a path, and gives the body, to be read as it comes.
    ///
    /// # Errors
    /// Nobody answers, or the answer is an error.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<impl BufRead + use<>> {
        let address = &self.http;
        let mut stream = connect(address)?;
        let user = self.user.as_deref().unwrap_or("root");
        let login = format!("{user}:{}", self.password.as_deref().unwrap_or("root"));
        let login = BASE64_STANDARD.encode(login);
        // The end of the answer is that of the connection, as of HTTP before 1.1.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Basic {login}\r\n\r\n")?;
        let mut answer = BufReader::new(stream);
        let status = status(&mut answer).with_context(|| format!("{address} does not speak HTTP"))?;
        if status != 200 {
            let mut body = String::new();
            answer.take(HEAD).read_to_string(&mut body)?;
            let said: Option<serde_json::Value> = serde_json::from_str(&body).ok();
            let said = said.as_ref().and_then(|said| said["error"].as_str()).unwrap_or(body.trim());
            bail!("{address} answers {status}: {said}");
        }
        Ok(answer)
    }

    /// The whole body at a path.
    ///
    /// # Errors
    /// As [`ClientArgs::get`].
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<String> {
        let mut body = String::new();
        self.get(path)?.read_to_string(&mut body)?;
        Ok(body)
    }
}

fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let addresses = std::net::ToSocketAddrs::to_socket_addrs(address)
        .map_err(|error| Failure::invalid(format!("--http: `{address}` is no address: {error}")))?;
    let mut failed = None;
    for each in addresses {
        match TcpStream::connect_timeout(&each, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = Some(error),
        }
    }
    let why = failed.map_or_else(|| "it has no address".to_owned(), |error| error.to_string());
    bail!("nobody answers at {address}: {why}; is it the address of --http?")
}

/// The status of an answer, whose head is read.
fn status(answer: &mut impl BufRead) -> anyhow::Result<u16> {
    let mut head = answer.take(HEAD);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.context("no status")?;
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(status);
        }
    }
}

/// A name as a part of a path.
pub(crate) fn part(name: &str) -> String {
    let mut part = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => part.push(char::from(byte)),
            _ => part.push_str(&format!("%{byte:02X}")),
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_head_and_a_body() {
        let mut answer = BufReader::new(b"HTTP/1.1 404 Not Found\r\na: b\r\n\r\nbody".as_slice());
        assert_eq!(status(&mut answer).expect("a status"), 404);
        let mut body = String::new();
        answer.read_to_string(&mut body).expect("text");
        assert_eq!(body, "body");
        assert!(status(&mut BufReader::new(b"SSH-2.0\r\n".as_slice())).is_err());
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(part("plant-a.1_b"), "plant-a.1_b");
        assert_eq!(part("a/b ü"), "a%2Fb%20%C3%BC");
    }
}
