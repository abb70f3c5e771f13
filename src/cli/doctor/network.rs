//! Ports: free, or who answers there.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use crate::config::Config;

use super::finding::Finding;

/// Both listeners.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let speaks_plain_http = config.tls.is_none();
    vec![port("http", config.http.address, speaks_plain_http), port("grpc", config.grpc.address, false)]
}

fn port(listener: &'static str, address: SocketAddr, speaks_plain_http: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(CHECK, format!("{listener}: {address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken(listener, address, speaks_plain_http),
        Err(error) => Finding::problem(
            CHECK,
            format!("{listener}: {address} cannot be listened at: {error}"),
            format!("choose another {listener}.address, or give the broker's user the right to this one"),
        ),
    }
}

fn taken(listener: &'static str, address: SocketAddr, speaks_plain_http: bool) -> Finding {
    if speaks_plain_http && answers_as_broker(address).unwrap_or(false) {
        return Finding::ok(CHECK, format!("{listener}: a broker answers at {address} already"));
    }
    let what = format!("{listener}: {address} is in use");
    let advice = format!(
        "unless that is this broker, running: end that program, or choose another {listener}.address"
    );
    if speaks_plain_http {
        Finding::problem(CHECK, what + ", and it is no broker that answers", advice)
    } else {
        Finding::warning(CHECK, what, advice)
    }
}

/// Whether what answers `/readyz` there has the form of a broker's answer.
fn answers_as_broker(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.starts_with("HTTP/1.1 ") && (text.contains("\"status\":\"ready\"") || text.contains("\"code\":")))
}

const CHECK: &str = "ports";
const PATIENCE: Duration = Duration::from_secs(4);
const MOST_BYTES: u64 = 4_096;

#[cfg(test)]
mod tests {
    use super::{super::finding::Level, *};

    #[test]
    fn a_port_is_free_or_somebody_elses() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        assert_eq!(port("grpc", address, false).level, Level::Warning);
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            let _ = stream.read(&mut [0; 512]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello").unwrap();
            other
        });
        let found = port("http", address, true);
        assert_eq!(found.level, Level::Problem, "{found:?}");
        let other = answering.join().unwrap();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            let _ = stream.read(&mut [0; 512]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ready\",\"version\":\"0.1.0\"}").unwrap();
        });
        assert_eq!(port("http", address, true).level, Level::Ok);
        answering.join().unwrap();
        assert_eq!(port("http", "127.0.0.1:0".parse().unwrap(), true).level, Level::Ok);
        let foreign = port("http", "192.0.2.1:80".parse().unwrap(), true);
        assert_eq!(foreign.level, Level::Problem, "{foreign:?}");
    }
}
