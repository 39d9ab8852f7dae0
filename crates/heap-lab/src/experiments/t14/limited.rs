//! A program under a limit of memory, and whether it comes to its end.
//!
//! The program is a [guest](crate::guest): it fills a heap, drops everything, collects, and then needs memory outside the heap, step by
//! step. In a control group the kernel ends it when the group has too much. Where no group can be made, a file with the limit takes the
//! place of the kernel's, and this process that of its killer: after each step outside the heap it looks at what is resident of the
//! program, and ends it if that is more than the file says. No step is taken meanwhile, so it is no matter of time.

use crate::error::LabError;
use crate::guest::{DONE, Guest, OUTSIDE, STEP, Way, this_program};
use crate::measure::group::Group;
use crate::measure::resident::resident_of;
use crate::scratch::Scratch;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `SIGKILL`: what the kernel ends with whoever has too much.
const KILL: i32 = 9;
/// The name of the kernel's file, and of the one that takes its place.
const LIMIT: &str = "memory.max";

/// Who holds a program to its limit.
pub(super) enum Keeper {
    /// The kernel.
    Kernel(Group),
    /// This process, by a file in this folder; and why not the kernel.
    Ours(Scratch, String),
}

impl Keeper {
    /// One for a limit of so many bytes.
    pub(super) fn of(limit: usize) -> Result<Self, LabError> {
        Group::limited(limit).map(Self::Kernel).or_else(|why| Self::by_file(limit, why))
    }

    fn by_file(limit: usize, why: String) -> Result<Self, LabError> {
        let folder = Scratch::new()?;
        let file = folder.file(LIMIT);
        fs::write(&file, limit.to_string()).map_err(LabError::io("write", &file))?;
        Ok(Self::Ours(folder, why))
    }

    /// Takes a program into custody before its first step.
    fn take(&mut self, process: u32, limit: usize) -> Result<(), LabError> {
        let Self::Kernel(group) = self else { return Ok(()) };
        if let Err(why) = group.take(process) {
            *self = Self::by_file(limit, why)?;
        }
        Ok(())
    }

    /// Whether it is for this process to end a program that has so much, and it has too much.
    fn is_too_much(&self, resident: u64) -> Result<bool, LabError> {
        let Self::Ours(folder, _) = self else { return Ok(false) };
        let file = folder.file(LIMIT);
        let limit = fs::read_to_string(&file).map_err(LabError::io("read", &file))?;
        let limit: u64 = limit
            .trim()
            .parse()
            .map_err(|_| LabError::Measure(format!("{} has no number", file.display())))?;
        Ok(resident > limit)
    }
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct End {
    /// Whether by itself, with all that it needed.
    pub(super) is_whole: bool,
    /// Bytes that it had outside the heap then.
    pub(super) outside: usize,
    /// The most that was seen resident of it at the start, after a step outside the heap, and at the end.
    pub(super) most: u64,
}

/// A program that fills and drops so many bytes of heap, and then needs as many outside.
#[derive(Clone, Copy)]
pub(super) struct Program {
    pub(super) heap: usize,
    pub(super) outside: usize,
    pub(super) limit: usize,
}

/// A process, which ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; then both are in vain.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Program {
    /// Runs it to its end. Gives back who held it to its limit, too.
    ///
    /// # Errors
    /// When it cannot be run, or ends otherwise than by itself and than for its memory.
    pub(super) fn run(self, way: Way) -> Result<(End, Keeper), LabError> {
        let mut keeper = Keeper::of(self.limit)?;
        let guest = Guest::Limited { way, heap: self.heap / STEP, outside: self.outside / STEP };
        let lab = this_program()?;
        let mut command = Command::new(&lab);
        command.args(guest.args()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut running = Running(command.spawn().map_err(LabError::io("run", &lab))?);
        let process = running.0.id();
        keeper.take(process, self.limit)?;
        let absent = || LabError::Measure(String::from("a process without its pipes"));
        let mut tell = running.0.stdin.take().ok_or_else(absent)?;
        let said = BufReader::new(running.0.stdout.take().ok_or_else(absent)?);
        let mut end = End { is_whole: false, outside: 0, most: 0 };
        for line in said.lines().map_while(Result::ok) {
            end.outside += if line == OUTSIDE { STEP } else { 0 };
            end.is_whole |= line == DONE;
            let resident = resident_of(process)?;
            end.most = end.most.max(resident);
            if !end.is_whole && keeper.is_too_much(resident)? {
                break;
            }
            // It may have been ended at this moment: then it says nothing more.
            drop(writeln!(tell));
        }
        if end.is_whole {
            drop(running.0.wait());
        } else {
            self.ended(&mut running, &keeper)?;
        }
        Ok((end, keeper))
    }

    /// Makes sure that it was ended for its memory.
    fn ended(self, running: &mut Running, keeper: &Keeper) -> Result<(), LabError> {
        let Keeper::Kernel(_) = keeper else { return Ok(()) };
        let status = running.0.wait().map_err(LabError::io("wait for", Path::new("a program")))?;
        if status.signal() == Some(KILL) {
            return Ok(());
        }
        Err(LabError::Measure(format!("a program under a limit of {} bytes ended with {status}", self.limit)))
    }
}
