use super::{Fault, on};
use std::collections::HashSet;

#[test]
fn faults_are_told_apart_and_none_is_on_by_itself() {
    let numbers: HashSet<u8> = Fault::ALL.iter().map(|fault| *fault as u8).collect();
    assert_eq!(numbers.len(), Fault::ALL.len());
    assert!(!numbers.contains(&0), "zero is none");
    assert!(Fault::ALL.iter().all(|fault| !on(*fault)));
}
