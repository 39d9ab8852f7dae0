//! Runs the programs under many schedules, and says which windows they went through.
//!
//! ```text
//! pct [--schedules N] [--depth D] [--seed S] [--program NAME] [--jobs J] [--without STEP] [--fault FAULT]
//! TRICOLOR_SEED=S pct --program NAME [--depth D]      one schedule, twice
//! pct --prove [--schedules N]                         each step of the protocols left out in turn: N are enough to notice
//! ```
//!
//! The schedules are run by child processes, one a core: a heap that finds itself broken ends its process, and so does one
//! that follows a reference to nowhere. Each writes the seed it is at into a file, so that whatever happens has a seed.

#[cfg(not(pct))]
compile_error!(
    "build in models/pct, whose .cargo/config.toml sets cfg(pct), without RUSTFLAGS in the environment"
);

mod parts;
mod ephemeron;
mod dying;
mod weak;
mod programs;
#[cfg(test)]
mod tests;

use heap_core::fault::step::{self, Step};
use heap_core::sync::scheduled::turn::{Grain, Outcome, Plan, is_scheduled, run};
use heap_testkit::random::Random;
use programs::{ON_PURPOSE, PROGRAMS, Program};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Every named window of the sources.
const WINDOWS: &[&str] = include!(concat!(env!("OUT_DIR"), "/windows.rs"));

/// Points of one schedule, at most.
const LIMIT: u64 = 20_000_000;
/// Schedules after which one is run a second time, to see that it is the same.
const AGAIN: u64 = 250;
/// A child that is at one seed for so long hangs outside the schedule's reach.
const HANGS: Duration = Duration::from_secs(30);
/// Schedules of one child.
const BATCH: u64 = 2_000;

#[derive(Clone)]
struct Args {
    schedules: u64,
    depth: usize,
    seed: u64,
    programs: Vec<&'static Program>,
    jobs: usize,
    passed_on: Vec<String>,
    proves: bool,
    child: Option<(PathBuf, usize)>,
}

fn number(text: &str) -> u64 {
    let parsed = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    parsed.unwrap_or_else(|_| panic!("{text:?} is not a number"))
}

fn args() -> Args {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut args = Args {
        schedules: 10_000,
        depth: 4,
        seed: 1,
        programs: PROGRAMS.iter().collect(),
        jobs: cores,
        passed_on: Vec::new(),
        proves: false,
        child: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} wants a value"));
        match word.as_str() {
            "--schedules" => args.schedules = number(&value()),
            "--depth" => args.depth = number(&value()) as usize,
            "--seed" => args.seed = number(&value()),
            "--jobs" => args.jobs = number(&value()).max(1) as usize,
            "--program" => {
                let name = value();
                args.programs.retain(|program| program.name == name);
                let names: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
                assert!(!args.programs.is_empty(), "no program {name}: there are {names:?}");
            }
            "--without" => {
                let name = value();
                step::leave_out(step_named(&name));
                args.passed_on.extend([word, name]);
            }
            "--fault" => {
                let name = value();
                arm(&name);
                args.passed_on.extend([word, name]);
            }
            "--prove" => args.proves = true,
            "--child" => args.child = Some((PathBuf::from(value()), number(&value()) as usize)),
            _ => panic!("what is {word:?}?"),
        }
    }
    args
}

#[cfg(feature = "faults")]
fn arm(name: &str) {
    use heap_core::fault::{Fault, arm};
    let fault = Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == name);
    arm(Some(fault.unwrap_or_else(|| panic!("no fault {name}: there are {:?}", Fault::ALL))));
}

#[cfg(not(feature = "faults"))]
fn arm(name: &str) {
    panic!("{name}: build with --features faults");
}

/// What the schedules make of a step that is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// One of them fails.
    Found,
    /// The heap does what it should all the same, as far as a program can see: the models of `models/loom` look closer.
    Unseen,
}

/// Steps that matter to threads that run one at a time: those that are not a matter of memory order.
const STEPS: &[(Step, Expected)] = &[
    (Step::StopNotSought, Expected::Found),
    (Step::StopSoughtEarly, Expected::Found),
    (Step::AnsweredOutsideBell, Expected::Found),
    (Step::AnsweredUnlooked, Expected::Found),
    // The collector only waits for longer.
    (Step::NotHeldBySelf, Expected::Unseen),
    (Step::EnteredInTwoSteps, Expected::Found),
    (Step::SleptUnlooked, Expected::Found),
    (Step::ResumedOutsideBell, Expected::Found),
    (Step::StopWithdrawnLate, Expected::Found),
    // A marking worker leaves early, and the others do its work.
    (Step::CountedOutsideLock, Expected::Unseen),
    (Step::OverBeforeBatch, Expected::Found),
    (Step::HintDecides, Expected::Found),
    (Step::EndNotTold, Expected::Found),
    (Step::WaitedUnlooked, Expected::Found),
    (Step::ClaimedInTwoSteps, Expected::Found),
    (Step::JoinedEarly, Expected::Found),
    (Step::RootsInside, Expected::Found),
    (Step::HeededOld, Expected::Found),
    (Step::NotRung, Expected::Found),
    // The collector looks again by itself after a while.
    (Step::AskedSleptUnlooked, Expected::Unseen),
    (Step::HeldUnanswered, Expected::Found),
    // Windows of a few points, which take two threads that are in the right ones: the models of `models/loom` find them.
    (Step::AssistUncounted, Expected::Unseen),
    (Step::OfferUncounted, Expected::Unseen),
    (Step::TakenUnclaimed, Expected::Unseen),
    (Step::TakenUnlooked, Expected::Unseen),
];

fn step_named(name: &str) -> Step {
    let step = STEPS.iter().map(|(step, _)| step).find(|step| format!("{step:?}") == name);
    *step.unwrap_or_else(|| panic!("no step {name}: they are in STEPS of models/pct/src/main.rs"))
}

/// The points that a program passes, by grain: the median of some schedules that are the same everywhere.
fn points(program: &Program) -> [u64; 4] {
    let runs: Vec<_> = (0..15)
        .map(|seed| {
            let plan = Plan { seed, depth: 0, grain: Grain::Window, points: 1, limit: LIMIT, stuck };
            let outcome = run(&plan, || (program.run)(seed));
            judge(program, &outcome)
                .unwrap_or_else(|what| stuck(&format!("in the first runs, seed {seed}: {what}")));
            outcome.points
        })
        .collect();
    core::array::from_fn(|grain| {
        let mut all: Vec<u64> = runs.iter().map(|points| points[grain]).collect();
        all.sort_unstable();
        all[all.len() / 2].max(1)
    })
}

fn stuck(why: &str) -> ! {
    println!("fail\t{}", why.replace('\n', " "));
    std::process::exit(1);
}

/// The schedule with that seed: how fine, and how deep.
fn schedule(program: &Program, seed: u64, depth: usize, points: [u64; 4]) -> Outcome {
    let mut random = Random::new(seed ^ 0x5EED);
    let grain = [Grain::Window, Grain::Near, Grain::Near, Grain::Sync, Grain::Access][random.index(5)];
    // A schedule of its own length has its last points chosen, too.
    let points = points[grain as usize] * (1 + random.below(4)) / 2;
    let depth = 1 + random.index(depth.max(1));
    run(&Plan { seed, depth, grain, points, limit: LIMIT, stuck }, || (program.run)(seed))
}

fn judge(program: &Program, outcome: &Outcome) -> Result<(), String> {
    let unwanted = outcome.panics.iter().find(|(_, text)| text != ON_PURPOSE);
    match unwanted {
        Some((thread, text)) => Err(format!("thread {thread:?} panicked: {text}")),
        None if outcome.left_behind > 0 && !program.leaves => {
            Err(format!("{} threads are left when the program is over", outcome.left_behind))
        }
        None => Ok(()),
    }
}

/// Panics on purpose are not told.
fn hush() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let purpose = info.payload_as_str() == Some(ON_PURPOSE);
        if !(purpose && is_scheduled()) {
            usual(info);
        }
    }));
}

fn child(args: &Args, at: &PathBuf, job: usize) -> ExitCode {
    hush();
    // On one core the turn goes from thread to thread without waking another core.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut set = rustix::thread::CpuSet::new();
    set.set(job % cores);
    rustix::thread::sched_setaffinity(None, &set).ok();
    let at = File::options().write(true).open(at).expect("the parent's file");
    let program = args.programs[0];
    let points = points(program);
    let (mut switches, mut threads, mut all) = (0, 0, 0);
    let mut windows: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in args.seed..args.seed + args.schedules {
        at.write_all_at(&seed.to_le_bytes(), 0).expect("the parent's file");
        let outcome = schedule(program, seed, args.depth, points);
        if let Err(what) = judge(program, &outcome) {
            stuck(&what);
        }
        if seed % AGAIN == 0 {
            let again = schedule(program, seed, args.depth, points);
            if again.fingerprint != outcome.fingerprint {
                stuck("the same seed gave another schedule");
            }
        }
        switches += outcome.switches;
        threads += outcome.threads as u64;
        all += outcome.points[2];
        for (window, count) in outcome.windows {
            *windows.entry(window).or_default() += count;
        }
    }
    println!("sums\t{switches}\t{threads}\t{all}");
    for (window, count) in windows {
        println!("window\t{count}\t{window}");
    }
    ExitCode::SUCCESS
}

#[derive(Default)]
struct Sums {
    schedules: u64,
    switches: u64,
    threads: u64,
    points: u64,
    cpu: Duration,
}

#[derive(Default)]
struct Found {
    programs: BTreeMap<&'static str, Sums>,
    windows: BTreeMap<String, u64>,
    failure: Option<String>,
}

/// Runs a batch in a child process and says what came of it.
fn batch(args: &Args, program: &'static Program, first: u64, count: u64, job: usize, found: &Mutex<Found>) {
    let begun = Instant::now();
    let at = std::env::temp_dir().join(format!("tricolor-pct-{}-{job}", std::process::id()));
    std::fs::write(&at, u64::MAX.to_le_bytes()).expect("a temporary file");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--program", program.name, "--depth", &args.depth.to_string()]);
    command.args(["--seed", &first.to_string(), "--schedules", &count.to_string()]);
    command.args(&args.passed_on).arg("--child").arg(&at).arg(job.to_string());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("a child");
    let seed = || {
        let mut bytes = [0; 8];
        let whole = File::open(&at).and_then(|mut file| file.read_exact(&mut bytes));
        whole.map_or(u64::MAX, |()| u64::from_le_bytes(bytes))
    };
    let (mut last, mut since, mut hangs) = (u64::MAX, Instant::now(), false);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        let now = seed();
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > HANGS && !hangs {
            hangs = true;
            child.kill().ok();
        }
        thread::sleep(Duration::from_millis(20));
    };
    let mut text = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut text).ok();
    let mut found = found.lock().expect("no thread panics");
    let mut what = None;
    for line in text.lines() {
        let parts: Vec<_> = line.split('\t').collect();
        match parts[..] {
            ["fail", why] => what = Some(why.to_owned()),
            ["window", count, name] => *found.windows.entry(name.to_owned()).or_default() += number(count),
            ["sums", switches, threads, points] => {
                let sums = found.programs.entry(program.name).or_default();
                sums.schedules += count;
                sums.switches += number(switches);
                sums.threads += number(threads);
                sums.points += number(points);
                sums.cpu += begun.elapsed();
            }
            _ => {}
        }
    }
    if !status.success() {
        let why = if hangs { "no progress".to_owned() } else { what.unwrap_or_else(|| status.to_string()) };
        let more = args.passed_on.join(" ");
        let (seed, after) = match seed() {
            // In the runs that count the points, which come first whatever the seed.
            u64::MAX => (args.seed, 0),
            seed => (seed, seed - args.seed + 1),
        };
        found.failure.get_or_insert(format!(
            "{why}\nfound in schedule {after} of {}\nREPRO: TRICOLOR_SEED={seed} just pct-one {} --depth {} {more}",
            program.name, program.name, args.depth
        ));
    }
    std::fs::remove_file(&at).ok();
}

/// One schedule, twice, in this process.
fn one(args: &Args, seed: u64) -> ExitCode {
    hush();
    for program in &args.programs {
        let points = points(program);
        let outcomes = [(); 2].map(|()| {
            let outcome = schedule(program, seed, args.depth, points);
            if let Err(what) = judge(program, &outcome) {
                stuck(&what);
            }
            outcome
        });
        println!("{}: {:?}", program.name, outcomes[0]);
        assert_eq!(outcomes[0].fingerprint, outcomes[1].fingerprint, "the same seed gave another schedule");
    }
    ExitCode::SUCCESS
}

/// Leaves each step out in turn, and says which program noticed, after how many schedules. A step that has to be noticed and is not is
/// left out at other depths, too: where the window is one point of tens of thousands, each depth is another throw.
fn prove(args: &Args) -> ExitCode {
    let mut wrong = 0;
    for (step, expected) in STEPS {
        let mut noticed = noticed(args, *step, args.depth);
        for depth in OTHER_DEPTHS.iter().filter(|_| *expected == Expected::Found) {
            noticed = noticed.or_else(|| self::noticed(args, *step, *depth).map(|what| format!("{what} (depth {depth})")));
        }
        let is_as_expected = noticed.is_some() == (*expected == Expected::Found);
        wrong += u32::from(!is_as_expected);
        let mark = if is_as_expected { "" } else { "  <- NOT AS EXPECTED" };
        println!("{:<20} {}{mark}", format!("{step:?}"), noticed.as_deref().unwrap_or("not found"));
    }
    println!("{} steps left out, {wrong} not as expected", STEPS.len());
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Depths at which a step is left out that was not noticed at the one that was asked for.
const OTHER_DEPTHS: [usize; 2] = [3, 8];

/// Where it was noticed that a step is left out, and what was wrong then.
fn noticed(args: &Args, step: Step, depth: usize) -> Option<String> {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--schedules", &args.schedules.to_string(), "--without", &format!("{step:?}")]);
    // One program after the other, so that the answer is the same each time.
    command.args(["--jobs", "1", "--depth", &depth.to_string(), "--seed", &args.seed.to_string()]);
    let output = command.stderr(Stdio::null()).output().expect("a child");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut told = text.lines().skip_while(|line| !line.starts_with("FAILED: ")).map(str::to_owned);
    let why: String = told.next().unwrap_or_default().chars().skip(8).take(40).collect();
    let place = told.find(|line| line.starts_with("found in")).unwrap_or_default();
    (!output.status.success()).then(|| format!("{place}: {why}"))
}

fn main() -> ExitCode {
    let args = args();
    if args.proves {
        return prove(&args);
    }
    if let Some((at, job)) = &args.child {
        return child(&args, at, *job);
    }
    if let Ok(seed) = std::env::var("TRICOLOR_SEED") {
        return one(&args, number(&seed));
    }
    let each = args.schedules.div_ceil(args.programs.len() as u64);
    let mut queue = VecDeque::new();
    for begun in (0..each).step_by(BATCH as usize) {
        for &program in &args.programs {
            queue.push_back((program, args.seed + begun, BATCH.min(each - begun)));
        }
    }
    let (queue, found) = (Mutex::new(queue), Mutex::new(Found::default()));
    let begun = Instant::now();
    thread::scope(|scope| {
        for job in 0..args.jobs {
            let (queue, found, args) = (&queue, &found, &args);
            scope.spawn(move || {
                while found.lock().expect("no thread panics").failure.is_none() {
                    let Some((program, first, count)) = queue.lock().expect("no thread panics").pop_front()
                    else {
                        return;
                    };
                    batch(args, program, first, count, job, found);
                }
            });
        }
    });
    let found = found.into_inner().expect("no thread panics");
    report(&args, &found, begun.elapsed())
}

fn report(args: &Args, found: &Found, wall: Duration) -> ExitCode {
    let mut all = 0;
    for program in &args.programs {
        let Some(sums) = found.programs.get(program.name) else { continue };
        all += sums.schedules;
        println!(
            "{:<10} {:>8} schedules, {:>6.0} a second and core, each {:.1} threads, {:.0} switches, {:.0} points ({})",
            program.name,
            sums.schedules,
            sums.schedules as f64 / sums.cpu.as_secs_f64(),
            sums.threads as f64 / sums.schedules as f64,
            sums.switches as f64 / sums.schedules as f64,
            sums.points as f64 / sums.schedules as f64,
            program.what
        );
    }
    if let Some(failure) = &found.failure {
        println!("FAILED: {failure}");
        return ExitCode::FAILURE;
    }
    let seconds = wall.as_secs_f64();
    println!(
        "{all} schedules in {seconds:.1} s, {:.0} a second with {} jobs",
        all as f64 / seconds,
        args.jobs
    );
    let missed: Vec<_> = WINDOWS.iter().filter(|window| !found.windows.contains_key(**window)).collect();
    for window in WINDOWS {
        println!("{:>12}  {window}", found.windows.get(*window).copied().unwrap_or(0));
    }
    let unknown: Vec<_> = found.windows.keys().filter(|name| !WINDOWS.contains(&name.as_str())).collect();
    if !unknown.is_empty() {
        println!("FAILED: windows that build.rs did not find in the sources: {unknown:?}");
        return ExitCode::FAILURE;
    }
    println!("windows hit {}/{}", WINDOWS.len() - missed.len(), WINDOWS.len());
    if args.programs.len() == PROGRAMS.len() && !missed.is_empty() {
        println!("FAILED: no schedule went through {missed:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
