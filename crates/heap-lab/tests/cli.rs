//! The built program, as a user meets it: what it prints where, and its exit codes.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

fn lab(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heap-lab")).args(args).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("heap-lab-cli");
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder.join(name)
}

#[test]
fn list_names_the_headline_experiments_in_both_forms() {
    let text = stdout(&lab(&["list"]));
    let json: Value = serde_json::from_slice(&lab(&["list", "--json"]).stdout).expect("JSON");
    for id in ["t09", "pause"] {
        assert!(text.contains(id) && text.contains("Also: "), "{text}");
        let item = json.as_array().and_then(|all| all.iter().find(|one| one["id"] == id)).expect("listed");
        assert_eq!(item["headline"], Value::Bool(true));
    }
}

#[test]
fn classes_are_shown_as_text_csv_and_explained() {
    let csv = stdout(&lab(&["classes", "--csv"]));
    assert_eq!(csv.lines().count(), 69, "a heading and 68 rows");
    assert!(csv.contains("\n3,24,8192,1,341,8,29.24,"), "{csv}");
    assert!(stdout(&lab(&["classes"])).contains("32,768"));
    let explained = lab(&["classes", "--explain", "3", "33B"]);
    assert!(explained.status.success());
    assert!(
        stdout(&explained).contains("class 3: 24 bytes") && stdout(&explained).contains("class 5: 48 bytes")
    );
}

#[test]
fn a_wrong_word_is_an_error_that_lists_the_right_ones() {
    for (args, expected) in [
        (&["run", "t99"][..], "t18"),
        (&["classes", "--explain", "68"], "1 to 67"),
        (&["bench", "sort"], "trees alloc mark pause scav"),
        (&["bench", "alloc", "n17", "gc"], "n128k"),
        (&["bench", "mark", "ring", "10", "1"], "ptr3n"),
        (&["run", "words", "--input", "no-such-directory"], "no-such-directory"),
        (&["run", "t18", "--html", "/proc/none/report.html"], "/proc/none"),
        (&["run", "t01", "--go", "perhaps"], "auto off require"),
        (&["run", "t01", "--extension", "perhaps"], "on off"),
        (&["guest", "host"], "limited large"),
        (&["guest", "limited", "collect", "1"], "limited WAY HEAP OUTSIDE"),
        (&["run", "peers", "--peers", "perhaps"], "auto off require"),
        (&["run", "peers", "--peers-dir", "/none/such"], "/none/such is no folder"),
        (&["run", "t01", "--go-bin", "/none/go"], "/none/go is no program"),
        (&["compare", "a", "b", "--alpha", "2"], "--alpha is 2"),
        (&["unheard-of"], "unheard-of"),
    ] {
        let output = lab(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{args:?}: {}", stdout(&output));
    }
}

#[test]
fn a_run_prints_one_object_an_experiment_and_writes_the_files_asked_for() {
    let (html, markdown) = (scratch("run.html"), scratch("run.md"));
    let output = lab(&[
        "run",
        "t07",
        "t15",
        "--quick",
        "--json",
        "--html",
        html.to_str().expect("UTF-8"),
        "--markdown",
        markdown.to_str().expect("UTF-8"),
    ]);
    let text = stdout(&output);
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!(records.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), ["t07", "t15"]);
    let all_hold = records.iter().all(|one| one["holds"] == Value::Bool(true));
    assert_eq!(output.status.code(), Some(i32::from(!all_hold)), "{}", stderr(&output));
    for record in &records {
        let claims = record["claims"].as_array().expect("claims");
        assert!(!claims.is_empty());
        let held = claims.iter().all(|claim| claim["holds"] == Value::Bool(true));
        assert_eq!(record["holds"], Value::Bool(held));
        for claim in claims {
            assert!(claim["predicted"].is_number() && claim["measured"].is_number(), "{claim}");
        }
    }
    assert!(fs::read_to_string(&html).expect("the page").contains("id=\"t07\""));
    assert!(fs::read_to_string(&markdown).expect("the Markdown").contains("`t15`"));
}

#[test]
fn counting_experiments_hold_in_any_build() {
    // These claim counts and bytes, not times: they hold in an unoptimised build on a busy machine too.
    let output = lab(&["run", "t01", "t05", "t06", "t07", "--quick", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn what_strings_pools_and_arenas_cost_is_counted_right_in_any_build() {
    let output = lab(&["run", "t04", "t08", "s3", "--quick", "--json"]);
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", stderr(&output));
    let mut counted = 0;
    for line in stdout(&output).lines() {
        let record: Value = serde_json::from_str(line).expect("one object a line");
        // Ratios of times depend on the build and the machine.
        let claims = record["claims"].as_array().expect("claims");
        for claim in claims.iter().filter(|claim| claim["unit"] != "×") {
            assert_eq!(claim["holds"], Value::Bool(true), "{claim}");
            counted += 1;
        }
    }
    assert!(counted >= 35, "{counted}");
}

#[test]
fn where_the_bytes_come_from_is_counted_right_in_any_build() {
    let output = lab(&["run", "t11", "t12", "t17", "t19", "--quick", "--json"]);
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", stderr(&output));
    let mut counted = 0;
    for line in stdout(&output).lines() {
        let record: Value = serde_json::from_str(line).expect("one object a line");
        let claims = record["claims"].as_array().expect("claims");
        // Ratios of times depend on the build and the machine. Samples are the same in each run: a heap's dice are.
        let is_time = |claim: &&Value| claim["name"].as_str().is_some_and(|name| name.contains("CPU"));
        for claim in claims.iter().filter(|claim| !is_time(claim)) {
            assert_eq!(claim["holds"], Value::Bool(true), "{claim}");
            counted += 1;
        }
    }
    assert!(counted >= 35, "{counted}");
}

#[test]
fn a_bench_prints_one_object_with_the_promised_keys() {
    for (args, keys) in [
        (&["bench", "trees", "6", "2", "--json"][..], &["ns_per_op"][..]),
        (&["bench", "alloc", "n128k", "gc", "--json"], &["ns_per_op", "cpu_ns_per_op"]),
        (
            &["bench", "mark", "tree", "1000", "2", "--json"],
            &["cycle_wall_ms", "mark_cpu_ns_per_object", "mark_mb_per_s"],
        ),
        (
            &["bench", "mark", "listr", "1000", "2", "--huge-pages", "wanted", "--json"],
            &["mark_cpu_ns_per_object", "walk_cpu_ns_per_object"],
        ),
        (
            &["bench", "pause", "--live", "2MiB", "--mutators", "2", "--seconds", "0.2", "--json"],
            &[
                "live_bytes",
                "ops_per_s",
                "samples",
                "p50_us",
                "p999_us",
                "max_us",
                "mmu_1ms",
                "mmu_1000ms",
                "rss_bytes",
                "memory_bytes",
            ],
        ),
        (
            &[
                "bench",
                "pause",
                "--live",
                "2MiB",
                "--seconds",
                "0.2",
                "--collector",
                "off",
                "--observer",
                "req",
                "--json",
            ],
            &["p90_us", "p99_us", "p9999_us", "mmu_10ms", "gaps", "cpu_us_per_op", "allocated_bytes"],
        ),
        (
            &["bench", "scav", "dropped", "--live", "8MiB", "--seconds", "0.5", "--json"],
            &["returned_percent", "returned_percent_at_s", "cpu_percent_of_one_processor", "rss_bytes"],
        ),
        (
            &["bench", "scav", "idle", "--live", "8MiB", "--seconds", "0.5", "--json"],
            &["returned_percent", "free_bytes", "us_of_cpu_per_mib"],
        ),
        (
            &["bench", "scav", "demand", "--live", "8MiB", "--json"],
            &["returned_percent", "ms_per_gib", "calls", "waits"],
        ),
        (
            &["bench", "scav", "limit", "--live", "8MiB", "--seconds", "0.5", "--json"],
            &["limit_bytes", "rss_of_limit", "held_of_limit", "gc_cpu_percent_of_all_processors", "assists"],
        ),
        (
            &["bench", "scav", "below", "--live", "8MiB", "--seconds", "0.5", "--json"],
            &["limit_below_live_told", "replaced_per_s", "waits"],
        ),
    ] {
        let output = lab(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        let value: Value = serde_json::from_slice(&output.stdout).expect("one object");
        let common = ["bench", "args", "wall_s", "cpu_s", "objects", "cycles", "peak_rss_bytes"];
        for key in common.iter().chain(keys) {
            assert!(!value[*key].is_null(), "{args:?} has no {key}: {value}");
        }
        assert_eq!(value["bench"], args[1]);
    }
}

#[test]
fn an_outcome_says_what_was_asked_of_the_heap() {
    let args = "mark list 100 1 --workers 1 --collector stop-the-world --vectors scalar --huge-pages never";
    let words: Vec<&str> = ["bench"].into_iter().chain(args.split(' ')).chain(["--json"]).collect();
    let value: Value = serde_json::from_slice(&lab(&words).stdout).expect("one object");
    let said: Vec<&str> = value["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(said, &words[2..words.len() - 1]);
    let plain: Value = serde_json::from_slice(&lab(&["bench", "mark", "list", "100", "1", "--json"]).stdout)
        .expect("one object");
    assert_eq!(plain["args"], serde_json::json!(["list", "100", "1"]));
}

#[test]
fn words_of_real_text_are_counted_as_a_plain_map_counts_them() {
    let folder = scratch("words");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("a.txt"), "one two two three three three").expect("a file");
    fs::write(folder.join("b.bin"), b"\xff\xfe\x00\x01 not text").expect("a file");
    let output = lab(&["run", "words", "--quick", "--json", "--input", folder.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let value: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(value["figures"]["words"], 6);
    assert_eq!(value["figures"]["distinct_words"], 3);
}

#[test]
fn gctrace_prints_a_line_for_every_cycle_on_standard_error_and_only_if_asked() {
    let bench = |trace: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heap-lab"));
        command.args(["bench", "mark", "tree", "1000", "3", "--json"]).env_remove("GCTRACE");
        trace.map(|level| command.env("GCTRACE", level));
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{}", stderr(&output));
        output
    };
    let traced = bench(Some("1"));
    let lines: Vec<String> = stderr(&traced).lines().map(str::to_owned).collect();
    // One to be rid of what building left, and three that are timed.
    assert_eq!(lines.len(), 4, "{lines:?}");
    for (index, line) in lines.iter().enumerate() {
        assert!(line.starts_with(&format!("gc {} @", index + 1)), "{line}");
        assert!(line.contains(" reason=asked ") && line.contains(" rounds=barrier-on:"), "{line}");
        let (_, objects) = line.split_once(" live_objects=").expect("a field");
        let objects: u64 = objects.split(' ').next().and_then(|count| count.parse().ok()).expect("a count");
        // With what is left of the runs that the mutator was allocating from.
        assert!((1000..1100).contains(&objects), "{line}");
    }
    serde_json::from_slice::<Value>(&traced.stdout).expect("one object, as without");
    for quiet in [None, Some("0")] {
        assert!(stderr(&bench(quiet)).is_empty());
    }
}

#[test]
fn where_the_bytes_are_is_counted_right_in_any_build() {
    // No Go on the path: it is not needed for anything.
    let output = Command::new(env!("CARGO_BIN_EXE_heap-lab"))
        .args(["run", "t13", "t14", "t20", "--quick", "--json"])
        .env("PATH", "")
        .output()
        .expect("the program starts");
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", stderr(&output));
    let text = stdout(&output);
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!(records.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), ["t13", "t14", "t20"]);
    // What t20 says of the heap's own counts depends on no machine, and is judged; what is resident, and when, is not here.
    let claims = records[2]["claims"].as_array().expect("claims");
    let counted: Vec<_> = claims
        .iter()
        .filter(|claim| claim["name"].as_str().is_some_and(|name| !name.contains("resident")))
        .collect();
    assert!(counted.len() >= 12, "{claims:?}");
    // Whether a program under a limit comes to its end is no matter of the machine's mood, whoever holds it to that.
    let limited = records[1]["claims"].as_array().expect("claims").iter();
    let limited: Vec<_> = limited.filter(|claim| claim["extension"] == true).collect();
    assert_eq!(limited.len(), 4, "{limited:?}");
    for claim in counted.into_iter().chain(limited) {
        assert_eq!(claim["holds"], Value::Bool(true), "{claim}");
    }
    for record in &records {
        assert_eq!(record["figures"]["go"], "none");
    }
    assert!(
        records[0]["figures"]["resident_after_0_s"].as_u64()
            > records[0]["figures"]["resident_before"].as_u64()
    );
}

#[test]
#[cfg(unix)]
fn go_beside_an_experiment_is_a_column_and_its_ratio_and_off_is_off() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("heap-lab-go-beside-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let peer = folder.join("peers-go");
    let figures = r#"{"peer":"go9.9","figures":{"pairs":3205632,"references":1602816,"triples":3202816}}"#;
    fs::write(&peer, format!("#!/bin/sh\necho '{figures}'\n")).expect("a file");
    fs::set_permissions(&peer, fs::Permissions::from_mode(0o755)).expect("a program");
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_heap-lab"))
            .args(["run", "t07", "--quick", "--json"])
            .args(args)
            .env("PATH", &folder)
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        serde_json::from_slice::<Value>(&output.stdout).expect("one object")
    };
    let beside = run(&["--go", "require"]);
    assert_eq!(beside["figures"]["go"], "go9.9");
    assert_eq!(beside["figures"]["go: pairs"]["samples"], serde_json::json!([3_205_632, 3_205_632]));
    let off = run(&["--go", "off"]);
    assert_eq!(off["figures"]["go"], "none");
    assert!(off["figures"]["go: pairs"].is_null());
    fs::remove_dir_all(&folder).expect("removed");
}

#[test]
#[cfg(unix)]
fn a_go_peer_that_knows_nothing_of_residence_costs_its_curve_and_no_more() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("heap-lab-old-peer-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let old = folder.join("peers-go");
    fs::write(&old, "#!/bin/sh\necho 'usage: peers trees DEPTH' >&2\nexit 2\n").expect("a file");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).expect("a program");
    let output = Command::new(env!("CARGO_BIN_EXE_heap-lab"))
        .args(["run", "t13", "t14", "t20", "--quick"])
        .env("PATH", &folder)
        .output()
        .expect("the program starts");
    fs::remove_dir_all(&folder).expect("removed");
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(text.matches("Go beside it: left out, since the Go peer ended with").count(), 3, "{text}");
}

#[test]
fn scavtrace_prints_a_line_for_every_round_on_standard_error_and_only_if_asked() {
    let bench = |trace: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heap-lab"));
        command.args(["bench", "scav", "demand", "--live", "8MiB", "--json"]).env_remove("SCAVTRACE");
        trace.map(|level| command.env("SCAVTRACE", level));
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{}", stderr(&output));
        output
    };
    let traced = bench(Some("1"));
    let lines: Vec<String> = stderr(&traced).lines().map(str::to_owned).collect();
    let [line] = &lines[..] else { panic!("one round, on request: {lines:?}") };
    assert!(line.starts_with("scav 1 @") && line.contains(" by=asked released="), "{line}");
    let value: Value = serde_json::from_slice(&traced.stdout).expect("one object, as without");
    assert!(line.contains(&format!(" calls={} ", value["calls"])), "{line} {value}");
    for quiet in [None, Some("0")] {
        assert!(stderr(&bench(quiet)).is_empty());
    }
}

#[test]
fn saved_runs_of_two_versions_are_compared_and_the_exit_code_says_which_is_worse() {
    let path = |name: &str| scratch(name).to_str().expect("UTF-8").to_owned();
    let (base, worse) = (path("base.jsonl"), path("worse.jsonl"));
    drop(fs::remove_file(&base));
    let output = lab(&["run", "t07", "--quick", "--json", "--repeat", "2", "--save", &base]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = fs::read_to_string(&base).expect("saved");
    assert_eq!(text.lines().count(), 2, "a line a run: {text}");

    let same = lab(&["compare", &base, &base]);
    assert_eq!(same.status.code(), Some(0), "{}", stderr(&same));
    assert!(stdout(&same).starts_with("# No regressions\n"), "{}", stdout(&same));

    // What a grown object would have measured.
    let grown = text.replace(
        "\"bytes_per_object_triples\",\"kind\":\"bytes\",\"value\":24",
        "\"bytes_per_object_triples\",\"kind\":\"bytes\",\"value\":32",
    );
    assert_ne!(grown, text);
    fs::write(&worse, &grown).expect("written");
    let output = lab(&["compare", &base, &worse]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("| t07 | bytes_per_object_triples | bytes | 24 | 32 | 1.333 |"),
        "{}",
        stdout(&output)
    );
    assert_eq!(lab(&["compare", &worse, &base]).status.code(), Some(0), "the other way it is cheaper");
    let json: Value =
        serde_json::from_slice(&lab(&["compare", &base, &worse, "--json"]).stdout).expect("one object");
    assert_eq!(json["regressions"], Value::Bool(true));

    for (name, content, expected) in [
        ("cut.jsonl", &text[..text.len() - 9], "cut off"),
        ("schema.jsonl", &text.replace("heap-lab/1", "heap-lab/7"), "its schema is `heap-lab/7`"),
        ("programs.jsonl", &text.replace("\"t07\"", "\"t77\""), "only BASE has t07"),
        ("single.jsonl", text.lines().next().expect("a line"), "one run does not say"),
    ] {
        let bad = path(name);
        fs::write(&bad, content).expect("written");
        let output = lab(&["compare", &base, &bad]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", stdout(&output));
        assert!(
            stderr(&output).contains(expected) && output.stdout.is_empty(),
            "{name}: {}",
            stderr(&output)
        );
    }
    let output = lab(&["compare", &base, "/none/such"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/none/such"), "{}", stderr(&output));
}

#[test]
fn a_trace_is_written_of_a_bench_and_of_an_experiment() {
    for (name, words) in [
        ("bench", &["bench", "trees", "14", "--json"][..]),
        ("run", &["run", "t07", "--quick", "--json"][..]),
        ("mark", &["bench", "mark", "tree", "1000", "3", "--workers", "2", "--json"][..]),
    ] {
        let path = scratch(&format!("trace-{name}.json"));
        let output = lab(&[words, &["--trace", path.to_str().expect("UTF-8")]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice::<Value>(&output.stdout).expect("one object, as without");
        assert!(stderr(&output).contains(" records"), "{}", stderr(&output));
        let text = fs::read_to_string(&path).expect("the file");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let events = file["traceEvents"].as_array().expect("an array");
        for title in ["cycle 1", "round roots", "heap"] {
            assert!(events.iter().any(|event| event["name"] == title), "{name}: no {title}");
        }
    }
    let output = lab(&["bench", "trees", "10", "--trace", "/nowhere/at/all.json"]);
    assert_eq!(output.status.code(), Some(2), "found before anything runs");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_snapshot_is_taken_and_asked() {
    let file = scratch("tree.heapsnapshot");
    let path = file.to_str().expect("UTF-8");
    let taken = lab(&["snapshot", "--take", path, "--workload", "tree", "--objects", "1000"]);
    assert!(taken.status.success() && stdout(&taken).contains("1,001 objects"), "{}", stdout(&taken));
    let asked = lab(&["snapshot", path, "--top", "3", "--json"]);
    let all: Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    assert_eq!(all["objects"].as_array().map(Vec::len), Some(3));
    let id = all["objects"][2]["id"].to_string();
    let node = stdout(&lab(&["snapshot", path, "--node", &id]));
    assert!(node.contains("a shortest path from the root:") && node.contains(&format!("@{id}")), "{node}");
    for (args, expected) in [
        (&["snapshot", "no-such-file"][..], "no-such-file"),
        (&["snapshot", path, "--node", "2"], "no node has the id 2"),
        (&["snapshot", path, "--workload", "tree"], "--take"),
        (&["snapshot", "--take", path, "--workload", "ring"], "leak list tree"),
    ] {
        let output = lab(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
    }
}
