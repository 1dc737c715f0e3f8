//! The rooms keep to what they may know.

#[test]
fn every_room_depends_only_on_what_it_may_know() {
    xtask::ci::rooms::check().unwrap();
}
