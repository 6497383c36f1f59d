//! What is for the shell itself, and not for the store.

use std::time::Duration;

use crate::output::TimeDisplay;

/// What `help` prints.
pub(super) const HELP: &str = "\
Statements end with a semicolon and may take several lines. For the shell itself:
  \\d [PATH]            databases, or the series below a path
  \\dd [PATH]           devices, or those below a path
  \\timing [on|off]     whether the time that a statement takes is shown
  \\watch [SECONDS]     the last statement again and again, every 2 seconds if not given, until Ctrl-C
  \\pager [on|off]      whether long results are shown page by page
  \\q, exit             ends the shell
  set time_zone=ZONE            the zone times are read and printed in: `Europe/Lisbon`, `+08:00`
  set time_display_type=TYPE    how times are printed: `default`, `long` (milliseconds), or a form as `yyyy-MM-dd HH:mm:ss`
  set fetch_size=ROWS           how many rows of a query come at a time; `default` for the store's own number
  show time_zone, show time_display_type, show fetch_size";

/// How often `\watch` asks where it is not said.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// The most rows that come at a time: they are held in memory.
const MAX_FETCH_SIZE: u32 = 1_000_000;
/// The longest interval of `\watch`: a day.
const MAX_WATCH_SECONDS: f64 = 86_400.0;

/// Something for the shell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    Quit,
    Help,
    /// Whether times are shown; the other way round where it is not said.
    Timing(Option<bool>),
    Pager(Option<bool>),
    Watch(Duration),
    /// A statement, in short.
    Statement(String),
    SetZone(String),
    ShowZone,
    SetTimeDisplay(TimeDisplay),
    ShowTimeDisplay,
    /// Rows that come at a time; as many as the store likes where `None`.
    SetFetchSize(Option<usize>),
    ShowFetchSize,
}

impl Command {
    /// What a line, or a statement, is for the shell; `None` where it is for the store.
    ///
    /// # Errors
    /// It is for the shell, and wrong; the message says what would be right.
    pub(super) fn parse(text: &str) -> Option<Result<Self, String>> {
        let text = text.trim();
        if let Some(command) = text.strip_prefix('\\') {
            return Some(short(command));
        }
        match text.to_ascii_lowercase().as_str() {
            "quit" | "exit" => return Some(Ok(Self::Quit)),
            "help" | "?" => return Some(Ok(Self::Help)),
            _ => {}
        }
        let (verb, rest) = text.split_once(char::is_whitespace)?;
        let rest = rest.trim();
        if verb.eq_ignore_ascii_case("show") {
            return match rest.to_ascii_lowercase().as_str() {
                "time_zone" => Some(Ok(Self::ShowZone)),
                "time_display_type" => Some(Ok(Self::ShowTimeDisplay)),
                "fetch_size" => Some(Ok(Self::ShowFetchSize)),
                _ => None,
            };
        }
        if !verb.eq_ignore_ascii_case("set") {
            return None;
        }
        let (name, value) = rest.split_once('=')?;
        let value = value.trim().trim_matches(['\'', '"']);
        match name.trim().to_ascii_lowercase().as_str() {
            "time_zone" => Some(Ok(Self::SetZone(value.to_owned()))),
            "time_display_type" => Some(TimeDisplay::parse(value).map(Self::SetTimeDisplay)),
            "fetch_size" => Some(fetch_size(value).map(Self::SetFetchSize)),
            _ => None,
        }
    }
}

/// How many rows come at a time.
fn fetch_size(value: &str) -> Result<Option<usize>, String> {
    if value.eq_ignore_ascii_case("default") {
        return Ok(None);
    }
    match value.parse::<u32>() {
        Ok(rows @ 1..=MAX_FETCH_SIZE) => Ok(Some(rows as usize)),
        _ => Err(format!(
            "fetch_size is a number of rows from 1 to {MAX_FETCH_SIZE}, or `default`, not `{value}`"
        )),
    }
}

/// A command behind a backslash.
fn short(command: &str) -> Result<Command, String> {
    let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let argument = argument.trim().trim_end_matches(';').trim_end();
    let switch = || match argument.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "on" => Ok(Some(true)),
        "off" => Ok(Some(false)),
        _ => Err(format!("\\{name} takes `on` or `off`, not `{argument}`")),
    };
    match name.trim_end_matches(';') {
        "q" => Ok(Command::Quit),
        "?" | "h" | "help" => Ok(Command::Help),
        "timing" => Ok(Command::Timing(switch()?)),
        "pager" => Ok(Command::Pager(switch()?)),
        "watch" if argument.is_empty() => Ok(Command::Watch(WATCH_INTERVAL)),
        "watch" => match argument.parse::<f64>() {
            Ok(seconds) if (0.1..=MAX_WATCH_SECONDS).contains(&seconds) => {
                Ok(Command::Watch(Duration::from_secs_f64(seconds)))
            }
            _ => Err(format!("\\watch takes a number of seconds, from 0.1 to a day, not `{argument}`")),
        },
        "d" if argument.is_empty() => Ok(Command::Statement("show databases".to_owned())),
        "d" => Ok(Command::Statement(format!("show timeseries {}", below(argument)))),
        "dd" if argument.is_empty() => Ok(Command::Statement("show devices".to_owned())),
        "dd" => Ok(Command::Statement(format!("show devices {}", below(argument)))),
        other => Err(format!("there is no command \\{other}: `help` lists them")),
    }
}

/// The pattern of all that is below a path; one that has a wildcard stays as it is.
fn below(path: &str) -> String {
    if path.contains('*') { path.to_owned() } else { format!("{}.**", path.trim_end_matches('.')) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Command {
        Command::parse(text).expect("for the shell").expect("right")
    }

    #[test]
    fn statements_of_the_store_are_left_to_it() {
        for text in [
            "show databases",
            "set ttl to root.x 1000",
            "select * from root.x",
            "show",
            "set system to readonly",
        ] {
            assert_eq!(Command::parse(text), None, "{text}");
        }
    }

    #[test]
    fn commands_are_understood_in_any_spelling() {
        assert_eq!(parsed("\\d"), Command::Statement("show databases".to_owned()));
        assert_eq!(parsed("\\d root.a"), Command::Statement("show timeseries root.a.**".to_owned()));
        assert_eq!(parsed("\\dd root.*.b;"), Command::Statement("show devices root.*.b".to_owned()));
        assert_eq!(parsed("\\timing"), Command::Timing(None));
        assert_eq!(parsed("\\timing OFF"), Command::Timing(Some(false)));
        assert_eq!(parsed("\\watch 0.5"), Command::Watch(Duration::from_millis(500)));
        assert_eq!(parsed("SET time_zone = '+08:00'"), Command::SetZone("+08:00".to_owned()));
        assert_eq!(parsed("set TIME_DISPLAY_TYPE=long"), Command::SetTimeDisplay(TimeDisplay::Millis));
        assert_eq!(parsed("show Time_Zone"), Command::ShowZone);
        assert_eq!(parsed("set fetch_size=10000"), Command::SetFetchSize(Some(10_000)));
        assert_eq!(parsed("SET fetch_size = default"), Command::SetFetchSize(None));
        assert_eq!(parsed("show fetch_size"), Command::ShowFetchSize);
        for wrong in ["0", "-1", "1000001", "many", ""] {
            let message =
                Command::parse(&format!("set fetch_size={wrong}")).expect("for the shell").expect_err(wrong);
            assert!(message.contains("from 1 to 1000000"), "{message}");
        }
        for (wrong, why) in [("\\timing x", "`on` or `off`"), ("\\watch -1", "seconds"), ("\\x", "`help`")] {
            let message = Command::parse(wrong).expect("for the shell").expect_err("wrong");
            assert!(message.contains(why), "{message}");
        }
    }
}
