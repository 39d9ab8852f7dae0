//! Progress: what is running now and how much is left, on standard error.
//!
//! Nothing here is a result. The bars vanish when they are done, and where standard error is no terminal they never
//! appear, so logs and pipes stay clean. An experiment says what it is doing with [`Progress::stage`]; the runner
//! says which experiment it is with [`Progress::experiment`].

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Two lines on a terminal: the run as a whole, and the stage of the experiment that runs now.
#[derive(Debug)]
pub(crate) struct Progress {
    whole: ProgressBar,
    stage: ProgressBar,
}

impl Progress {
    /// Bars for a run of that many experiments, on standard error.
    pub(crate) fn shown(experiments: usize) -> Self {
        let both = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let whole = both.add(ProgressBar::new(experiments as u64));
        let stage = both.add(ProgressBar::new_spinner());
        // A template that does not parse leaves the default style: a progress bar never stops a measurement.
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}") {
            whole.set_style(style.progress_chars("━╸─"));
        }
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg:.dim}  {elapsed:.dim}") {
            stage.set_style(style);
        }
        // Ten redraws a second: visible movement, and far below a tenth of a per cent of one core.
        stage.enable_steady_tick(Duration::from_millis(100));
        Self { whole, stage }
    }

    /// No bars at all.
    #[cfg(test)]
    pub(crate) fn hidden() -> Self {
        Self { whole: ProgressBar::hidden(), stage: ProgressBar::hidden() }
    }

    /// The experiment that runs now.
    pub(crate) fn experiment(&self, id: &str, title: &str) {
        self.whole.set_message(format!("{id}  {title}"));
        self.stage.set_message("");
        self.stage.reset_elapsed();
    }

    /// What that experiment is doing.
    pub(crate) fn stage(&self, text: impl Into<String>) {
        self.stage.set_message(text.into());
    }

    /// One experiment less to run.
    pub(crate) fn done(&self) {
        self.whole.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stage.finish_and_clear();
        self.whole.finish_and_clear();
    }
}
