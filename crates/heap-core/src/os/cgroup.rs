//! The memory limit of the control group this process is in, as the kernel's files tell it.
//!
//! ```text
//!   /proc/self/cgroup      0::/user/app                  the group, in the unified hierarchy (version 2)
//!                          4:memory:/docker/1f           the group, in the hierarchy of a controller (version 1)
//!   /proc/self/mountinfo   … /docker/1f /sys/fs/cgroup/memory … - cgroup cgroup rw,memory
//!                            └ root      └ where the hierarchy's files are, from that root down
//!   folder = where + (group - root)                      ¹
//!   limit  = min over folder and its parents down to where, of memory.max or memory.limit_in_bytes   ²
//! ```
//!
//! ¹ A container sees its own group as the root of the mount, or, in a group namespace, as `/`; a group that does not
//! lie below the root has its files at the mount itself. ² A group is held to every limit above it. Above the mount
//! nothing can be seen, so the answer errs high there. Both versions may be mounted at once with the controller of memory in
//! one of them; the tighter limit of the two counts.
//!
//! Everything but [`memory_limit`] is text in, numbers out. It is asked once, when a heap is built; a limit that
//! changes later is not noticed.

#![forbid(unsafe_code)]

use crate::units::{Bytes, wide};
use std::path::{Component, Path, PathBuf};

/// Version 1 writes "no limit" as the largest multiple of a page that an `i64` holds. Whatever is more than this is none.
const NO_LIMIT_FROM: u64 = 1 << 62;

/// The memory limit of this process's control group: the least of it and its parents' that can be seen. `None` when there
/// is none, on systems without control groups, and when the files cannot be read. Reads a few small files.
#[must_use]
pub fn memory_limit() -> Option<Bytes> {
    if cfg!(miri) {
        return None; // There is no file system.
    }
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let groups = read(Path::new("/proc/self/cgroup"))?;
    let mounts = read(Path::new("/proc/self/mountinfo"))?;
    limit_of(&groups, &mounts, read)
}

/// The two kinds of hierarchies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    One,
    Two,
}

impl Version {
    /// The file with a group's limit.
    const fn file(self) -> &'static str {
        match self {
            Self::One => "memory.limit_in_bytes",
            Self::Two => "memory.max",
        }
    }
}

/// Where the files of a hierarchy that may limit memory are.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Mount {
    version: Version,
    /// The group whose files are at `at`.
    root: PathBuf,
    at: PathBuf,
}

/// The limit, from the texts of `/proc/self/cgroup` and `/proc/self/mountinfo` and what the files say.
fn limit_of(groups: &str, mounts: &str, read: impl Fn(&Path) -> Option<String>) -> Option<Bytes> {
    let mut limits = Vec::new();
    for mount in mounts.lines().filter_map(mount) {
        let Some(group) = groups.lines().find_map(|line| group(line, mount.version)) else { continue };
        for folder in folders(&mount, group) {
            limits.extend(read(&folder.join(mount.version.file())).as_deref().and_then(limit));
        }
    }
    limits.into_iter().min()
}

/// The group in a line of `/proc/self/cgroup`, if it is of that version and, in version 1, of the controller of memory.
fn group(line: &str, version: Version) -> Option<&Path> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
    let is_it = match version {
        Version::One => controllers.split(',').any(|controller| controller == "memory"),
        Version::Two => number == "0" && controllers.is_empty(),
    };
    is_it.then_some(Path::new(group))
}

/// The mount in a line of `/proc/self/mountinfo`, if its hierarchy may limit memory.
fn mount(line: &str) -> Option<Mount> {
    // number, parent, device, root, place, options, any number of optional fields, "-", type, source, options
    let (place, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let (name, _source, options) = (kind.next()?, kind.next()?, kind.next().unwrap_or(""));
    let version = match name {
        "cgroup2" => Version::Two,
        "cgroup" if options.split(',').any(|option| option == "memory") => Version::One,
        _ => return None,
    };
    let mut place = place.split(' ').skip(3);
    Some(Mount { version, root: unescaped(place.next()?), at: unescaped(place.next()?) })
}

/// A path as `mountinfo` writes it: spaces, tabs, line ends and backslashes are three octal digits after a backslash.
fn unescaped(path: &str) -> PathBuf {
    let mut parts = path.split('\\');
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii);
        match code {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(&part[3..]);
            }
            None => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    PathBuf::from(plain)
}

/// The folders whose limits hold for a group: its own, and its parents' down to the mount.
fn folders(mount: &Mount, group: &Path) -> Vec<PathBuf> {
    let below = group.strip_prefix(&mount.root).unwrap_or(Path::new("")); // ¹
    let names: Vec<_> = below.components().collect();
    if names.iter().any(|name| !matches!(name, Component::Normal(_))) {
        return vec![mount.at.clone()]; // A group outside of the namespace: `/../other`.
    }
    // From `below` itself to the empty path.
    below.ancestors().map(|parent| mount.at.join(parent)).collect()
}

/// The number in a limit's file; `None` for "no limit" and for what is no number.
fn limit(text: &str) -> Option<Bytes> {
    let bytes: u64 = text.trim().parse().ok()?;
    (bytes < NO_LIMIT_FROM).then_some(Bytes::new(wide(bytes)))
}

#[cfg(test)]
mod tests;
