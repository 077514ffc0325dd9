//! Options of the command line and of the file, together.

use clap::Parser;

use crate::serve::Options;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: Options,
}

fn cli(arguments: &[&str]) -> Options {
    Command::try_parse_from([&["serve"], arguments].concat()).unwrap().options
}

#[test]
fn the_command_line_wins_over_the_file() {
    let file = toml::from_str::<Options>("lifetime = '1h'\ntickets = 3\nlisten = '127.0.0.1:1'\n").unwrap();
    let options = cli(&["--lifetime", "5m", "--listen", "a=127.0.0.1:2", "--listen", "127.0.0.1:3"]).or(file);
    assert_eq!(options.lifetime, Some("5m".parse().unwrap()));
    assert_eq!(options.tickets, Some("3".parse().unwrap()));
    assert_eq!(options.listen, ["a=127.0.0.1:2".parse().unwrap(), "127.0.0.1:3".parse().unwrap()]);
}

#[test]
fn a_flag_of_the_command_line_wins_over_the_file_too() {
    let file = || toml::from_str::<Options>("strict = true\nsend-proxy = false\n").unwrap();
    let options = cli(&["--strict=false", "--send-proxy"]).or(file());
    assert_eq!((options.strict, options.send_proxy, options.core_dumps), (Some(false), Some(true), None));
    assert_eq!(cli(&[]).or(file()).strict, Some(true));
}

#[test]
fn a_certificate_of_the_command_line_is_not_paired_with_the_files_key() {
    let file = toml::from_str::<Options>("cert = 'f.crt'\nkey = 'f.key'\n").unwrap();
    let options = cli(&["--cert", "c.pem"]).or(file);
    assert_eq!((options.cert, options.key), (Some("c.pem".into()), None));
}

#[test]
fn every_option_of_the_command_line_is_a_key_of_the_file_and_the_reverse() {
    use clap::CommandFactory;
    let mut options: Vec<String> = Command::command()
        .get_arguments()
        .filter_map(|argument| argument.get_long().map(str::to_owned))
        .filter(|long| !matches!(long.as_str(), "help" | "version"))
        .collect();
    let error = toml::from_str::<Options>("no-such-key = 1").unwrap_err().to_string();
    let (_, known) = error.split_once("expected one of").unwrap();
    let mut keys: Vec<String> = known.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let mut declared: Vec<String> = Options::OPTIONS.iter().map(|option| option.replace('_', "-")).collect();
    options.sort();
    keys.sort();
    declared.sort();
    assert_eq!(options, declared);
    assert_eq!(options, keys);
}

#[test]
fn every_default_is_parsed_and_is_the_one_that_the_help_says() {
    use clap::CommandFactory;
    Options::parse_defaults();
    let command = Command::command();
    for (option, default) in Options::DEFAULTS {
        let long = option.replace('_', "-");
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(&long)).unwrap();
        let help = argument.get_help().unwrap().to_string();
        assert!(help.ends_with(&format!("[default: {default}]")), "{help}");
    }
    assert_eq!(cli(&["--drain", "3s"]).drain().0, std::time::Duration::from_secs(3));
}
