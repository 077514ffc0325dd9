//! From an event to a line.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::Instant,
};

use reprise_session::printable::{Beginning, CUT, json_line, line};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

use super::{
    Log, Look,
    limits::{Admission, Due},
};
use crate::log::LogFormat;

/// The most bytes of one value.
const LONGEST_VALUE: usize = 3_072;
/// The most bytes of all values of a line: a pipe takes such a line in one piece (PIPE_BUF, 4,096 bytes on Linux).
pub(super) const LONGEST: usize = 3_840;

/// What `tracing` calls an event's text.
const MESSAGE: &str = "message";

/// How a line is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    pub(super) look: Look,
    pub(super) coloured: bool,
}

/// Writes the events that may be written.
pub(super) struct Events(pub(super) Arc<Log>);

impl<S, N> FormatEvent<S, N> for Events
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    /// An error is for nobody: it says that there is no line.
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match self.0.limits.admit(event, Instant::now()) {
            Admission::Write => {}
            Admission::Hold { first } => {
                if first {
                    self.0.queue.look_again();
                }
                return Err(fmt::Error);
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        writer.write_str(&self.0.format.line(*event.metadata().level(), &fields))
    }
}

impl Format {
    /// A line of the log's own.
    pub(super) fn notice(self, level: Level, message: &str) -> String {
        let fields = Fields { values: vec![(MESSAGE, Told::Words(message.to_owned()))], ..Fields::default() };
        self.line(level, &fields)
    }

    /// So many lines could not be written.
    pub(super) fn unwritten(self, lines: u64) -> String {
        let are = if lines == 1 { "line of the log is" } else { "lines of the log are" };
        self.notice(
            Level::WARN,
            &format!("{lines} {are} missing here: they could not be written, or not as fast as they came"),
        )
    }

    /// So many lines of one cause were held back.
    pub(super) fn held_back(self, Due { lines, level, sample }: &Due) -> String {
        let are = if *lines == 1 { "line like this was" } else { "lines like this were" };
        self.notice(*level, &format!("{lines} more {are} left out: {sample}"))
    }

    fn line(self, level: Level, fields: &Fields) -> String {
        match self.look.format {
            LogFormat::Text => self.text(level, fields),
            // Strings, numbers and a map with strings for keys: nothing in it can fail to serialize.
            LogFormat::Json => {
                let time = self.look.timed.then(now);
                json_line(&Object { time, level, fields }).unwrap_or_default() + "\n"
            }
        }
    }

    fn text(self, level: Level, fields: &Fields) -> String {
        let mut text = if self.look.timed { self.painted("2", &now()) + " " } else { String::new() };
        text += &self.painted(colour(level), &format!("{:>5}", level.as_str()));
        let mut room = LONGEST;
        for (name, value) in &fields.values {
            let value = match value {
                Told::Words(words) if *name == MESSAGE || is_one_word(words) => words.clone(),
                Told::Word(words) | Told::Words(words) => format!("{words:?}"),
                Told::Plain(plain) => plain.to_string(),
            };
            let shown = line(&value, room.min(LONGEST_VALUE));
            room = room.saturating_sub(shown.len());
            text.push(' ');
            if *name != MESSAGE {
                text += &self.painted("3", name);
                text += &self.painted("2", "=");
            }
            text += &shown;
        }
        text.push('\n');
        text
    }

    fn painted(self, how: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{how}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "35",
    }
}

/// Whether it stands for itself under a name: what is around it cannot be taken for a part of it, or the reverse.
fn is_one_word(text: &str) -> bool {
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(|inner| inner.replace("\\\\", ""));
    let is_quoted = quoted.is_some_and(|inner| !inner.replace("\\\"", "").contains('"') && !inner.ends_with('\\'));
    is_quoted
        || !text.is_empty() && !text.contains(|character: char| character.is_whitespace() || "\"=".contains(character))
}

fn now() -> String {
    let mut now = String::new();
    // A string takes everything.
    let _ = SystemTime.format_time(&mut Writer::new(&mut now));
    now
}

/// What an event tells.
enum Told {
    /// Text under a name.
    Word(String),
    /// What something says of itself.
    Words(String),
    /// A number, or yes or no.
    Plain(Value),
}

/// What an event tells, in its order: as much of it as goes into a line.
struct Fields {
    values: Vec<(&'static str, Told)>,
    room: usize,
}

impl Default for Fields {
    fn default() -> Self {
        Self { values: Vec::new(), room: LONGEST }
    }
}

impl Fields {
    fn add(&mut self, field: &Field, told: Told) {
        let name = field.name();
        self.values.push((name.strip_prefix("r#").unwrap_or(name), told));
    }

    /// What is written of it, as far as there is room.
    fn written(&mut self, value: fmt::Arguments<'_>) -> String {
        let most = self.room.min(LONGEST_VALUE);
        // One byte more says that there is more.
        let mut written = Beginning::new(most + 1);
        let _ = written.write_fmt(value);
        let mut written = written.into_string();
        if written.len() > most {
            written.truncate(written.floor_char_boundary(most.saturating_sub(CUT.len_utf8())));
            written.push(CUT);
        }
        self.room = self.room.saturating_sub(written.len());
        written
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Told::Plain(value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Told::Plain(value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Told::Plain(value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Told::Plain(value.into()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let word = self.written(format_args!("{value}"));
        self.add(field, if field.name() == MESSAGE { Told::Words(word) } else { Told::Word(word) });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let words = self.written(format_args!("{value:?}"));
        self.add(field, Told::Words(words));
    }
}

/// A line of JSON.
struct Object<'a> {
    time: Option<String>,
    level: Level,
    fields: &'a Fields,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(time) = &self.time {
            object.serialize_entry("timestamp", time)?;
        }
        object.serialize_entry("level", self.level.as_str())?;
        for (name, value) in &self.fields.values {
            match value {
                Told::Word(words) | Told::Words(words) => object.serialize_entry(name, words)?,
                Told::Plain(plain) => object.serialize_entry(name, plain)?,
            }
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use reprise_session::lock::Mutex;
    use tracing_subscriber::{Layer, layer::Context, prelude::*};

    use super::*;
    use reprise_session::printable::{hostile::HOSTILE, is_shown};

    /// Keeps the lines of what is told, in this format.
    struct Lines(Format, Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Lines {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.1.lock().push(self.0.line(*event.metadata().level(), &fields));
        }
    }

    fn lines(format: LogFormat, tell: impl FnOnce()) -> Vec<String> {
        let lines = Arc::default();
        let format = Format { look: Look { format, timed: false }, coloured: false };
        let subscriber = tracing_subscriber::registry().with(Lines(format, Arc::clone(&lines)));
        tracing::subscriber::with_default(subscriber, tell);
        std::mem::take(&mut *lines.lock())
    }

    fn told_of(hostile: &str) {
        let error = anyhow::anyhow!("{hostile}");
        tracing::warn!(policy = hostile, store = %hostile, %error, found = ?hostile, "{hostile}");
    }

    #[test]
    fn an_event_is_a_line_with_its_fields() {
        let tell = || tracing::info!(file = "10-a.wasm", n = 7, ok = true, by = %"me and you", to = ?"a b", "policy is \"live\"");
        assert_eq!(
            lines(LogFormat::Text, tell),
            [" INFO policy is \"live\" file=\"10-a.wasm\" n=7 ok=true by=\"me and you\" to=\"a b\"\n"]
        );
        let told = r#"{"level":"INFO","message":"policy is \"live\"","file":"10-a.wasm","n":7,"ok":true,"by":"me and you","to":"\"a b\""}"#;
        assert_eq!(lines(LogFormat::Json, tell), [told.to_owned() + "\n"]);
    }

    #[test]
    fn text_from_outside_is_one_line_without_effects() {
        for (what, hostile) in HOSTILE {
            let hostile = format!("ERR {hostile}INFO policy is live");
            for format in [LogFormat::Text, LogFormat::Json] {
                let lines = lines(format, || told_of(&hostile));
                assert_eq!(lines.len(), 1, "{what}");
                let line = lines[0].strip_suffix('\n').unwrap();
                assert!(line.chars().all(is_shown), "{what}: {line:?}");
                if format == LogFormat::Json {
                    let object: serde_json::Value = serde_json::from_str(line).unwrap();
                    assert_eq!(
                        (&object["message"], &object["policy"]),
                        (&hostile.clone().into(), &hostile.clone().into())
                    );
                }
            }
        }
    }

    #[test]
    fn no_value_is_taken_for_another_field() {
        for value in [
            "x policy=\"a\"",
            "\"x\" policy=\"a\"",
            "\"x\\\\\" policy=\"a\"",
            "x\" policy=\"a",
            "policy=",
            "",
            "\"\\\"",
        ] {
            for line in lines(LogFormat::Text, || tracing::warn!(error = %value, n = 1, "it failed")) {
                let value = line.strip_prefix(" WARN it failed error=").unwrap().strip_suffix(" n=1\n").unwrap();
                let inner = value.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
                assert!(!inner.replace("\\\\", "").replace("\\\"", "").contains('"'), "{line}");
            }
        }
        let plain = lines(LogFormat::Text, || tracing::warn!(store = %"redis://127.0.0.1:1", "it failed"));
        assert_eq!(plain, [" WARN it failed store=redis://127.0.0.1:1\n"]);
    }

    #[test]
    fn a_line_is_bounded_whatever_is_told() {
        for piece in ["x", "\n", "\"", "\u{202e}", "é", "\u{e0041}"] {
            let long = piece.repeat(1 << 16);
            let text = lines(LogFormat::Text, || told_of(&long)).remove(0);
            assert!(text.len() <= 4_096 && text.contains('…') && text.contains("policy="), "{piece:?} {}", text.len());
            let json = lines(LogFormat::Json, || told_of(&long)).remove(0);
            assert!(json.len() <= 16_384, "{piece:?} {}", json.len());
            let object: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert!(object["message"].as_str().unwrap().starts_with(piece), "{piece:?}");
        }
    }
}
