use super::*;
use clap::Parser;

fn plan(line: &str) -> Result<Plan, LabError> {
    let words = std::iter::once("heap-lab").chain(line.split_whitespace());
    Plan::of(Args::try_parse_from(words).map_err(|error| LabError::Argument(error.to_string()))?)
}

fn message(line: &str) -> String {
    match plan(line) {
        Ok(_) => panic!("`{line}` was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_command_line_is_consistent() {
    use clap::CommandFactory;
    Args::command().debug_assert();
}

#[test]
fn nothing_means_the_headline_with_a_page_whose_path_is_said() {
    let Ok(Plan::Run { experiments, effort, outputs, .. }) = plan("") else { panic!("not a run") };
    let ids: Vec<&str> = experiments.iter().map(|one| one.id()).collect();
    assert_eq!(ids, experiments::HEADLINE);
    assert_eq!(effort, Effort::Full);
    assert!(outputs.say_where && outputs.html.is_some() && !outputs.json);
}

#[test]
fn a_run_without_ids_is_the_headline_without_a_page() {
    let Ok(Plan::Run { experiments, outputs, .. }) = plan("run --quick") else { panic!("not a run") };
    assert_eq!(experiments.len(), experiments::HEADLINE.len());
    assert_eq!(outputs, Outputs::default());
}

#[test]
fn options_reach_the_experiments() {
    let Ok(Plan::Run { effort, options, outputs, .. }) =
        plan("run t05 --quick --json --html a.html --live 64MiB --workers 2 --seed 7 --input src")
    else {
        panic!("not a run")
    };
    assert_eq!(effort, Effort::Quick);
    assert_eq!(options.live, Some(64 << 20));
    assert_eq!(options.workers, Some(2));
    assert_eq!(options.seed, 7);
    assert_eq!(options.input, vec![PathBuf::from("src")]);
    assert!(outputs.json && !outputs.say_where);
    assert_eq!(outputs.html, Some(PathBuf::from("a.html")));
}

#[test]
fn what_is_asked_of_the_heap_reaches_the_bench() {
    let asked = |line: &str| match plan(line) {
        Ok(Plan::Bench { asked, .. }) => asked,
        Ok(_) | Err(_) => panic!("`{line}` is no bench"),
    };
    assert_eq!(asked("bench mark table 1M 5"), Asked::default());
    for one in Width::ALL {
        assert_eq!(asked(&format!("bench mark table 1M 5 --vectors {}", one.word())).width, Some(*one));
    }
    assert!(message("bench mark table 1M 5 --vectors sse").contains("avx2"));
    for one in Huge::ALL {
        assert_eq!(asked(&format!("bench mark graph 1M 5 --huge-pages {}", one.word())).huge, Some(*one));
    }
    assert!(message("bench mark graph 1M 5 --huge-pages always").contains("wanted"));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_runs() {
    assert!(message("run t99").contains("no experiment is called `t99`; there are: "));
    assert!(message("run --workers 0").contains("--workers is 0"));
    assert!(message("run --live lots").contains("`lots` is no size"));
    assert!(message("run --live 0").contains("`0` is no size"));
    assert!(message("run --live 9999TiB").contains("is no size"));
    assert!(message("run --input /no/such/directory").contains("/no/such/directory"));
    assert!(message("classes --csv --explain 3").contains("cannot be used with"));
    assert!(message("bench").contains("KIND"));
    assert!(message("bench trees").contains("trees DEPTH [THREADS]"));
    assert!(message("unheard").contains("unheard"));
}

#[test]
fn the_list_names_every_experiment_in_both_forms() {
    let value: serde_json::Value = serde_json::from_str(&list(true)).expect("JSON");
    let text = list(false);
    let items = value.as_array().expect("an array");
    assert_eq!(items.len(), experiments::ALL.len());
    for item in items {
        let id = item["id"].as_str().expect("an id");
        assert!(text.contains(id), "{id}");
        assert!(item["question"].as_str().is_some_and(|question| question.ends_with('?')), "{id}");
    }
}
