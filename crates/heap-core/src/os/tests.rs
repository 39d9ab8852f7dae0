use super::sim::{RESERVATION_MOST, SCRIBBLE, SimOs};
use super::*;

fn sim() -> (Arc<SimOs>, Arc<dyn Os>) {
    let sim = SimOs::new();
    let os: Arc<dyn Os> = sim.clone();
    (sim, os)
}

const CHUNK: Bytes = Bytes::kib(64);

fn write(at: NonNull<u8>, byte: u8) {
    // SAFETY: the tests pass pointers to ready memory that nobody else uses.
    unsafe { at.write(byte) }
}

fn read(at: NonNull<u8>) -> u8 {
    // SAFETY: the tests pass pointers into live reservations and tables; the simulated system's memory can be read
    // in every state, a real system's when it is ready.
    unsafe { at.read() }
}

/// Releases a range nobody uses.
fn release(reservation: &Reservation, offset: Bytes, len: Bytes) -> Result<(), OsError> {
    // SAFETY: the tests hold no reference into their reservations.
    unsafe { reservation.release(offset, len) }
}

/// All systems, and the real one with every word about huge pages: what holds on one must hold on the others.
fn systems() -> Vec<Arc<dyn Os>> {
    let mut all: Vec<Arc<dyn Os>> = vec![SimOs::new(), SimOs::with_os_page(Bytes::kib(64)), host()];
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        use super::linux::{HugePages, LinuxOs};
        all.extend(
            [HugePages::Never, HugePages::Wanted]
                .map(|word| -> Arc<dyn Os> { Arc::new(LinuxOs::new().huge_pages(word)) }),
        );
    }
    all
}

#[test]
fn memory_goes_through_its_four_states_and_reads_zero_whenever_it_gets_ready() {
    for os in systems() {
        let page = os.os_page();
        let reservation = Reservation::reserve(&os, Bytes::mib(1)).unwrap();
        reservation.prepare(Bytes::ZERO, CHUNK).unwrap();
        reservation.ready(Bytes::ZERO, CHUNK).unwrap();
        for offset in [0, 1, CHUNK.get() - 1].map(Bytes::new) {
            assert_eq!(read(reservation.ptr(offset)), 0, "{os:?}: fresh, at {offset:?}");
            write(reservation.ptr(offset), 7);
        }
        release(&reservation, Bytes::ZERO, page).unwrap();
        reservation.ready(Bytes::ZERO, page).unwrap();
        assert_eq!(read(reservation.ptr(Bytes::ZERO)), 0, "{os:?}: released");
        assert_eq!(read(reservation.ptr(Bytes::new(1))), 0, "{os:?}: released");
        reservation.ready(Bytes::ZERO, CHUNK).unwrap();
        let last = CHUNK - Bytes::new(1);
        let expected = if page == CHUNK { 0 } else { 7 };
        assert_eq!(read(reservation.ptr(last)), expected, "{os:?}: ready memory stays as it is");
    }
}

#[test]
fn reservations_and_tables_are_aligned_and_tables_are_zero() {
    for os in systems() {
        for len in [Bytes::new(1), Bytes::kib(12), Bytes::mib(5)] {
            let reservation = Reservation::reserve(&os, len).unwrap();
            assert_eq!(reservation.base().addr().get() % PAGE_BYTES, 0);
            assert!(reservation.len() >= len && reservation.len().get().is_multiple_of(os.os_page().get()));
            let whole = whole_os_pages(&*os, len).unwrap();
            let table = os.table(whole).unwrap();
            assert_eq!(table.addr().get() % os.os_page().get(), 0);
            // SAFETY: the offset is below the table's length.
            let last = unsafe { table.add(whole.get() - 1) };
            assert_eq!((read(table), read(last)), (0, 0));
            write(last, 1);
            // SAFETY: the whole table, of which no pointer is used any more.
            unsafe { os.unreserve(table, whole) }.unwrap();
        }
    }
}

#[test]
fn addresses_and_offsets_turn_into_each_other_inside_the_reservation_only() {
    let (_, os) = sim();
    let reservation = Reservation::reserve(&os, Bytes::mib(1)).unwrap();
    let base = Addr::new(reservation.base().addr().get());
    assert_eq!(reservation.offset_of(base), Some(Bytes::ZERO));
    let last = base.plus(Bytes::new((1 << 20) - 1));
    assert_eq!(reservation.offset_of(last), Some(Bytes::new((1 << 20) - 1)));
    assert_eq!(reservation.ptr(Bytes::new((1 << 20) - 1)).addr().get(), last.get());
    assert!(reservation.contains(base) && reservation.contains(last));
    for outside in [base.get() - 1, last.get() + 1, 0, usize::MAX].map(Addr::new) {
        assert!(!reservation.contains(outside), "{outside:?}");
        assert_eq!(reservation.offset_of(outside), None);
    }
}

#[test]
#[should_panic(expected = "R2: offset 1048576 outside")]
fn no_pointer_outside_the_reservation_is_handed_out() {
    let (_, os) = sim();
    let reservation = Reservation::reserve(&os, Bytes::mib(1)).unwrap();
    let _ = reservation.ptr(Bytes::mib(1));
}

#[test]
#[should_panic(expected = "R1: 64 KiB at offset 1015808")]
fn no_transition_reaches_outside_the_reservation() {
    let (_, os) = sim();
    let reservation = Reservation::reserve(&os, Bytes::mib(1)).unwrap();
    let _ = reservation.prepare(Bytes::kib(992), CHUNK);
}

#[test]
fn a_wish_too_large_is_halved_until_it_is_granted() {
    let (sim, os) = sim();
    sim.limit_reservation(Bytes::mib(12));
    let got = Reservation::reserve_up_to(&os, Bytes::mib(64), Bytes::mib(1)).unwrap();
    assert_eq!((got.len(), sim.calls_of(OsOp::Reserve)), (Bytes::mib(8), 4));
    drop(got);
    let error = Reservation::reserve_up_to(&os, Bytes::mib(64), Bytes::mib(13)).unwrap_err();
    assert_eq!((error.op, error.bytes), (OsOp::Reserve, Bytes::mib(13)));
    let least_above_wanted = Reservation::reserve_up_to(&os, Bytes::mib(1), Bytes::mib(2)).unwrap();
    assert_eq!(least_above_wanted.len(), Bytes::mib(2));
    drop(least_above_wanted);
    assert_eq!(sim.live(), 0);
}

#[test]
fn an_absurd_wish_is_an_error_that_names_it() {
    for os in systems() {
        for absurd in [1 << 60, isize::MAX as usize, usize::MAX] {
            let error = Reservation::reserve(&os, Bytes::new(absurd)).unwrap_err();
            assert_eq!((error.op, error.code), (OsOp::Reserve, libc::ENOMEM), "{os:?}");
        }
        let granted = Reservation::reserve_up_to(&os, Bytes::new(usize::MAX), Bytes::mib(1)).unwrap();
        assert!(granted.len() >= Bytes::mib(1));
    }
    let text = OsError { op: OsOp::Reserve, bytes: Bytes::gib(64), code: libc::ENOMEM }.to_string();
    assert!(text.starts_with("cannot reserve 64 GiB of address space: "), "{text}");
    assert!(
        text.ends_with("; ask for a smaller reservation, or raise the limit on address space (ulimit -v)"),
        "{text}"
    );
}

#[test]
fn what_is_not_ready_reads_as_scribble_on_the_simulated_system() {
    let (_, os) = sim();
    let reservation = Reservation::reserve(&os, CHUNK).unwrap();
    reservation.prepare(Bytes::ZERO, CHUNK).unwrap();
    assert_eq!(read(reservation.base()), SCRIBBLE);
    reservation.ready(Bytes::ZERO, Bytes::new(1)).unwrap();
    assert_eq!((read(reservation.base()), read(reservation.ptr(Bytes::kib(4)))), (0, SCRIBBLE));
    release(&reservation, Bytes::ZERO, Bytes::kib(4)).unwrap();
    assert_eq!(read(reservation.base()), SCRIBBLE);
}

#[test]
fn the_nth_call_fails_once_or_from_then_on() {
    let (sim, os) = sim();
    let calls = |reservation: &Reservation| {
        let page = Bytes::kib(4);
        [
            reservation.prepare(Bytes::ZERO, page).map_err(|error| error.op),
            reservation.ready(Bytes::ZERO, page).map_err(|error| error.op),
            release(reservation, Bytes::ZERO, page).map_err(|error| error.op),
        ]
    };
    sim.fail_nth(1);
    assert_eq!(Reservation::reserve(&os, CHUNK).unwrap_err().op, OsOp::Reserve);
    let reservation = Reservation::reserve(&os, CHUNK).unwrap();
    assert_eq!(calls(&reservation), [Ok(()); 3]);
    sim.fail_nth_of(OsOp::Release, 2);
    reservation.ready(Bytes::ZERO, CHUNK - Bytes::kib(60)).unwrap();
    release(&reservation, Bytes::ZERO, Bytes::kib(4)).unwrap();
    reservation.ready(Bytes::ZERO, Bytes::kib(4)).unwrap();
    assert_eq!(release(&reservation, Bytes::ZERO, Bytes::kib(4)).unwrap_err().op, OsOp::Release);
    sim.fail_from(2);
    reservation.prepare(Bytes::kib(4), Bytes::kib(4)).unwrap();
    for _ in 0..3 {
        assert_eq!(reservation.ready(Bytes::kib(4), Bytes::kib(4)).unwrap_err().op, OsOp::Ready);
    }
    sim.fail_never();
    reservation.ready(Bytes::kib(4), Bytes::kib(4)).unwrap();
    assert_eq!(OsOp::ALL.map(|op| sim.calls_of(op)), [2, 2, 7, 3, 0, 0]);
    assert_eq!(sim.calls(), 14);
    drop(reservation);
    assert_eq!((sim.live(), sim.calls_of(OsOp::Unreserve), sim.calls()), (0, 1, 14));
}

#[test]
fn a_failed_call_changes_nothing() {
    let (sim, os) = sim();
    let reservation = Reservation::reserve(&os, CHUNK).unwrap();
    sim.fail_nth(1);
    reservation.prepare(Bytes::ZERO, CHUNK).unwrap_err();
    reservation.prepare(Bytes::ZERO, CHUNK).unwrap();
    sim.fail_nth(1);
    reservation.ready(Bytes::ZERO, CHUNK).unwrap_err();
    assert_eq!((sim.ready_bytes(), read(reservation.base())), (Bytes::ZERO, SCRIBBLE));
    reservation.ready(Bytes::ZERO, CHUNK).unwrap();
    write(reservation.base(), 9);
    sim.fail_nth(1);
    release(&reservation, Bytes::ZERO, CHUNK).unwrap_err();
    assert_eq!((sim.ready_bytes(), read(reservation.base())), (CHUNK, 9));
    release(&reservation, Bytes::ZERO, CHUNK).unwrap();
    assert_eq!(sim.ready_bytes(), Bytes::ZERO);
}

#[test]
fn ready_memory_has_a_limit_if_wanted() {
    let (sim, os) = sim();
    sim.limit_ready(Bytes::kib(16));
    let reservation = Reservation::reserve(&os, CHUNK).unwrap();
    reservation.prepare(Bytes::ZERO, CHUNK).unwrap();
    reservation.ready(Bytes::kib(2), Bytes::kib(12)).unwrap();
    assert_eq!(sim.ready_bytes(), Bytes::kib(16));
    let error = reservation.ready(Bytes::kib(12), Bytes::kib(8)).unwrap_err();
    assert_eq!((error.op, error.bytes, error.code), (OsOp::Ready, Bytes::kib(8), libc::ENOMEM));
    reservation.ready(Bytes::ZERO, Bytes::kib(16)).unwrap();
    release(&reservation, Bytes::ZERO, Bytes::kib(4)).unwrap();
    reservation.ready(Bytes::kib(16), Bytes::kib(4)).unwrap();
    drop(reservation);
    assert_eq!(sim.ready_bytes(), Bytes::ZERO);
}

#[test]
fn the_simulated_system_has_little_address_space() {
    let (_, os) = sim();
    let error = Reservation::reserve(&os, RESERVATION_MOST + Bytes::kib(4)).unwrap_err();
    assert_eq!(error.op, OsOp::Reserve);
}

#[test]
#[should_panic(expected = "Ready of 4 KiB")]
fn reserved_memory_cannot_get_ready_unprepared() {
    let (_, os) = sim();
    Reservation::reserve(&os, CHUNK).unwrap().ready(Bytes::ZERO, Bytes::kib(4)).unwrap();
}

#[test]
#[should_panic(expected = "is Prepared, not Reserved")]
fn memory_is_prepared_once() {
    let (_, os) = sim();
    let reservation = Reservation::reserve(&os, CHUNK).unwrap();
    reservation.prepare(Bytes::kib(4), Bytes::kib(4)).unwrap();
    reservation.prepare(Bytes::ZERO, CHUNK).unwrap();
}

#[test]
#[should_panic(expected = "page 1 of them is Released, not Ready")]
fn memory_is_released_once() {
    let (_, os) = sim();
    let reservation = Reservation::reserve(&os, CHUNK).unwrap();
    reservation.prepare(Bytes::ZERO, CHUNK).unwrap();
    reservation.ready(Bytes::ZERO, CHUNK).unwrap();
    release(&reservation, Bytes::kib(4), Bytes::kib(4)).unwrap();
    release(&reservation, Bytes::ZERO, CHUNK).unwrap();
}

#[test]
#[should_panic(expected = "not whole OS pages of 64 KiB")]
fn less_than_an_os_page_cannot_be_released() {
    let os: Arc<dyn Os> = SimOs::with_os_page(Bytes::kib(64));
    let reservation = Reservation::reserve(&os, Bytes::mib(1)).unwrap();
    reservation.prepare(Bytes::ZERO, CHUNK).unwrap();
    reservation.ready(Bytes::ZERO, CHUNK).unwrap();
    release(&reservation, Bytes::ZERO, Bytes::kib(8)).unwrap();
}
