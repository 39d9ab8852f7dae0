use super::{Mount, Version, folders, group, limit, limit_of, memory_limit, mount};
use crate::units::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A machine with version 2 alone.
const UNIFIED: &str = "\
24 30 0:22 / /proc rw,nosuid shared:5 - proc proc rw
35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev shared:9 master:3 - cgroup2 cgroup2 rw,nsdelegate
36 24 0:31 / /sys/fs/bpf rw - bpf none rw";

/// One with both, the controller of memory in version 1.
const BOTH: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";

/// A container of version 1 without a group namespace.
const CONTAINER: &str = "35 31 0:32 /docker/1f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";

const NO_LIMIT_1: &str = "9223372036854771712\n";

/// Name, groups, mounts, files with their texts, limit.
type Case =
    (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], Option<usize>);

#[test]
fn limits_by_table() {
    const BOTH_GROUPS: &str = "4:memory:/app\n1:cpu:/other\n0::/";
    let table: &[Case] = &[
        ("none is set", "0::/app", UNIFIED, &[("/sys/fs/cgroup/app/memory.max", "max\n")], None),
        ("no file", "0::/app", UNIFIED, &[], None),
        ("its own", "0::/app", UNIFIED, &[("/sys/fs/cgroup/app/memory.max", "1048576\n")], Some(1 << 20)),
        (
            "a parent's is less",
            "0::/a/b/c",
            UNIFIED,
            &[
                ("/sys/fs/cgroup/a/b/c/memory.max", "3000\n"),
                ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
                ("/sys/fs/cgroup/a/memory.max", "2000\n"),
            ],
            Some(2000),
        ),
        (
            "its own is less",
            "0::/a/b",
            UNIFIED,
            &[("/sys/fs/cgroup/a/b/memory.max", "1000\n"), ("/sys/fs/cgroup/a/memory.max", "2000\n")],
            Some(1000),
        ),
        (
            "a child's or sibling's does not count",
            "0::/a",
            UNIFIED,
            &[("/sys/fs/cgroup/a/b/memory.max", "1"), ("/sys/fs/cgroup/c/memory.max", "2")],
            None,
        ),
        ("a namespace: at the mount", "0::/", UNIFIED, &[("/sys/fs/cgroup/memory.max", "4096")], Some(4096)),
        (
            "outside of it",
            "0::/../x",
            UNIFIED,
            &[("/sys/fs/cgroup/memory.max", "4096"), ("/sys/fs/cgroup/../x/memory.max", "1")],
            Some(4096),
        ),
        (
            "version 1",
            BOTH_GROUPS,
            BOTH,
            &[
                ("/sys/fs/cgroup/memory/app/memory.limit_in_bytes", "7000\n"),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", NO_LIMIT_1),
                ("/sys/fs/cgroup/cpu/other/memory.limit_in_bytes", "1"),
            ],
            Some(7000),
        ),
        (
            "version 1, a parent's is less",
            "4:cpu,memory:/a/b",
            BOTH,
            &[
                ("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", NO_LIMIT_1),
                ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000\n"),
            ],
            Some(5000),
        ),
        (
            "version 1, none",
            BOTH_GROUPS,
            BOTH,
            &[("/sys/fs/cgroup/memory/app/memory.limit_in_bytes", NO_LIMIT_1)],
            None,
        ),
        (
            "both versions: the tighter",
            BOTH_GROUPS,
            BOTH,
            &[
                ("/sys/fs/cgroup/memory/app/memory.limit_in_bytes", "7000"),
                ("/sys/fs/cgroup/unified/memory.max", "6000"),
            ],
            Some(6000),
        ),
        (
            "a container's group is the root of its mount",
            "4:memory:/docker/1f/inner",
            CONTAINER,
            &[
                ("/sys/fs/cgroup/memory/inner/memory.limit_in_bytes", NO_LIMIT_1),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9000"),
            ],
            Some(9000),
        ),
        (
            "not below the root",
            "4:memory:/docker/1",
            CONTAINER,
            &[("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9000")],
            Some(9000),
        ),
        ("no groups", "", UNIFIED, &[("/sys/fs/cgroup/memory.max", "4096")], None),
        ("nonsense", "0:/a\n:::\n\u{0}", "a b c - cgroup2\n - cgroup2 x rw", &[], None),
    ];
    for (name, groups, mounts, files, expected) in table {
        let files: BTreeMap<&Path, &str> =
            files.iter().map(|&(path, text)| (Path::new(path), text)).collect();
        let found = limit_of(groups, mounts, |path| files.get(path).map(|&text| text.to_owned()));
        assert_eq!(found, expected.map(Bytes::new), "{name}");
    }
}

#[test]
fn numbers_are_read_and_no_limit_is_none() {
    assert_eq!(limit("0\n"), Some(Bytes::ZERO));
    assert_eq!(limit(" 536870912 \n"), Some(Bytes::mib(512)));
    for none in
        ["max", "", "-1", "1.5", "9223372036854771712", "18446744073709551615", "99999999999999999999"]
    {
        assert_eq!(limit(none), None, "{none}");
    }
}

#[test]
fn a_group_with_a_colon_and_a_mount_with_a_space_are_read() {
    assert_eq!(group("0::/a:b", Version::Two), Some(Path::new("/a:b")));
    assert_eq!(group("3:name=systemd:/a", Version::Two), None);
    assert_eq!(group("3:memory_recursive:/a", Version::One), None);
    let line = "1 2 0:3 /x\\040y /mnt/a\\134b\\09 rw a:1 - cgroup2 none rw";
    let found = mount(line).expect("a mount");
    let expected =
        Mount { version: Version::Two, root: PathBuf::from("/x y"), at: PathBuf::from("/mnt/a\\b\\09") };
    assert_eq!(found, expected);
    let below = folders(&found, Path::new("/x y/z"));
    assert_eq!(below, [PathBuf::from("/mnt/a\\b\\09/z"), PathBuf::from("/mnt/a\\b\\09/")]);
}

#[test]
#[cfg_attr(miri, ignore = "needs a file system")]
fn a_tree_of_folders_is_read() {
    let at = std::env::temp_dir().join(format!("cgroup-{}", std::process::id()));
    let folder = at.join("slice/app");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    for (place, text) in
        [(&folder, "max\n"), (&at.join("slice"), "268435456\n"), (&at.join("slice/.."), "536870912\n")]
    {
        std::fs::write(place.join("memory.max"), text).expect("a file for the test");
    }
    let mounts = format!("1 2 0:3 / {} rw - cgroup2 cgroup2 rw", at.display());
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let found =
        ["0::/slice/app", "0::/slice", "0::/", "0::/gone"].map(|groups| limit_of(groups, &mounts, read));
    std::fs::remove_dir_all(&at).expect("the test's own folder");
    assert_eq!(found, [256, 256, 512, 512].map(|mib| Some(Bytes::mib(mib))));
}

#[test]
fn this_process_can_ask() {
    assert!(memory_limit().is_none_or(|limit| limit > Bytes::mib(1)), "{:?}", memory_limit());
}
