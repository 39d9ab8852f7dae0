use super::load::Load;
use super::sieve::{Sieve, Told, wrong_classes};
use heap_core::size_class::SizeClass;
use tricolor::Heap;

#[test]
fn the_model_is_right_where_it_can_be_counted_by_hand() {
    let class = SizeClass::for_bytes(512);
    assert_eq!(class.slots(), 16);
    let model = |every| Sieve { class, every, spans: 4 }.model();
    assert_eq!(model(1), Told { ratio: 1.0, lone: 0.0 });
    assert_eq!(model(8), Told { ratio: 8.0, lone: 0.0 });
    assert_eq!(model(16), Told { ratio: 16.0, lone: 4.0 });
    // Slots 0 and 48: the first and the last span.
    assert_eq!(model(48), Told { ratio: 16.0, lone: 2.0 });
    // Slots 0, 11 in the first; 22; 33, 44; 55.
    assert_eq!(model(11), Told { ratio: 4.0 * 8192.0 / (6.0 * 512.0), lone: 2.0 });
}

#[test]
fn what_is_told_is_the_model() {
    for (size, every) in [(48, 7), (512, 11), (48, 500)] {
        let sieve = Sieve { class: SizeClass::for_bytes(size), every, spans: 9 };
        let told = sieve.run(Heap::builder().gc_off()).expect("a sieve");
        assert_eq!(told, sieve.model(), "{sieve:?}");
    }
    assert_eq!(wrong_classes(Heap::builder().gc_off(), 2).expect("a heap"), [0; 0]);
}

#[test]
fn a_load_is_borne() {
    let loaded = Load { live: 2 << 20, scrapes: 100 }.run().expect("a load");
    assert_eq!((loaded.refused, loaded.broken), (0, 0));
    assert_eq!((loaded.felt.count(), loaded.beyond.count()), (100, 100));
    assert!(loaded.beyond.at(50.0) <= loaded.felt.at(50.0));
    assert!(loaded.cpu_alone > 0.0 && loaded.beside.count() > 0);
    assert!(loaded.fragmentation.0 >= 1.0 && loaded.fragmentation.1 < f64::INFINITY);
}
