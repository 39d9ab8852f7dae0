//! The steps that a model can leave out: the real file.

#[path = "../../../crates/heap-core/src/fault/step.rs"]
pub mod step;
