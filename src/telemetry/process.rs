//! What the process uses of the machine, where the system tells: Linux's `/proc`.

use std::fs;

/// What is used at one moment. None where the system does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Resident memory.
    pub memory_bytes: Option<u64>,
    /// Open file descriptors.
    pub open_files: Option<u64>,
}

impl Resources {
    /// Asks the system.
    #[must_use]
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").ok();
        // One of them is the folder's own.
        let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1));
        Self {
            memory_bytes: status.as_deref().and_then(resident),
            open_files: files.and_then(|files| u64::try_from(files).ok()),
        }
    }
}

fn resident(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_read() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   12 kB\nThreads:\t1\n"), Some(12 * 1_024));
        assert_eq!(resident("VmRSS: many kB"), None);
        assert_eq!(resident(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells() {
        let Resources { memory_bytes, open_files } = Resources::now();
        assert!(memory_bytes.unwrap() > 1 << 20 && open_files.unwrap() >= 3);
    }
}
