use super::*;
use std::collections::HashSet;

fn ids(words: &[&str]) -> Vec<&'static str> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    select(&words).expect("known words").iter().map(|one| one.id()).collect()
}

#[test]
fn ids_are_unique_and_none_is_a_reserved_word() {
    let mut seen = HashSet::from(["all", "headline"]);
    for one in ALL {
        assert!(seen.insert(one.id()), "{} is there twice", one.id());
    }
}

#[test]
fn each_experiment_runs_once_however_often_it_is_named() {
    assert_eq!(ids(&["t09", "headline", "t09"]), vec!["t09", "pause"]);
    assert_eq!(ids(&["all", "t09"]).len(), ALL.len());
}

#[test]
fn an_unknown_word_is_answered_with_every_known_one() {
    let error = select(&[String::from("t00")]).err().expect("unknown").to_string();
    for one in ALL {
        assert!(error.contains(one.id()), "{error}");
    }
    assert!(error.contains("headline all"), "{error}");
}
