//! A control group with a limit of memory, for a process that the kernel is to end when it passes that (Linux, version 2).
//!
//! ```text
//!   /proc/self/cgroup             0::/user/app         our group
//!   /proc/self/mountinfo          … / /sys/fs/cgroup … - cgroup2 …
//!   /sys/fs/cgroup/user           the nearest of our group and those above it that gives its children a limit of memory
//!     cgroup.subtree_control      cpu memory pids      ¹
//!     heap-lab-123/memory.max     made, written, and removed again
//! ```
//! ¹ A group that has processes of its own cannot begin to do so, and one that does has none. So the new group lies beside or above
//! ours, where that may be written to.
//!
//! On most machines it may not, without root or a delegated group; and where the controller of memory is one of version 1 there is no
//! such file at all. Then there is a reason, in words, and whoever wants a limit keeps to it in another way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

/// A group that was made, and is removed when this is dropped. Its processes must have ended by then, or it stays.
#[derive(Debug)]
pub(crate) struct Group {
    folder: PathBuf,
}

impl Group {
    /// A group whose processes may have so many bytes together, or why there is none, as the end of a sentence.
    pub(crate) fn limited(bytes: usize) -> Result<Self, String> {
        let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
        let (groups, mounts) = (read("/proc/self/cgroup")?, read("/proc/self/mountinfo")?);
        let places = places(&groups, &mounts)
            .ok_or_else(|| String::from("there is no hierarchy of control groups of version 2"))?;
        Self::in_one_of(&places, bytes)
    }

    fn in_one_of(places: &[PathBuf], bytes: usize) -> Result<Self, String> {
        let mut why =
            String::from("no control group of version 2 gives a limit of memory to the groups in it");
        for place in places.iter().filter(|place| gives_limits(place)) {
            match Self::made(&place.join(format!("heap-lab-{}", process::id())), bytes) {
                Ok(group) => return Ok(group),
                Err(error) => why = format!("no group may be made in {}: {error}", place.display()),
            }
        }
        Err(why)
    }

    fn made(folder: &Path, bytes: usize) -> std::io::Result<Self> {
        fs::create_dir(folder)?;
        let group = Self { folder: folder.to_owned() };
        fs::write(folder.join("memory.max"), bytes.to_string())?;
        // Else the kernel would write to a disk what is too much. Where there is no swap there is no such file.
        drop(fs::write(folder.join("memory.swap.max"), "0"));
        Ok(group)
    }

    /// Puts a process into it.
    ///
    /// # Errors
    /// When the kernel does not: it may be that our own group and this one have nobody above them whom we may write to.
    pub(crate) fn take(&self, process: u32) -> Result<(), String> {
        let file = self.folder.join("cgroup.procs");
        fs::write(&file, process.to_string()).map_err(|error| format!("{}: {error}", file.display()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel may be about to let go of the last process.
        for _ in 0..20 {
            if fs::remove_dir(&self.folder).is_ok() || !self.folder.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether the groups in it may have a limit of memory.
fn gives_limits(place: &Path) -> bool {
    let text = fs::read_to_string(place.join("cgroup.subtree_control")).unwrap_or_default();
    text.split_whitespace().any(|controller| controller == "memory")
}

/// Our group and those above it, as folders, from the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`.
fn places(groups: &str, mounts: &str) -> Option<Vec<PathBuf>> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    let mut fields = mount.split(' ').skip(3);
    let (root, at) = (fields.next()?, fields.next()?);
    let below = Path::new(group).strip_prefix(root).unwrap_or(Path::new(""));
    Some(below.ancestors().map(|parent| Path::new(at).join(parent)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 master:3 - cgroup2 cgroup2 rw";

    #[test]
    fn our_group_comes_first_and_the_mount_last() {
        let found = places("4:memory:/x\n0::/user/app\n", MOUNTS).expect("version 2");
        assert_eq!(
            found,
            ["/sys/fs/cgroup/user/app", "/sys/fs/cgroup/user", "/sys/fs/cgroup/"].map(PathBuf::from)
        );
        let of_a_container = MOUNTS.replace(" / /sys", " /user /sys");
        assert_eq!(
            places("0::/user/app", &of_a_container).expect("version 2"),
            ["/sys/fs/cgroup/app", "/sys/fs/cgroup/"].map(PathBuf::from)
        );
        assert!(places("4:memory:/x", MOUNTS).is_none() && places("0::/", "").is_none());
    }

    #[test]
    fn a_group_is_made_where_limits_are_given_and_nowhere_else() {
        let top = std::env::temp_dir().join(format!("heap-lab-group-{}", process::id()));
        let (without, with) = (top.join("without"), top.join("with"));
        for (place, controllers) in [(&without, "cpu pids\n"), (&with, "cpu memory\n")] {
            fs::create_dir_all(place).expect("a folder");
            fs::write(place.join("cgroup.subtree_control"), controllers).expect("a file");
        }
        let why =
            Group::in_one_of(&[without.clone(), top.join("absent")], 1).expect_err("nobody gives limits");
        assert!(why.starts_with("no control group"), "{why}");
        let group = Group::in_one_of(&[without, with], 4096).expect("the second does");
        let read = |name: &str| fs::read_to_string(group.folder.join(name)).expect("written");
        assert_eq!((read("memory.max"), read("memory.swap.max")), (String::from("4096"), String::from("0")));
        group.take(17).expect("a file like any other");
        assert_eq!(read("cgroup.procs"), "17");
        fs::remove_dir_all(&top).expect("removed");
    }
}
