use super::args::PolicySetting;
use super::file::FileSettings;
use super::*;
use henge_core::replication::Level;

fn merge(args: ServeArgs, file: &str) -> Result<Settings, SettingsError> {
    Settings::merge(args, FileSettings::parse(file).unwrap())
}

fn why(args: ServeArgs, file: &str) -> String {
    let error = merge(args, file).unwrap_err();
    assert!(!error.hint.is_empty(), "{error} comes without a hint");
    error.to_string()
}

#[test]
fn defaults_make_a_stone_of_its_own() {
    let settings = merge(ServeArgs::default(), "").unwrap();
    assert_eq!(
        (settings.name.as_str(), settings.listen.as_str()),
        ("stone-1", "127.0.0.1:7301")
    );
    assert_eq!((settings.replicas, settings.partitions), (3, 256));
    assert_eq!(settings.members.len(), 1);
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let file = "replicas = 2\npolicy = \"siblings\"\nread-level = 1\npair-bytes-max = \"64KiB\"";
    let args = ServeArgs {
        replicas: Some(1),
        ..ServeArgs::default()
    };
    let settings = merge(args, file).unwrap();
    assert_eq!(settings.replicas, 1);
    assert_eq!(settings.policy, PolicySetting::Siblings);
    assert_eq!(settings.read_level, Level::Replicas(1));
    assert_eq!(settings.node(0, 1).pair_bytes_max, 65_536);
}

#[test]
fn repair_is_set_by_flags_and_by_the_file() {
    let defaults = merge(ServeArgs::default(), "").unwrap().node(0, 1);
    assert_eq!(
        (defaults.sync_round_ms, defaults.sloppy_quorum),
        (30_000, false)
    );
    let file = "sync-round = \"90s\"\nsloppy-quorum = true";
    let node = merge(ServeArgs::default(), file).unwrap().node(0, 1);
    assert_eq!((node.sync_round_ms, node.sloppy_quorum), (90_000, true));
    let args = ServeArgs {
        sync_round: Some(TimeSpan(500)),
        sloppy_quorum: Some(false),
        ..ServeArgs::default()
    };
    let node = merge(args, file).unwrap().node(0, 1);
    assert_eq!((node.sync_round_ms, node.sloppy_quorum), (500, false));
}

#[test]
fn a_flag_without_a_value_means_yes() {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeArgs,
    }
    let line = |words: &[&str]| {
        let words = ["henge"].iter().chain(words);
        <Line as clap::Parser>::try_parse_from(words).map(|line| line.serve)
    };
    let alone = line(&["--sloppy-quorum", "--sync-round", "10s"]).unwrap();
    assert_eq!(alone.sloppy_quorum, Some(true));
    assert_eq!(alone.sync_round, Some(TimeSpan(10_000)));
    let named = line(&["--sloppy-quorum=false"]).unwrap();
    assert_eq!((named.sloppy_quorum, named.sync_round), (Some(false), None));
    let wrong = line(&["--sync-round", "10"]).unwrap_err().to_string();
    assert!(
        wrong.contains("--sync-round") && wrong.contains("30s"),
        "{wrong}"
    );
    let wrong = line(&["--sloppy-quorum=maybe"]).unwrap_err().to_string();
    assert!(wrong.contains("true, false"), "{wrong}");
}

#[test]
fn a_file_names_line_and_what_is_allowed() {
    let unknown = FileSettings::parse("name = \"a\"\nreplica = 3").unwrap_err();
    assert!(
        unknown.contains("line 2") && unknown.contains("replicas"),
        "{unknown}"
    );
    let level = FileSettings::parse("write-level = \"most\"").unwrap_err();
    assert!(
        level.contains("line 1") && level.contains("each_quorum"),
        "{level}"
    );
    let member = FileSettings::parse("member = [\"a=h:1\"]").unwrap_err();
    assert!(member.contains("@ZONE"), "{member}");
    let round = FileSettings::parse("sync-round = \"soon\"").unwrap_err();
    assert!(round.contains("line 1") && round.contains("30s"), "{round}");
    let sloppy = FileSettings::parse("sloppy-quorum = 1").unwrap_err();
    assert!(
        sloppy.contains("line 1") && sloppy.contains("boolean"),
        "{sloppy}"
    );
}

#[test]
fn the_member_list_says_where_this_stone_is() {
    let list = "member = [\"a=127.0.0.1:1@x\", \"b=127.0.0.1:2@y*3\"]";
    let args = ServeArgs {
        name: Some("b".into()),
        ..ServeArgs::default()
    };
    let settings = merge(args, list).unwrap();
    assert_eq!(settings.listen, "127.0.0.1:2");
    assert_eq!(settings.me().unwrap().member.capacity, 3);
    assert!(why(ServeArgs::default(), list).contains("a, b"));
    let zone = Some("z".parse().unwrap());
    let args = ServeArgs {
        name: Some("b".into()),
        zone,
        ..ServeArgs::default()
    };
    assert!(why(args, list).contains("--zone z contradicts y"));
}

#[test]
fn settings_that_cannot_work_together_are_refused_at_the_start() {
    let three = "member = [\"stone-1=h:1@x\", \"b=h:2@y\", \"c=h:3@z\"]\n";
    let level = why(ServeArgs::default(), &format!("{three}write-level = 4"));
    assert!(
        level.contains("--write-level") && level.contains("1 to 3"),
        "{level}"
    );
    assert!(merge(ServeArgs::default(), &format!("{three}write-level = 3")).is_ok());
    for (file, said) in [
        ("partitions = 100", "power of two"),
        ("replicas = 0", "replicas"),
        ("shards = 0", "1 to 256"),
        ("shards = 300", "1 to 256"),
        ("pair-bytes-max = \"2MiB\"", "1048576"),
        ("memory-max = \"2GiB\"", "--shard-memory-max"),
        ("shard-memory-max = \"5GiB\"", "address"),
        ("sync-round = \"99ms\"", "100ms to 24h"),
        ("sync-round = \"25h\"", "100ms to 24h"),
        ("connections-max = 0", "1 to 1000000"),
        ("listen = \"7301\"", "HOST:PORT"),
        ("member = [\"stone-1=h:1@x\", \"stone-1=h:2@y\"]", "stone-1"),
    ] {
        let why = why(ServeArgs::default(), file);
        assert!(why.contains(said), "{file}: {why}");
    }
}
