//! Where Debian's httpd has its environment from: `apache2ctl` reads /etc/apache2/envvars as a shell does, over what it was started
//! with. Under systemd the unit's variables get through; `/etc/init.d/apache2`, which starts it elsewhere, begins with none (`env -i`).
//!
//! The file is a package's: it is changed only where the unit's variable would not arrive.

use std::path::PathBuf;

use crate::cli::module::names::Server;

/// What stands behind our line; a line break before it was added, too, if it says so.
const OURS: &str = "# reprise module enable: `disable` takes this line back";
const BROKEN: &str = ", and the line break before it";

/// The file of an instance, `apache2` or `apache2@NAME`; none for another server.
pub(in crate::cli::module) fn file(server: &Server) -> Option<PathBuf> {
    match server.name().split_once('@') {
        None if server.name() == "apache2" => Some("/etc/apache2/envvars".into()),
        Some(("apache2", instance)) => Some(format!("/etc/apache2-{instance}/envvars").into()),
        _ => None,
    }
}

/// The text with our line at its end. It has none.
pub(in crate::cli::module) fn with_line(text: &str, conf: &str) -> String {
    let broken = !text.is_empty() && !text.ends_with('\n');
    let (line_break, says) = if broken { ("\n", BROKEN) } else { ("", "") };
    format!("{text}{line_break}export OPENSSL_CONF={conf} {OURS}{says}\n")
}

/// The text without our line.
pub(in crate::cli::module) fn without_line(text: &str) -> String {
    let last = text.lines().last().unwrap_or_default();
    let kept: String = text.split_inclusive('\n').filter(|line| !line.contains(OURS)).collect();
    // Others may have written behind it since: then the line break is theirs.
    match kept.strip_suffix('\n') {
        Some(whole) if last.contains(OURS) && last.ends_with(BROKEN) => whole.to_owned(),
        _ => kept,
    }
}

/// Our line's value, if it is there.
pub(in crate::cli::module) fn line(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.contains(OURS))?;
    line.strip_prefix("export OPENSSL_CONF=")?.split(' ').next()
}

/// The value that counts in the end, as far as it can be read without a shell.
pub(in crate::cli::module) fn value(text: &str) -> Option<&str> {
    let mut values = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("export").map_or(line, str::trim_start);
        let value = rest.strip_prefix("OPENSSL_CONF=")?;
        let value = value.split([' ', '\t', ';', '#']).next()?;
        Some(value.trim_matches(['"', '\'']))
    });
    values.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_as_it_came() {
        for text in ["", "a\n", "a", "a\n\n", "unset HOME\nexport LANG=C"] {
            let with = with_line(text, "/etc/reprise/apache2.cnf");
            assert!(with.starts_with(text) && with.ends_with('\n'), "{with}");
            assert_eq!((line(&with), value(&with)), (Some("/etc/reprise/apache2.cnf"), line(&with)));
            assert_eq!(without_line(&with), text);
            // What others have added since stays, on a line of its own.
            let line_break = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            assert_eq!(without_line(&format!("{with}export B=1\n")), format!("{text}{line_break}export B=1\n"));
            assert_eq!(without_line(text), text);
        }
    }

    #[test]
    fn the_last_value_counts() {
        for (text, expected) in [
            ("export OPENSSL_CONF=/a\nOPENSSL_CONF='/b' # x\n", Some("/b")),
            ("  export OPENSSL_CONF=\"/c\";\n", Some("/c")),
            ("# export OPENSSL_CONF=/a\nexport XOPENSSL_CONF=/b\n", None),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
        let file = |name: &str| file(&name.parse().unwrap()).map(|file| file.display().to_string());
        assert_eq!(file("apache2").unwrap(), "/etc/apache2/envvars");
        assert_eq!(file("apache2@shop").unwrap(), "/etc/apache2-shop/envvars");
        assert_eq!(file("nginx"), None);
    }
}
