//! What libFuzzer prints, read for what a developer wants to know.

use std::fmt;
use std::time::Duration;

/// What a run came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Figures {
    /// How many inputs were tried.
    inputs: u64,
    within: Duration,
    /// How many edges of the program they reached.
    edges: u64,
    /// How many inputs are kept, each for something that no other reaches.
    kept: u64,
}

impl Figures {
    /// Reads the log of a run that ended well. None when it does not say all of it.
    pub fn read(log: &str, within: Duration) -> Option<Self> {
        let inputs = log.lines().rev().find_map(|line| {
            let count = line.strip_prefix("stat::number_of_executed_units:")?;
            count.trim().parse().ok()
        })?;
        let status = log.lines().rev().find(|line| line.contains(" cov: "))?;
        let after = |name: &str| {
            let mut words = status.split_whitespace();
            words.find(|word| *word == name)?;
            words.next()?.split('/').next()?.parse().ok()
        };
        Some(Self {
            inputs,
            within,
            edges: after("cov:")?,
            kept: after("corp:")?,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "nothing found in {} inputs within {} s; {} edges reached, {} inputs kept",
            self.inputs,
            self.within.as_secs(),
            self.edges,
            self.kept
        )
    }
}

/// The lines of a log that say what was found.
pub fn finding(log: &str) -> String {
    let says = |line: &&str| line.contains("panicked at") || line.starts_with("==");
    let mut lines = log.lines().skip_while(|line| !says(line));
    let told: Vec<&str> = lines.by_ref().take(4).collect();
    told.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_for_its_figures() {
        let log = "INFO: seed corpus: files: 2\n\
                   #2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #4096\tREDUCE cov: 1293 ft: 5120 corp: 310/21Kb lim: 4 exec/s: 2048 rss: 41Mb L: 3/3\n\
                   #5000\tDONE   cov: 1294 ft: 5121 corp: 311/21Kb lim: 4 exec/s: 2048 rss: 41Mb\n\
                   stat::number_of_executed_units: 5000\n";
        let within = Duration::from_secs(2);
        let figures = Figures::read(log, within).unwrap();
        assert_eq!(
            figures.to_string(),
            "nothing found in 5000 inputs within 2 s; 1294 edges reached, 311 inputs kept"
        );
        assert_eq!(Figures::read("", within), None);
    }

    #[test]
    fn what_was_found_is_told_in_a_few_lines() {
        let log = "#2\tINITED\nthread '<unnamed>' panicked at src/path.rs:1:2:\nthe reason\n\
                   note: run\n==1== ERROR: libFuzzer: deadly signal\n#0\n#1\n";
        assert!(finding(log).contains("the reason"));
        assert!(!finding(log).contains("#1"));
    }
}
