//! Random batches, repeated, counted together and apart, added up at any time and by whoever opens the database next,
//! against a model that only adds.

use std::collections::BTreeMap;

use portcullis_feed::{UsageBatch, UsageRow};
use portcullis_store::{UsageGroup, UsageUnit};

use super::{FOR_EVER, NOW_MIN, ask, batch, count, question, roll_up};
use crate::books::{Books, open};
use crate::ground::{LIVES, STEPS};

/// Numbers that look random, from a seed that a failure can be repeated with.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

type Sums = BTreeMap<(u64, String), [u64; 4]>;

/// Sums by unit and group: requests, permitted, those with status 5xx, and the slowest.
#[derive(Default)]
struct Model {
    rows: Vec<UsageRow>,
}

impl Model {
    fn sums(&self, unit: UsageUnit, name: impl Fn(&UsageRow) -> String) -> Sums {
        let mut sums = Sums::new();
        for row in &self.rows {
            let at = row.minute - row.minute % unit.minutes();
            let of = |pairs: &[(u8, u64)], place: u8| {
                let fit = pairs.iter().filter(|(at, _)| *at == place);
                fit.map(|(_, count)| count).sum::<u64>()
            };
            let sum = sums.entry((at, name(row))).or_default();
            sum[0] += row.requests;
            sum[1] += row.permitted;
            sum[2] += of(&row.statuses, 5);
            sum[3] += of(&row.latencies, 16);
        }
        sums
    }
}

fn random_row(dice: &mut Dice, profiles: &[portcullis_feed::ProfileId]) -> UsageRow {
    let requests = 1 + dice.below(1_000);
    let refused = dice.below(requests);
    let place = usize::try_from(dice.below(5)).unwrap();
    UsageRow {
        minute: NOW_MIN + dice.below(3 * 24 * 60),
        profile: profiles.get(place).copied(),
        key_id: (dice.below(2) == 0).then(|| format!("key{}", dice.below(3))),
        endpoint: (dice.below(3) > 0).then(|| format!("GET /{}", dice.below(3))),
        requests,
        permitted: requests - refused,
        statuses: vec![(5, dice.below(requests)), (2, 1)],
        denials: vec![("quota_exceeded".into(), refused)],
        latencies: vec![(16, dice.below(requests)), (0, 1)],
        ..UsageRow::default()
    }
}

async fn compare(books: &Books, model: &Model, seed: u64) {
    roll_up(&books.store, &FOR_EVER).await;
    let profile = |row: &UsageRow| row.profile.map(|id| id.to_string()).unwrap_or_default();
    let endpoint = |row: &UsageRow| row.endpoint.clone().unwrap_or_default();
    let key = |row: &UsageRow| row.key_id.clone().unwrap_or_default();
    for unit in UsageUnit::ALL {
        let all = question(unit, NOW_MIN, NOW_MIN + 4 * 24 * 60);
        for (group, expected) in [
            (None, model.sums(unit, |_| String::new())),
            (Some(UsageGroup::Profile), model.sums(unit, profile)),
            (Some(UsageGroup::Endpoint), model.sums(unit, endpoint)),
            (Some(UsageGroup::Key), model.sums(unit, key)),
        ] {
            let told = ask(&books.store, &all, true, group).await;
            let told: Sums = told
                .into_iter()
                .map(|sum| {
                    let counts = sum.counts;
                    let sums = [
                        counts.requests,
                        counts.permitted,
                        counts.statuses[5],
                        counts.latencies[16],
                    ];
                    ((sum.at, sum.group), sums)
                })
                .collect();
            assert_eq!(told, expected, "seed {seed}, {unit:?}, {group:?}");
        }
    }
    let all = question(UsageUnit::Day, NOW_MIN, NOW_MIN + 4 * 24 * 60);
    let denied = ask(&books.store, &all, false, Some(UsageGroup::Reason)).await;
    let denied: u64 = denied.iter().map(|sum| sum.counts.requests).sum();
    let refused = model.rows.iter().map(|row| row.requests - row.permitted);
    assert_eq!(denied, refused.sum::<u64>(), "seed {seed}");
}

#[tokio::test]
async fn sums_are_those_of_a_simple_model_whatever_happens_in_between() {
    for seed in 0..LIVES.div_ceil(4) {
        let mut dice = Dice(seed);
        let mut books = open().await;
        let (_, _, one) = books.with_profile("one").await;
        let (_, _, two) = books.with_profile("two").await;
        let profiles = [one.id, two.id];
        let mut model = Model::default();
        let mut numbers = [0_u64; 4];
        let mut sent: Vec<UsageBatch> = Vec::new();
        for step in 0..STEPS {
            match dice.below(10) {
                0..=5 => {
                    let mut together = Vec::new();
                    for _ in 0..1 + dice.below(4) {
                        // Sometimes one that was counted long ago, or stands there already.
                        if dice.below(3) == 0 && !sent.is_empty() {
                            let place = usize::try_from(dice.below(sent.len() as u64)).unwrap();
                            together.push(sent[place].clone());
                            continue;
                        }
                        let instance = dice.below(4);
                        let number = &mut numbers[usize::try_from(instance).unwrap()];
                        *number += 1;
                        let rows = (0..dice.below(6)).map(|_| random_row(&mut dice, &profiles));
                        let new = batch(instance, *number, rows.collect());
                        model.rows.extend(new.rows.iter().cloned());
                        sent.push(new.clone());
                        together.push(new);
                    }
                    count(&books.store, &together).await;
                }
                6 | 7 => {
                    books.store.roll_up_usage(&FOR_EVER).await.unwrap();
                }
                8 => roll_up(&books.store, &FOR_EVER).await,
                _ => books = books.reopened_as(&format!("life-{seed}-{step}")).await,
            }
        }
        compare(&books, &model, seed).await;
    }
}
