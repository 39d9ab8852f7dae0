//! The lab: experiments on the heap, each claim predicted from a model before it is measured.
#![forbid(unsafe_code)]

mod unit;
mod claim;
mod error;
mod scratch;
mod size;
mod choice;
mod measure;
mod shapes;
mod sites;
mod scale;
mod churn;
mod peer;
mod page_search;
mod calibrate;
mod record;
mod saved;
mod compare;
mod suite;
mod residence;
mod guest;
mod progress;
mod report;
mod experiment;
mod beside;
mod classes;
mod imports;
mod escape;
mod snapshot;
mod serve;
mod simulate;
mod predict;
mod experiments;
mod bench;
mod args;
mod plan;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match plan::Plan::of(args::Args::parse()).and_then(plan::Plan::carry_out) {
        Ok(verdict) => verdict.into(),
        Err(error) => {
            eprintln!("heap-lab: {error}");
            ExitCode::from(plan::ERROR)
        }
    }
}
