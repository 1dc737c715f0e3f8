//! What made-up clients and profiles are called: as real ones are, in more than one script.

use crate::chance::Chance;

const FIRST: [&str; 48] = [
    "Acme",
    "Northwind",
    "Contoso",
    "Blue Harbour",
    "Ångström",
    "Łódzkie",
    "Müller & Söhne",
    "São Bento",
    "Éclair",
    "Ísland",
    "Zürichsee",
    "Čedok",
    "Kırmızı",
    "Ελλάδα",
    "Москва",
    "Київ",
    "株式会社みらい",
    "東京",
    "深圳市",
    "서울",
    "मुंबई",
    "القاهرة",
    "תל אביב",
    "Nguyễn",
    "O'Brien",
    "D’Angelo",
    "Smith, Jones",
    "Hafen",
    "Rive Gauche",
    "Puerto",
    "Granite",
    "Silver Birch",
    "Meridian",
    "Polaris",
    "Juniper",
    "Cobalt",
    "Fjord",
    "Savanna",
    "Delta",
    "Monsoon",
    "Atlas",
    "Orchid",
    "Vista",
    "Kestrel",
    "Lumen",
    "Quarry",
    "Tide",
    "Willow",
];

const SECOND: [&str; 20] = [
    "Logistics",
    "Payments",
    "Retail",
    "Energy",
    "Health",
    "Travel",
    "Insurance",
    "Media",
    "Foods",
    "Mobility",
    "Robotics",
    "Analytics",
    "Banque",
    "Verlag",
    "Przewozy",
    "物流",
    "데이터",
    "Наука",
    "Seguros",
    "Labs 🚀",
];

const FORM: [&str; 12] = [
    "GmbH", "Ltd", "Inc.", "S.A.", "AB", "Oy", "B.V.", "S.p.A.", "K.K.", "Pty", "a.s.", "LLC",
];

const USE: [&str; 12] = [
    "production",
    "staging",
    "nightly export",
    "mobile app",
    "back office",
    "partner portal",
    "reporting",
    "batch import",
    "warehouse scanner",
    "web shop",
    "integration tests",
    "monitoring",
];

/// The name of a client. No two are alike.
pub(super) fn client(chance: &mut Chance, number: usize) -> String {
    let first = chance.one_of(&FIRST).unwrap_or_default();
    let second = chance.one_of(&SECOND).unwrap_or_default();
    let form = chance.one_of(&FORM).unwrap_or_default();
    format!("{first} {second} {form} {number}")
}

/// What a profile is there for.
pub(super) fn profile(chance: &mut Chance) -> String {
    chance.one_of(&USE).unwrap_or_default().to_owned()
}
