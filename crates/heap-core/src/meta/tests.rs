use super::*;
use crate::os::host;
use crate::os::sim::SimOs;
use crate::sync::thread;

#[test]
fn a_table_is_zero_and_keeps_what_is_written() {
    for os in [SimOs::new() as Arc<dyn Os>, host()] {
        let mut table: Table<u64> = Table::new(&os, 3000).unwrap();
        assert_eq!((table.len(), table.is_empty(), table.bytes()), (3000, false, Bytes::kib(24)));
        assert!(table.slice(0..3000).iter().all(|&value| value == 0));
        *table.get_mut(2999) = 7;
        table.slice_mut(10..12).copy_from_slice(&[1, 2]);
        assert_eq!((*table.get(2999), *table.get(10), *table.get(11), *table.get(12)), (7, 1, 2, 0));
        assert_eq!(table.slice(9..13), [0, 1, 2, 0]);
        assert_eq!(table.as_ptr().addr().get(), ptr::from_ref(table.get(0)).addr());
    }
}

#[test]
fn atomics_in_a_table_are_shared() {
    let os: Arc<dyn Os> = SimOs::new();
    let table: Table<atomic::AtomicU32> = Table::new(&os, 100).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for count in table.slice(0..100) {
                    count.fetch_add(1, atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert!(table.slice(0..100).iter().all(|count| count.load(atomic::Ordering::Relaxed) == 2));
}

#[test]
fn a_table_of_nothing_has_no_entry() {
    let os: Arc<dyn Os> = SimOs::new();
    let table: Table<[u64; 8]> = Table::new(&os, 0).unwrap();
    assert!(table.is_empty() && table.slice(0..0).is_empty());
}

#[test]
#[should_panic(expected = "T1: entry 10 of a table of 10")]
fn an_entry_behind_the_last_is_refused() {
    let os: Arc<dyn Os> = SimOs::new();
    let table: Table<u8> = Table::new(&os, 10).unwrap();
    let _ = table.get(10);
}

#[test]
#[should_panic(expected = "T1: entries 5..11 of a table of 10")]
fn a_slice_over_the_end_is_refused() {
    let os: Arc<dyn Os> = SimOs::new();
    let mut table: Table<u8> = Table::new(&os, 10).unwrap();
    let _ = table.slice_mut(5..11);
}

#[test]
fn a_table_the_system_refuses_is_an_error_and_all_are_given_back() {
    let sim = SimOs::new();
    let os: Arc<dyn Os> = sim.clone();
    for absurd in [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8 + 1] {
        let error = Table::<u64>::new(&os, absurd).unwrap_err();
        assert_eq!((error.op, error.code), (OsOp::Table, libc::ENOMEM), "{absurd} entries");
    }
    assert_eq!(sim.calls(), 0);
    sim.fail_nth(1);
    assert_eq!(Table::<u64>::new(&os, 8).unwrap_err().bytes, Bytes::kib(4));
    let table: Table<u64> = Table::new(&os, 8).unwrap();
    assert_eq!(sim.live(), 1);
    drop(table);
    assert_eq!(sim.live(), 0);
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn only_what_is_touched_is_backed() {
    let os = host();
    let page = os.os_page().get();
    let mut table: Table<u8> = Table::new(&os, 1024 * page).unwrap();
    let resident = |table: &Table<u8>| {
        let mut pages = vec![0_u8; 1024];
        // SAFETY: the range is the whole table, and there is a byte for each of its OS pages.
        let result =
            unsafe { libc::mincore(table.as_ptr().as_ptr().cast(), 1024 * page, pages.as_mut_ptr()) };
        assert_eq!(result, 0);
        pages.iter().filter(|&&flags| flags & 1 == 1).count()
    };
    assert_eq!(resident(&table), 0);
    *table.get_mut(0) = 1;
    *table.get_mut(700 * page) = 1;
    assert_eq!(resident(&table), 2);
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn what_is_asked_for_ahead_is_backed_and_reads_as_before() {
    let os = host();
    let page = os.os_page().get();
    let mut table: Table<u8> = Table::new(&os, 64 * page).unwrap();
    *table.get_mut(10 * page) = 7;
    let resident = |table: &Table<u8>| {
        let mut pages = vec![0_u8; 64];
        // SAFETY: the range is the whole table, and there is a byte for each of its OS pages.
        let result = unsafe { libc::mincore(table.as_ptr().as_ptr().cast(), 64 * page, pages.as_mut_ptr()) };
        assert_eq!(result, 0);
        pages.iter().map(|flags| flags & 1 == 1).collect::<Vec<_>>()
    };
    // From the middle of a page to the middle of another, and then past the end.
    table.back(9 * page + 1..12 * page + 5);
    table.back(62 * page..1000 * page);
    table.back(2000 * page..2001 * page);
    let asked = |at: &usize| [9, 10, 11, 12, 62, 63].contains(at);
    // A kernel before 5.14 does not know the request, and leaves all to the first touch.
    let expected = |at: usize| if resident(&table)[9] { asked(&at) } else { at == 10 };
    assert_eq!(resident(&table), (0..64).map(expected).collect::<Vec<_>>());
    assert!((0..64 * page).all(|at| *table.get(at) == if at == 10 * page { 7 } else { 0 }));
}
