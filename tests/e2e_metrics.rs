//! What those see who watch with tools of their own: the metrics of Envoy, by profile and collection, and the dashboard.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use portcullis_tests::{
    Member, Play, Sample, Wanted, outcome, samples, set, until_answered, wanted,
};
use serde_json::{Value, json};
use xtask::stage::{Bootstrap, Caller, within};

/// Metrics are made every five seconds, by each worker.
const TOLD: Duration = Duration::from_secs(60);

fn shown(play: &Play) -> Vec<Sample> {
    samples(&play.envoy.admin("/stats/prometheus").unwrap()).unwrap()
}

/// How many requests a metric counts under these labels.
fn sum(shown: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let is_meant = |sample: &&Sample| {
        let has = |(label, value): &(&str, &str)| sample.label(label) == *value;
        sample.name == name && labels.iter().all(has)
    };
    let values = shown.iter().filter(is_meant).map(|sample| sample.value);
    // Not -0.0, which the sum of nothing is.
    values.fold(0.0, |sum, value| sum + value)
}

fn labels<'s>(shown: &'s [Sample], name: &str, label: &str) -> BTreeSet<&'s str> {
    let meant = shown.iter().filter(|sample| sample.name == name);
    meant.map(|sample| sample.label(label)).collect()
}

fn call(callers: &mut [Caller], member: &Member, path: &str, expected: &str) -> f64 {
    let mut made = 0.0;
    for caller in callers {
        let answer = caller.get(path).key(member.key()).send().unwrap();
        assert_eq!(outcome(&answer), expected);
        made += 1.0;
    }
    made
}

/// Waits until all callers are let through, as each is once then.
fn until_permitted(callers: &mut [Caller], member: &Member) -> f64 {
    let mut made = 0.0;
    for caller in callers {
        until_answered(caller, member.key(), "permitted").unwrap();
        made += 1.0;
    }
    made
}

#[test]
fn requests_are_told_apart_by_profile_and_collection_up_to_the_bound_of_the_process() {
    let settings = json!({"metrics": {"profiles": 2, "collections": 1}});
    let play = Play::begin_at(2, &[], |_, bootstrap| set(bootstrap, &settings)).unwrap();
    let members: Vec<Member> = ["One", "Two", "Three", "Four", "Five"]
        .map(|name| play.stranger(name, &json!({})).unwrap())
        .into();
    let tried = json!({"addresses": {"allow": ["203.0.113.0/24"]}, "observe": true});
    let observed = play.stranger("Observed", &tried).unwrap();
    let mut callers = play.envoy.callers_on_every_worker().unwrap();
    let requests = "portcullis_profile_requests";
    let by_collection = "portcullis_collection_requests";
    let (mut permitted, mut refused) = (0.0, 0.0);
    for member in &members {
        permitted += until_permitted(&mut callers, member);
    }
    let mut noted = until_permitted(&mut callers, &observed);
    // These calls take the one label for collections.
    within(TOLD, "the first collection is told", || {
        let shown = shown(&play);
        let is_told = labels(&shown, by_collection, "collection").contains("orders/v1");
        is_told.then_some(())
    })
    .unwrap();

    for member in &members {
        permitted += call(&mut callers, member, "/orders/7", "permitted");
        refused += call(&mut callers, member, "/stock", "collection_not_granted");
    }
    noted += call(&mut callers, &observed, "/orders/7", "permitted");

    let is_refused = [
        ("decision", "refused"),
        ("reason", "collection_not_granted"),
    ];
    let is_noted = [("decision", "observed"), ("reason", "address_not_allowed")];
    let of_orders = |decision| [("collection", "orders/v1"), ("decision", decision)];
    let of_stock = [("collection", "other"), ("decision", "refused")];
    let passed = |shown: &[Sample]| {
        let decisions = ["permitted", "observed"].into_iter();
        let counts = decisions.map(|it| sum(shown, by_collection, &of_orders(it)));
        counts.fold(0.0, |sum, count| sum + count)
    };
    let latencies = "portcullis_collection_latency_ms_bucket";
    let within_any = [("collection", "orders/v1"), ("le", "+Inf")];
    let answers = "portcullis_collection_responses";
    let answered = [("collection", "orders/v1"), ("class", "2xx")];
    within(TOLD, "all requests and their answers are told", || {
        let shown = shown(&play);
        let all_are_told = sum(&shown, requests, &is_refused) >= refused
            && sum(&shown, requests, &is_noted) >= noted
            && sum(&shown, requests, &[("decision", "permitted")]) >= permitted
            && sum(&shown, by_collection, &of_stock) >= refused
            && passed(&shown) >= permitted
            && sum(&shown, answers, &answered) >= permitted
            && sum(&shown, latencies, &within_any) >= permitted;
        all_are_told.then_some(())
    })
    .unwrap();
    // What was read while a worker wrote need not fit together.
    let told = shown(&play);

    assert_eq!(sum(&told, requests, &is_refused), refused);
    let ids: BTreeSet<&str> = members
        .iter()
        .chain([&observed])
        .map(|member| member.profile.id.as_str())
        .collect();
    let profiles = labels(&told, requests, "profile");
    assert_eq!(profiles.intersection(&ids).count(), 2, "{profiles:?}");
    let others: Vec<&str> = profiles.difference(&ids).copied().collect();
    assert_eq!(others, ["none", "other"]);
    let others = [("profile", "other"), ("reason", "collection_not_granted")];
    assert!(sum(&told, requests, &others) > 0.0);

    // The same requests by the collection that they asked for, of which only the first has a label.
    let collections = labels(&told, by_collection, "collection");
    let named: Vec<&str> = collections
        .iter()
        .copied()
        .filter(|it| *it != "none")
        .collect();
    assert_eq!(named, ["orders/v1", "other"]);
    assert_eq!(sum(&told, by_collection, &of_stock), refused);
    let passed = passed(&told);
    // What an address is noted for was not led to a collection.
    assert_eq!(passed, permitted);
    assert_eq!(sum(&told, latencies, &within_any), passed);
    let within_a_minute = [("collection", "orders/v1"), ("le", "60000")];
    assert_eq!(sum(&told, latencies, &within_a_minute), passed);
    assert_eq!(sum(&told, answers, &answered), passed);

    // What was there before has its reason as a label too, and no name is made of what people write.
    let reasons = labels(&told, "portcullis_refused", "reason");
    assert!(reasons.contains("collection_not_granted"), "{reasons:?}");
    let page = play.envoy.admin("/stats").unwrap();
    assert!(!page.contains("Three"), "{page}");
}

/// Labels that Prometheus adds to everything that it reads.
const ADDED: [&str; 2] = ["instance", "job"];

/// The labels of each metric that Envoy and the control plane show.
fn known(play: &Play) -> BTreeMap<String, BTreeSet<String>> {
    let printed = play.control_plane.printed();
    let address = printed.lines().find_map(|line| {
        let rest = line.strip_prefix("metrics on http://")?;
        rest.strip_suffix("/metrics")
    });
    let address = address.unwrap().parse().unwrap();
    let mut watcher = Caller::connect(address).unwrap();
    let page = watcher.get("/metrics").send().unwrap();
    let page = String::from_utf8(page.body).unwrap();
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sample in samples(&page).unwrap().into_iter().chain(shown(play)) {
        let labels = known.entry(sample.name).or_default();
        labels.extend(sample.labels.into_keys());
    }
    known
}

/// The metrics that are not known, and the labels that those lack which are.
fn lacking_of(known: &BTreeMap<String, BTreeSet<String>>, wanted: &[Wanted]) -> Vec<String> {
    let mut lacking = Vec::new();
    for Wanted { metric, labels } in wanted {
        let Some(has) = known.get(metric) else {
            lacking.push(metric.clone());
            continue;
        };
        let absent = labels.difference(has);
        let absent = absent.filter(|label| !ADDED.contains(&label.as_str()));
        lacking.extend(absent.map(|label| format!("`{label}` of {metric}")));
    }
    lacking
}

/// What a variable of a dashboard asks for: `label_values(metric, label)`.
fn wanted_by_variable(query: &str) -> Wanted {
    let inner = query.strip_prefix("label_values(");
    let inner = inner.and_then(|rest| rest.strip_suffix(')')).unwrap();
    let (metric, label) = inner.split_once(", ").unwrap();
    Wanted {
        metric: metric.to_owned(),
        labels: [label.to_owned()].into(),
    }
}

/// The labels that the legend of a panel shows, as `{{label}}`.
fn legend(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("{{").skip(1);
    parts.map(|part| part.split_once("}}").unwrap().0)
}

#[test]
fn everything_that_the_dashboard_asks_for_is_there() {
    let watched = [("PORTCULLIS_METRICS_LISTEN", "127.0.0.1:0")];
    let play = Play::begin_at(1, &watched, |_, bootstrap| Ok(bootstrap)).unwrap();
    let member = play.member("Acme").unwrap();
    let mut callers = [play.caller().unwrap()];
    call(&mut callers, &member, "/orders/7", "permitted");
    call(&mut callers, &member, "/stock", "collection_not_granted");

    let text = include_str!("../grafana/portcullis.json");
    let dashboard: Value = serde_json::from_str(text).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let variables = list(&dashboard["templating"]["list"]);
    let of_metrics = variables.iter().filter(|it| it["type"] == "query");
    let mut all: Vec<Wanted> = of_metrics
        .map(|variable| wanted_by_variable(&word(&variable["query"]["query"])))
        .collect();
    let panels = list(&dashboard["panels"]);
    for target in panels.iter().flat_map(|panel| list(&panel["targets"])) {
        let expression = word(&target["expr"]);
        let wanted = wanted(&expression).unwrap();
        assert!(!wanted.is_empty(), "{expression}");
        for label in legend(&word(&target["legendFormat"])) {
            let is_told_apart = wanted.iter().all(|it| it.labels.contains(label));
            assert!(is_told_apart, "`{label}` of {expression}");
        }
        all.extend(wanted);
    }
    assert!(all.len() > 30, "{}", all.len());
    let mut lacking = Vec::new();
    within(TOLD, "everything is there", || {
        lacking = lacking_of(&known(&play), &all);
        lacking.is_empty().then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {lacking:?}"));

    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
    let used: Vec<String> = variables.iter().map(|it| word(&it["name"])).collect();
    for name in used {
        let use_of_it = [format!("${name}\""), format!("${{{name}}}")];
        let is_used = use_of_it
            .iter()
            .any(|it| text.replace("\\\"", "\"").contains(it));
        assert!(is_used, "nothing uses `{name}`");
    }
}

#[test]
fn all_shipped_bootstraps_make_the_same_labels_and_write_the_same_access_log() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy");
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let log = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/access_log/0";
    let said = names.map(|name| {
        let bootstrap = Bootstrap::shipped(&name).unwrap().to_json();
        let bootstrap: Value = serde_json::from_str(&bootstrap).unwrap();
        let said = ["/stats_config/stats_tags", log].map(|place| bootstrap.pointer(place).cloned());
        assert!(said.iter().all(Option::is_some), "{name}");
        (name, said)
    });
    let said: BTreeMap<_, _> = said.collect();
    let demo = &said["demo.yaml"];
    for (name, other) in &said {
        assert_eq!(other, demo, "{name}");
    }
}
