//! The file: reading it, with errors that name line and key, and writing one with the defaults.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Config,
    problem::{ConfigError, Problem},
    settings::{SETTINGS, Setting},
};

/// A configuration file that says the defaults, with every setting explained and its variable named.
#[must_use]
pub fn default_file() -> String {
    let defaults = Config::default();
    let mut text = PREAMBLE.to_owned();
    let mut present = "";
    for setting in SETTINGS {
        let (section, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if section != present {
            let mark = if is_shown(section, &defaults) { "" } else { "# " };
            push_line(&mut text, &format!("\n{mark}[{section}]"));
            present = section;
        } else if section.is_empty() {
            text.push('\n');
        }
        push_setting(&mut text, setting, name, &defaults);
    }
    text
}

/// Reads and understands a file.
pub(super) fn read(path: &Path) -> Result<Config, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| {
        Problem::file(path.to_owned(), None, None, format!("the file cannot be read: {error}"))
    })?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let problem = |key: Option<String>, error: &toml::de::Error| {
        let line = error.span().map(|span| line_of(text, span.start));
        ConfigError::from(Problem::file(PathBuf::from(path), line, key, without_values(error.message())))
    };
    let deserializer = toml::Deserializer::parse(text).map_err(|error| problem(None, &error))?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let key = error.path().to_string();
        problem((key != ".").then_some(key), error.inner())
    })
}

fn push_setting(text: &mut String, setting: &Setting, name: &str, defaults: &Config) {
    let Setting { meaning, example, shown, .. } = setting;
    push_line(text, &format!("# {meaning}\n# {}", setting.variable()));
    match shown(defaults) {
        Some(value) => push_line(text, &format!("{name} = {value}")),
        None => push_line(text, &format!("# {name} = {example}")),
    }
}

fn push_line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

fn is_shown(section: &str, defaults: &Config) -> bool {
    let in_section = |setting: &&Setting| setting.key.rsplit_once('.').is_some_and(|(of, _)| of == section);
    SETTINGS.iter().filter(in_section).any(|setting| (setting.shown)(defaults).is_some())
}

/// The line, counted from 1, that the byte at `offset` is on.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Serde repeats a string of the wrong type in its message; it may be a password that went into the wrong place.
pub(super) fn without_values(message: &str) -> String {
    match (message.find("string \""), message.rfind('"')) {
        (Some(start), Some(end)) => {
            let before = message.get(..start).unwrap_or_default();
            let after = message.get(end + 1..).unwrap_or_default();
            format!("{before}a string{after}")
        }
        _ => message.to_owned(),
    }
}

const PREAMBLE: &str = "\
# Leasehold's settings with their defaults. Each can be set by the environment variable named at it, which wins
# over this file.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text, Path::new("broker.toml")).unwrap_err().problems()[0].to_string()
    }

    #[test]
    fn the_default_file_says_the_defaults() {
        let text = default_file();
        assert_eq!(parse(&text, Path::new("default")).unwrap(), Config::default(), "{text}");
        for setting in SETTINGS {
            assert!(text.contains(&setting.variable()), "{}", setting.key);
        }
    }

    #[test]
    fn the_settings_left_out_of_the_default_file_are_good_as_they_stand_there() {
        let text: String = default_file()
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| is_toml(rest)).unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        let config = parse(&text, Path::new("default")).unwrap();
        assert!(config.tls.is_some_and(|tls| tls.key.ends_with("tls.key")));
        assert!(matches!(config.root_keys, super::super::RootKeySource::File(_)));
    }

    fn is_toml(line: &str) -> bool {
        line.starts_with('[') || line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '))
    }

    #[test]
    fn a_wrong_value_is_named_by_file_line_and_key() {
        let problem = refusal("drain_seconds = 3\n\n[limits]\nburst = true\n");
        assert_eq!(problem, "broker.toml:4: limits.burst: invalid type: boolean `true`, expected u32");
        let problem = refusal("[http]\naddress = \"localhost\"\n");
        assert_eq!(problem, "broker.toml:2: http.address: invalid socket address syntax");
    }

    #[test]
    fn an_unknown_setting_is_named_with_what_there_is() {
        let problem = refusal("[telemetry]\nlog_level = \"info\"\n");
        assert!(problem.starts_with("broker.toml:2: telemetry"), "{problem}");
        assert!(
            problem.contains("unknown field `log_level`, expected one of `log_format`, `log_filter`"),
            "{problem}"
        );
    }

    #[test]
    fn text_that_is_not_toml_is_named_by_line() {
        let problem = refusal("drain_seconds = 3\nburst 3\n");
        assert!(problem.starts_with("broker.toml:2: "), "{problem}");
    }

    #[test]
    fn a_password_in_the_wrong_place_is_not_repeated() {
        for text in [
            "database = \"postgres://u:hunter2@h/d\"",
            "[database]\nurl = \"my://u:hunter2@h\"",
            "limits = \"hunter2\"",
        ] {
            let problem = refusal(text);
            assert!(!problem.contains("hunter2"), "{problem}");
            assert!(problem.contains("database") || problem.contains("limits"), "{problem}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/nowhere/broker.toml")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/broker.toml: the file cannot be read"), "{error}");
    }
}
