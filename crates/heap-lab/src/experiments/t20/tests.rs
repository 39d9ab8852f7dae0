use super::few::Few;
use super::remedy::Remedy;
use super::shapes::{Shapes, slots};
use std::collections::HashSet;
use std::time::Duration;

#[test]
fn what_the_practice_text_keeps_rises_to_5000_and_is_halved_above() {
    let kept = |rounds| Few { rounds, pause: Duration::ZERO }.kept();
    // Eight threads a round, fifty objects each.
    assert_eq!([kept(1), kept(12), kept(13)], [400, 4800, 5000 + 50 - 2500 + 150]);
    assert!((1..200).all(|rounds| kept(rounds) <= 5000));
    let few = Few { rounds: 3, pause: Duration::from_millis(7) };
    assert_eq!(few.peer_args(), ["residence", "few", "3", "7"]);
    assert!(few.most_spans() * 512 >= 8 * 50_000);
}

#[test]
fn each_shape_is_another_class_of_one_page_and_the_peer_is_told_the_same() {
    let shapes = Shapes::new(8, 4 << 20);
    assert_eq!(shapes.classes.iter().collect::<HashSet<_>>().len(), 8);
    assert_eq!(shapes.spans(), 8 * 512);
    assert_eq!(shapes.live(), shapes.classes.iter().map(|class| 512 * class.size().get()).sum::<usize>());
    assert!(shapes.classes.iter().all(|class| class.span_pages().get() == 1 && slots(*class) > 8));
    assert_eq!(shapes.peer_args()[..4], ["residence", "shapes", "4", "32:256"].map(str::to_owned));
}

#[test]
fn remedies_that_pack_are_predicted_to_need_a_fraction_and_the_others_everything() {
    let shapes = Shapes::new(8, 4 << 20);
    assert_eq!(Remedy::ALL[0], Remedy::Nothing);
    for remedy in Remedy::ALL {
        let (_, spans, _) = remedy.predicted(&shapes);
        assert_eq!(remedy.packs(), spans < shapes.spans() / 10, "{}: {spans} spans", remedy.word());
    }
}
