//! Seeded faults: known mistakes that a test can switch on, to show that the tests would find them.
//!
//! A test-suite that passes proves little until it has been seen to fail. Each [`Fault`] is a mistake real
//! collectors have made, wired into the place where it would be made. Without the `faults` feature [`on`] is a
//! constant `false` and the optimiser removes every trace. With it, one fault at a time is switched on for the whole
//! process by `arm`, and `tests/faults.rs` asserts that a named check notices each of them.

pub mod step;

/// A mistake that can be switched on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[non_exhaustive]
pub enum Fault {
    /// A swept span forgets that its free slots may hold old bytes.
    NeedzeroLost = 1,
    /// A reference is marked but not looked into, one time in a thousand.
    PushDropped = 2,
    /// The marker overlooks the highest word of a pointer mask.
    MaskBitDropped = 3,
    /// Objects with one reference are put into noscan memory.
    NoscanMisclass = 4,
    /// The last piece of a large array is not scanned.
    LargeTailUnscanned = 5,
    /// A span is taken for swept without having been swept.
    SweepSkipped = 6,
    /// A swept span with free slots goes onto its list twice.
    SpanOnTwoLists = 7,
    /// A summary of the page tree is not merged upwards after a page is given back.
    SummaryNotMerged = 8,
    /// The page allocator's search hint is left too high after a page is given back.
    HintTooHigh = 9,
    /// Released pages stay marked released when they are used again.
    ReleasedBitKept = 10,
    /// A released run is counted twice.
    ReleaseCountedTwice = 11,
    /// One root is overlooked.
    RootSkipped = 12,
    /// A refused `ready` call is taken for success.
    RefusalIgnored = 13,
    /// A mutator's runs are not handed back before marking.
    FlushSkipped = 14,
    /// A dead object's drop is queued twice.
    DropTwice = 15,
    /// The hard limit is compared without the pages being asked for.
    LimitIgnoresRequest = 16,
    /// The mark epoch does not move on.
    EpochStuck = 17,
    /// A freed page keeps its owner.
    OwnerKept = 18,
    /// The barrier does not shade what a store deletes.
    DeletionUnshaded = 19,
    /// The barrier does not shade what a store inserts before the roots are taken.
    InsertionUnshaded = 20,
    /// New objects stay white while a cycle marks.
    WhiteAllocation = 21,
    /// A mutator that is asked whether it has anything grey throws its buffer away.
    BufferKept = 22,
    /// A root that is made while a cycle marks is not shaded.
    RootUnshaded = 23,
    /// A root that is cloned while a cycle marks is not shaded.
    CloneUnshaded = 24,
    /// A root that is pointed elsewhere while a cycle marks is not shaded.
    SetUnshaded = 25,
    /// The collector takes the first empty queue for the end of marking.
    NoDryRound = 26,
    /// Barriers are on, and roots are taken, without a round between.
    NoSettledRound = 27,
    /// The root table's shades are not handed over.
    RootShadesKept = 28,
    /// Objects that were lost for want of memory are not looked for.
    LostForgotten = 29,
    /// A run that is handed out while a cycle marks is not marked.
    RunUnmarked = 30,
    /// What is left of a run is not marked when its mutator's roots are taken.
    RestUnmarked = 31,
    /// The tiny block is kept when new objects turn black.
    TinyBlockKept = 32,
    /// A mutator that detaches takes its barrier's buffer with it.
    DetachBufferDropped = 33,
    /// A barrier's buffer that is full is thrown away.
    FullBufferDropped = 34,
    /// The barrier overlooks a word that may be a reference or a number.
    AmbiguousUnshaded = 35,
    /// A mutator that attaches while a cycle marks has its barrier off.
    AttachBarrierOff = 36,
    /// A mutator that attaches while a cycle marks allocates white.
    AttachWhite = 37,
    /// The root table is looked at after the round of roots only.
    TableAfterRound = 38,
    /// The root table begins to shade when it has been looked at.
    ShadingBeginsLate = 39,
    /// The root table stops shading when it has been looked at.
    ShadingEndsEarly = 40,
    /// What the round of dryness brings to light is not looked at.
    DryAnswersIgnored = 41,
    /// The sweep generation moves on before marking has ended.
    GenerationEarly = 42,
    /// The epoch moves on before the sweep of the last cycle is finished.
    SweepUnfinished = 43,
    /// A mutator that is late gives its spans back as swept in the new generation.
    PutBackAsNew = 44,
    /// A span at rest is taken by a store instead of an exchange.
    TakenWithoutExchange = 45,
    /// A mutator that assists throws away what it did not get to.
    AssistRestDropped = 46,
    /// The rest of an array is lost when a slice of marking ends.
    PieceDropped = 47,
    /// The objects in the ring are lost when a slice of marking ends.
    RingDropped = 48,
    /// External bytes are counted twice.
    ExternalTwice = 49,
    /// A mutator near the hard limit does not wait for the collection that is due.
    LimitUnawaited = 50,
    /// Large objects are born white while a cycle marks.
    LargeWhite = 51,
    /// The marks are not cleared when the epochs begin again.
    MarksKept = 52,
    /// Who gets slots that a mutator whose objects were black has given back does not take their marks away.
    MarkedFreeForgotten = 53,
    /// A mutator that leaves answers the call it has read, though the collector has answered for it since.
    OldCallAnswered = 54,
    /// A word that may be a reference or a number is looked up by the barrier, before all roots are taken.
    NumberLookedUpEarly = 55,
    /// The barrier does not shade what is removed from a sequence.
    RemovedUnshaded = 56,
    /// What is removed from a sequence stays in the place where it was.
    RemovedKept = 57,
    /// The barrier does not shade what is overwritten when many values are moved at once.
    MovedUnshaded = 58,
    /// The barrier does not shade what is put into places that held nothing, before the roots are taken.
    ManyInsertedUnshaded = 59,
    /// A vector that grows does not shade the memory it had.
    ReplacedUnshaded = 60,
    /// A vector that grows before the roots are taken does not shade the memory it gets.
    ReplacementUnshaded = 61,
    /// Memory of a sequence that may be looked into is handed out with old contents.
    PlacesUncleared = 62,
    /// The marker's vectors overlook the last of sixty-four words.
    LaneDropped = 63,
    /// A span that was swept at rest is still counted as it was before.
    SweptUncounted = 64,
    /// The page allocator's bound for searches from the top is left too low after a page is given back.
    TopTooLow = 65,
    /// A run that the system did not take is put back as released.
    RefusedAsReleased = 66,
    /// The scavenger is not told that sweeping has ended.
    SweepEndUntold = 67,
    /// An allocation that passes the memory limit releases nothing.
    ReleaseUnassisted = 68,
    /// The scavenger does not know of the memory limit.
    LimitUnscavenged = 69,
    /// A chunk that was dense when the last cycle ended is not spared.
    PastForgotten = 70,
    /// A scavenger takes the next run before those who wait for the last have looked.
    WaiterOvertaken = 71,
    /// The marker does not decode tagged words.
    DecoderUnused = 72,
    /// The barrier does not decode tagged words.
    TagUnshaded = 73,
    /// A range of a mutator's own roots is not shaded.
    RangeUnshaded = 74,
    /// What a mutator's own callback reports is not shaded.
    CallbackUnheard = 75,
    /// A mutator's own roots are shaded a round too early, and not when they are taken.
    OwnRootsEarly = 76,
    /// The barrier does not shade what is taken out of a map.
    EntryUnshaded = 77,
    /// A map that grows does not shade the tables it had.
    RehashUnshaded = 78,
    /// A place of a map that searches have gone past is left as if none had.
    SearchCut = 79,
    /// A weak load does not shade what it finds.
    WeakUnshaded = 80,
    /// A weak load does not say that it shades, so the cycle may be decided meanwhile.
    WeakUntold = 81,
    /// Weak places are not cleared.
    WeakUncleared = 82,
    /// Weak loads find nothing unmarked until the next cycle begins, also what is new.
    WeakDecidedKept = 83,
    /// Nobody sweeps for a cycle that is due but the collector.
    SweepUnhelped = 84,
    /// Pages that frames have given back stay counted as theirs.
    FrameKeptCounted = 85,
    /// A cleanup is due although its object is marked.
    CleanupEarly = 86,
    /// A cleanup that was stopped stays on the list.
    CleanupUnstopped = 87,
    /// What the collector has made due is not told to mutators.
    CleanupUntold = 88,
    /// What is in frames of the raw layer is not shaded.
    FrameUnshaded = 89,
    /// Stores are not looked at when hints are checked.
    StoreUnchecked = 90,
    /// The own roots are not looked at when a frame was closed, when hints are checked.
    ClosedUnchecked = 91,
    /// A panic of a listener or a drop goes on at once.
    PanicUncaught = 92,
    /// An object whose finalizer is due is not marked.
    FinalizedUnmarked = 93,
    /// What the fields of an object with a finalizer lead to is not marked.
    FinalizerFieldsUnshaded = 94,
    /// What has a finalizer is taken for dead before what others lead to is marked.
    FinalizerOrderIgnored = 95,
    /// Objects with finalizers are looked into before all roots are taken.
    FinalizedEarly = 96,
    /// Objects are brought back for their finalizers while weak loads may still look at their marks.
    RevivedEarly = 97,
    /// Cleanups are due before the objects that have a finalizer are brought back.
    CleanupBeforeFinalizer = 98,
    /// The value of a key that is marked after the first look at ephemerons is not shaded.
    LateKeyOverlooked = 99,
    /// An ephemeron is cleared when a look finds its key unmarked, before marking has ended.
    ClearedBeforeTheEnd = 100,
    /// Ephemerons that are made while others are cleared are not known.
    LateEphemeronForgotten = 101,
    /// A value that is read from an ephemeron is not shaded, and the collector not told.
    EphemeronUntold = 102,
    /// A weak set finds nothing while a cycle marks.
    WeakSetAsleep = 103,
    /// A sweep does not note for a census what has survived.
    SurvivorsUncounted = 104,
    /// What lies beyond the fence of a run is not part of its rest.
    FenceForgotten = 105,
    /// What was sampled counts as alive, dead or not.
    SampledKept = 106,
    /// What pools keep does not age.
    PoolUnaged = 107,
    /// What pools keep ages twice in a cycle.
    PoolAgedTwice = 108,
    /// What pools keep is not shaded when roots are taken.
    PoolUnshaded = 109,
    /// The header of a chunk does not count what is put into it.
    ArenaUncounted = 110,
    /// A reference that leads into a slot, and not to its first byte, is not marked.
    InteriorUnmarked = 111,
    /// A snapshot is taken while mutators have runs that nobody has filled.
    SnapshotRunsKept = 112,
    /// A snapshot takes a number for a reference to an object that waits for its drop.
    SnapshotDeadFound = 113,
    /// A snapshot asks only once whether an ephemeron leads on: when the ephemeron is looked into.
    SnapshotKeysLate = 114,
    /// An update of a shared reference stores what it made of an old value, though another is there by now.
    UpdateBlind = 115,
    /// What was taken out of the middle of a vector leaves a gap.
    GapLeft = 116,
    /// A frame forgets the values whose drops it owes.
    FrameDropsForgotten = 117,
    /// A chunk that was lent to be filled is not counted when it comes back.
    FillUncounted = 118,
    /// Buffers that vectors have outgrown are used again after a cycle has freed them.
    SparesKept = 119,
    /// A buffer that is outgrown while a cycle marks is used again.
    SpareWhileMarking = 120,
    /// A vector that is given back while a cycle marks is used again.
    GivenBackWhileMarking = 121,
    /// An allocation is refused while spans without objects are kept.
    EmptiesRefused = 122,
    /// What a mutator counted for itself is forgotten when it goes.
    TallyLost = 123,
    /// The record of a span that is freed while markers run is another span's at once.
    RecordsReused = 124,
    /// A buffer is used again for elements of another layout.
    SpareOfAnother = 125,
    /// Who reaches a slot does not say so of its span.
    SpanUntold = 126,
    /// Who hands out marked slots does not say so of their span.
    RunUntold = 127,
    /// Who tells others of bytes handed out does not look whether a cycle is due then.
    TellingUntold = 128,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 128] = [
        Self::NeedzeroLost,
        Self::PushDropped,
        Self::MaskBitDropped,
        Self::NoscanMisclass,
        Self::LargeTailUnscanned,
        Self::SweepSkipped,
        Self::SpanOnTwoLists,
        Self::SummaryNotMerged,
        Self::HintTooHigh,
        Self::ReleasedBitKept,
        Self::ReleaseCountedTwice,
        Self::RootSkipped,
        Self::RefusalIgnored,
        Self::FlushSkipped,
        Self::DropTwice,
        Self::LimitIgnoresRequest,
        Self::EpochStuck,
        Self::OwnerKept,
        Self::DeletionUnshaded,
        Self::InsertionUnshaded,
        Self::WhiteAllocation,
        Self::BufferKept,
        Self::RootUnshaded,
        Self::CloneUnshaded,
        Self::SetUnshaded,
        Self::NoDryRound,
        Self::NoSettledRound,
        Self::RootShadesKept,
        Self::LostForgotten,
        Self::RunUnmarked,
        Self::RestUnmarked,
        Self::TinyBlockKept,
        Self::DetachBufferDropped,
        Self::FullBufferDropped,
        Self::AmbiguousUnshaded,
        Self::AttachBarrierOff,
        Self::AttachWhite,
        Self::TableAfterRound,
        Self::ShadingBeginsLate,
        Self::ShadingEndsEarly,
        Self::DryAnswersIgnored,
        Self::GenerationEarly,
        Self::SweepUnfinished,
        Self::PutBackAsNew,
        Self::TakenWithoutExchange,
        Self::AssistRestDropped,
        Self::PieceDropped,
        Self::RingDropped,
        Self::ExternalTwice,
        Self::LimitUnawaited,
        Self::LargeWhite,
        Self::MarksKept,
        Self::MarkedFreeForgotten,
        Self::OldCallAnswered,
        Self::NumberLookedUpEarly,
        Self::RemovedUnshaded,
        Self::RemovedKept,
        Self::MovedUnshaded,
        Self::ManyInsertedUnshaded,
        Self::ReplacedUnshaded,
        Self::ReplacementUnshaded,
        Self::PlacesUncleared,
        Self::LaneDropped,
        Self::SweptUncounted,
        Self::TopTooLow,
        Self::RefusedAsReleased,
        Self::SweepEndUntold,
        Self::ReleaseUnassisted,
        Self::LimitUnscavenged,
        Self::PastForgotten,
        Self::WaiterOvertaken,
        Self::DecoderUnused,
        Self::TagUnshaded,
        Self::RangeUnshaded,
        Self::CallbackUnheard,
        Self::OwnRootsEarly,
        Self::EntryUnshaded,
        Self::RehashUnshaded,
        Self::SearchCut,
        Self::WeakUnshaded,
        Self::WeakUntold,
        Self::WeakUncleared,
        Self::WeakDecidedKept,
        Self::SweepUnhelped,
        Self::FrameKeptCounted,
        Self::CleanupEarly,
        Self::CleanupUnstopped,
        Self::CleanupUntold,
        Self::FrameUnshaded,
        Self::StoreUnchecked,
        Self::ClosedUnchecked,
        Self::PanicUncaught,
        Self::FinalizedUnmarked,
        Self::FinalizerFieldsUnshaded,
        Self::FinalizerOrderIgnored,
        Self::FinalizedEarly,
        Self::RevivedEarly,
        Self::CleanupBeforeFinalizer,
        Self::LateKeyOverlooked,
        Self::ClearedBeforeTheEnd,
        Self::LateEphemeronForgotten,
        Self::EphemeronUntold,
        Self::WeakSetAsleep,
        Self::SurvivorsUncounted,
        Self::FenceForgotten,
        Self::SampledKept,
        Self::PoolUnaged,
        Self::PoolAgedTwice,
        Self::PoolUnshaded,
        Self::ArenaUncounted,
        Self::InteriorUnmarked,
        Self::SnapshotRunsKept,
        Self::SnapshotDeadFound,
        Self::SnapshotKeysLate,
        Self::UpdateBlind,
        Self::GapLeft,
        Self::FrameDropsForgotten,
        Self::FillUncounted,
        Self::SparesKept,
        Self::SpareWhileMarking,
        Self::GivenBackWhileMarking,
        Self::EmptiesRefused,
        Self::TallyLost,
        Self::RecordsReused,
        Self::SpareOfAnother,
        Self::SpanUntold,
        Self::RunUntold,
        Self::TellingUntold,
    ];
}

#[cfg(all(feature = "faults", not(loom)))]
static ARMED: crate::sync::atomic::AtomicU8 = crate::sync::atomic::AtomicU8::new(0);

/// Whether a fault is switched on.
#[inline(always)]
#[must_use]
pub fn on(fault: Fault) -> bool {
    #[cfg(all(feature = "faults", not(loom)))]
    {
        ARMED.load(crate::sync::atomic::Ordering::Relaxed) == fault as u8
    }
    #[cfg(not(all(feature = "faults", not(loom))))]
    {
        let _ = fault;
        false
    }
}

/// Switches one fault on for the whole process, or all off.
#[cfg(all(feature = "faults", not(loom)))]
pub fn arm(fault: Option<Fault>) {
    ARMED.store(fault.map_or(0, |fault| fault as u8), crate::sync::atomic::Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
