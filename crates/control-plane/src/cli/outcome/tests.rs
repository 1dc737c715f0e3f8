use serde_json::json;

use super::*;

fn outcome(value: Value) -> Outcome {
    serde_json::from_value(value).unwrap()
}

fn plain(outcome: &Outcome) -> String {
    let shown = Shown {
        outcome,
        with_changes: true,
        colours: Colours::default(),
    };
    shown.to_string()
}

#[test]
fn a_plan_reads_line_by_line_and_marks_what_takes_rights_away() {
    let planned = outcome(json!({
        "changes": [
            {"action": "create", "kind": "client", "id": null, "name": "Acme", "object": "client `Acme`", "fingerprint": null},
            {"action": "change", "kind": "access_profile", "id": "ap_1", "name": "live", "client": "Zenith",
             "object": "access profile ap_1", "fingerprint": "00",
             "fields": [
                 {"field": "/addresses/allow", "before": ["10.0.0.0/8", "10.0.0.1"], "after": ["10.0.0.1", "192.0.2.1"]},
                 {"field": "/enabled", "before": true, "after": false},
                 {"field": "/policy", "before": null, "after": "gold"},
             ],
             "takes_away": ["it is disabled"],
             "recent_callers": [
                 {"access_profile": "ap_1", "name": "live", "client": "Zenith", "requests": 1200,
                  "last_used_at": "2027-01-15T08:00:00Z"},
                 {"access_profile": null, "name": null, "client": null, "requests": 1, "last_used_at": null}]},
            {"action": "remove", "kind": "collection", "id": "co_1", "name": "orders v1", "object": "collection co_1",
             "fingerprint": "01", "takes_away": ["it is removed"], "recent_callers": []},
        ],
        "summary": {"created": 1, "changed": 1, "removed": 1, "unchanged": 7, "taking_away": 2},
        "notices": [{"pointer": "/configuration/clients/0", "detail": "no key yet"}],
    }));
    assert_eq!(
        plain(&planned),
        "+ client Acme\n\
         ~ access profile Zenith / live (ap_1)\n    \
             addresses.allow:\n      \
               - 10.0.0.0/8\n      \
               + 192.0.2.1\n    \
             enabled: true → false\n    \
             policy: (none) → gold\n    \
             ! it is disabled\n      \
               Zenith / live: 1200 requests in the last 7 days, last called at 2027-01-15T08:00:00Z\n      \
               callers without a credential: 1 request in the last 7 days\n\
         - collection orders v1 (co_1)\n    \
             ! it is removed\n      \
               nobody called by this in the last 7 days\n\
         note: /configuration/clients/0: no key yet\n\
         \n\
         1 to create, 1 to change, 1 to remove, 7 unchanged. 2 take rights away (!).\n"
    );
}

#[test]
fn a_plan_without_changes_says_so() {
    let planned = outcome(json!({
        "changes": [],
        "summary": {"created": 0, "changed": 0, "removed": 0, "unchanged": 3, "taking_away": 0},
    }));
    assert_eq!(
        plain(&planned),
        "Nothing to change: 3 records are as the files say.\n"
    );
}

#[test]
fn an_application_tells_who_has_it() {
    let applied = outcome(json!({
        "changes": [], "summary": {"created": 0, "changed": 0, "removed": 0, "unchanged": 3, "taking_away": 0},
        "revision": 12,
        "applied": {"revision": 12, "gateways": 3, "applied": 2, "after_ms": 180, "waiting_for": [{}], "lost": 1, "unidentified": 0},
    }));
    assert!(applied.is_waited_for());
    let told = plain(&applied);
    assert!(
        told.contains("Applied as revision 12.\n2 of 3 gateways have it, after 180 ms.\n"),
        "{told}"
    );
    assert!(told.contains("what they have: 1."), "{told}");
}
