//! What commands print. All of it goes through here, so that a reader who leaves ends a command quietly, and every other
//! failure to write is an error.

use std::io::{self, IsTerminal as _, Write as _};

use super::CliError;

/// Writes to stdout.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    print_bytes(text.as_bytes())
}

/// The same for what came as bytes.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(failed)
}

/// Says on stderr why a command failed.
pub(super) fn complain(message: &str) {
    // Where stderr is gone too, the exit status says it.
    let _ = writeln!(io::stderr(), "leasehold: {message}");
}

/// How wide the terminal is; none where stdout is something else.
pub(super) fn width() -> Option<usize> {
    let out = io::stdout();
    let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(out).ok()).flatten()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

fn failed(source: io::Error) -> CliError {
    match source.kind() {
        io::ErrorKind::BrokenPipe => CliError::NobodyReads,
        _ => CliError::Io { what: "writing to stdout".to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_who_left_is_told_from_a_full_disk() {
        assert!(matches!(failed(io::ErrorKind::BrokenPipe.into()), CliError::NobodyReads));
        assert!(matches!(failed(io::ErrorKind::StorageFull.into()), CliError::Io { .. }));
    }
}
