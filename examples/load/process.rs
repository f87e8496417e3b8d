//! CPU time and memory of a process, on systems with `/proc`.

use std::fs;
use std::time::Duration;

/// The server's process, or this one.
#[derive(Clone, Copy)]
pub(crate) enum Process {
    Own,
    Other(u32),
}

impl Process {
    /// The CPU time so far, user and system. The kernel reports it in hundredths of a second.
    pub(crate) fn cpu_time(self) -> Option<Duration> {
        let stat = self.read("stat")?;
        // The name in parentheses may contain anything. utime and stime are the 12th and 13th
        // fields after it.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(self) -> Option<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn read(self, name: &str) -> Option<String> {
        let path = match self {
            Self::Own => format!("/proc/self/{name}"),
            Self::Other(pid) => format!("/proc/{pid}/{name}"),
        };
        fs::read_to_string(path).ok()
    }
}
