//! A collection that stands still between its steps, so that a test does what is dangerous exactly there.
//!
//! The heap's listener is called by the collector between its steps, and the collector waits for it. Here it waits until
//! the test lets it go on. So a test is a schedule:
//!
//! ```text
//!   test                                     collector, on a thread of its own
//!   let cycle = stage.begin();               "began", and waits
//!   cycle.until("roots");                    … "barrier on" … "settled" … "roots": all have answered, and it waits
//!   the field is erased
//!   cycle.finish();                          … "dry" … "marked" … "off" … "ended"
//! ```
//!
//! While it waits in [`Cycle::until`] the test's thread is outside `enter`, so the collector answers for it. To be inside
//! while a step passes there is [`Cycle::until_inside`].

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tricolor::{Event, Heap, HeapBuilder, Mu};

/// The steps between which a collection can stand still, in their order.
pub(crate) const STEPS: [&str; 8] =
    ["began", "barrier on", "settled", "roots", "dry", "marked", "off", "ended"];

/// The longest that a test waits for a step.
const LIMIT: Duration = Duration::from_secs(60);

/// A heap whose collections can be led. See the module's text.
pub(crate) struct Stage {
    pub(crate) heap: Heap,
    is_led: Arc<AtomicBool>,
    told: mpsc::Receiver<&'static str>,
    go_on: mpsc::Sender<()>,
}

impl Stage {
    /// A heap with these settings, which fills free slots with 0xA5 and collects when it is told to.
    pub(crate) fn new(builder: HeapBuilder) -> Self {
        let is_led = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let (go_on, go) = mpsc::channel::<()>();
        let (led, go) = (Arc::clone(&is_led), Mutex::new(go));
        let listener = move |event: &Event| {
            let step = match event {
                Event::Began { .. } => "began",
                Event::Asked { round, .. } => round,
                Event::Marked { .. } => "marked",
                Event::Ended { .. } => "ended",
                Event::Late { .. } | Event::Lost | Event::LimitBelowLive { .. } | _ => return,
            };
            if led.load(SeqCst) && tell.send(step).is_ok() {
                // A test that has failed lets everything go.
                go.lock().expect("nobody panics with it").recv().ok();
            }
        };
        let heap = builder.gc_off().poison(0xA5).on_event(listener).build().expect("a heap");
        Self { heap, is_led, told, go_on }
    }

    /// Begins a collection.
    pub(crate) fn begin(&self) -> Cycle<'_> {
        self.is_led.store(true, SeqCst);
        let heap = self.heap.clone();
        let collector = thread::Builder::new().name("collector".into()).spawn(move || heap.collect());
        Cycle { stage: self, stands: false, collector: Some(collector.expect("the system starts a thread")) }
    }
}

/// A collection that is led.
pub(crate) struct Cycle<'a> {
    stage: &'a Stage,
    /// The collector waits.
    stands: bool,
    collector: Option<thread::JoinHandle<()>>,
}

impl Cycle<'_> {
    /// Lets the collector go on, wherever it stands.
    pub(crate) fn go_on(&mut self) {
        if core::mem::take(&mut self.stands) {
            self.stage.go_on.send(()).ok();
        }
    }

    /// Lets the collector go on until it stands at `step`, if it is not there.
    pub(crate) fn until(&mut self, step: &str) {
        loop {
            self.go_on();
            let at = self.stage.told.recv_timeout(LIMIT);
            self.stands = true;
            match at {
                Ok(at) if at == step => return,
                Ok(at) => assert_ne!(at, "ended", "the collection passed no step {step}"),
                Err(_) => panic!("the collection does not come to {step}"),
            }
        }
    }

    /// The same for a thread that stays inside `enter`, and lets itself be asked there.
    pub(crate) fn until_inside(&mut self, mu: &Mu<'_>, step: &str) {
        let begun = Instant::now();
        self.go_on();
        loop {
            match self.stage.told.try_recv() {
                Ok(at) => {
                    self.stands = true;
                    if at == step {
                        return;
                    }
                    self.go_on();
                }
                Err(_) => {
                    assert!(begun.elapsed() < LIMIT, "the collection does not come to {step}");
                    be_asked(mu);
                }
            }
        }
    }

    /// Lets the collector go on until it waits for this thread, which is inside, to leave.
    pub(crate) fn until_wanted_outside(&mut self, mu: &Mu<'_>) {
        let begun = Instant::now();
        self.go_on();
        while !mu.should_yield() {
            assert!(begun.elapsed() < LIMIT, "the collection wants nothing");
            thread::yield_now();
        }
    }

    /// Lets the collector go on to the end.
    pub(crate) fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stage.is_led.store(false, SeqCst);
        self.go_on();
        let Some(collector) = self.collector.take() else { return };
        while !collector.is_finished() {
            // It may have been about to wait when it was set free.
            if self.stage.told.recv_timeout(Duration::from_millis(1)).is_ok() {
                self.stage.go_on.send(()).ok();
            }
        }
        let ended = collector.join();
        assert!(ended.is_ok() || thread::panicking(), "the collector panicked");
    }
}

impl Drop for Cycle<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// A large object more: what is asked and can be answered inside is answered.
pub(crate) fn be_asked(mu: &Mu<'_>) {
    let _large = mu.alloc_copy(&[0_u64; 5000]);
    thread::sleep(Duration::from_micros(50));
}
