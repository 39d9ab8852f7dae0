use super::*;
use tricolor::Heap;

fn small(collector: Mode) -> Wish {
    let typed = Typed {
        live: Some(String::from("1MiB")),
        mutators: Some(1),
        seconds: Some(0.05),
        collector: Some(collector.word().to_owned()),
        observer: None,
    };
    Wish { cycles: usize::from(collector != Mode::Off), ..parse(&typed).expect("in range") }
}

#[test]
fn nothing_said_is_a_gibibyte_two_mutators_and_twenty_seconds() {
    let wish = parse(&Typed::default()).expect("the defaults");
    assert_eq!((wish.live, wish.mutators, wish.time), (1 << 30, 2, Duration::from_secs(20)));
    assert_eq!((wish.mode, wish.observer), (Mode::DEFAULT, Observer::OwnOps));
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    let text = |typed: Typed| parse(&typed).expect_err("refused").to_string();
    let word = |text: &str| Some(text.to_owned());
    assert!(text(Typed { live: word("much"), ..Typed::default() }).contains("is no size"));
    assert!(text(Typed { mutators: Some(0), ..Typed::default() }).contains("--mutators is 0"));
    for seconds in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(text(Typed { seconds: Some(seconds), ..Typed::default() }).contains("--seconds"));
    }
    let modes = text(Typed { collector: word("refcount"), ..Typed::default() });
    assert!(modes.contains("concurrent stop-the-world off"), "{modes}");
    let observers = text(Typed { observer: word("nobody"), ..Typed::default() });
    assert!(observers.contains("self spin req"), "{observers}");
}

#[test]
fn a_heap_without_a_collector_says_nothing_of_one() {
    let outcome = run(&Heap::builder(), &small(Mode::Off)).expect("churned");
    let value = serde_json::to_value(&outcome).expect("plain data");
    for key in ["pause_max_us", "stopping_max_us", "work_max_us", "rounds", "mark_cpu_s"] {
        assert!(value.get(key).is_none(), "{key}: {value}");
    }
    assert_eq!(value["cycles"], 0);
    assert!(value["mmu_1000ms"].as_f64().is_some_and(|part| (0.0..=1.0).contains(&part)));
}

#[test]
fn what_stops_the_world_says_for_how_long() {
    let outcome = run(&Heap::builder(), &small(Mode::StopTheWorld)).expect("churned");
    let value = serde_json::to_value(&outcome).expect("plain data");
    for key in ["pause_p50_us", "pause_max_us", "work_p999_us", "slowest_answer_us", "mark_cpu_s"] {
        assert!(value[key].as_f64().is_some_and(|time| time > 0.0), "{key}: {value}");
    }
    assert_eq!(value["rounds"][0]["name"], "stop");
    assert!(value["pause_max_us"].as_f64() >= value["work_max_us"].as_f64());
    assert!(value["work_count"].as_u64() >= Some(1) && value.get("assist_cpu_s").is_none());
}

#[test]
fn what_marks_beside_says_what_it_did_on_mutators_and_has_no_pause() {
    let outcome = run(&Heap::builder(), &small(Mode::Concurrent)).expect("churned");
    let value = serde_json::to_value(&outcome).expect("plain data");
    for key in [
        "work_p999_us",
        "work_p999_cpu_us",
        "work_max_cpu_us",
        "work_max_unbroken_cpu_us",
        "work_cpu_s",
        "slowest_answer_us",
        "mark_cpu_s",
    ] {
        assert!(value[key].as_f64().is_some_and(|time| time > 0.0), "{key}: {value}");
    }
    for key in ["pause_max_us", "stopping_max_us"] {
        assert!(value.get(key).is_none(), "{key}: {value}");
    }
    for kind in ["work", "idle", "memory"] {
        let long = value[format!("{kind}_long")].as_u64();
        let max = value[format!("{kind}_max_cpu_us")].as_f64().expect("measured");
        // The worst of a histogram has three digits.
        assert!((199.7..200.3).contains(&max) || long.map(|long| long > 0) == Some(max > 200.0), "{value}");
        // As much of each as there was work: the worst is of as many.
        assert!(value[format!("{kind}_cpu_s")].as_f64() >= value["work_cpu_s"].as_f64(), "{value}");
    }
    assert_eq!(value["rounds"][0]["name"], "barrier on");
    assert_eq!(value["work_kinds"][3]["name"], "refill");
    assert!(value["assist_cpu_s"].as_f64().is_some() && value["background_cpu_s"].as_f64().is_some());
}
