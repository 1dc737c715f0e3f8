//! Settings that cannot work.

use super::*;

#[test]
fn settings_that_cannot_work_are_refused_with_the_name() {
    let with_header = |name: &str| {
        Gate::new(GateSettings {
            credential_header: name.into(),
            ..GateSettings::default()
        })
    };
    for name in [
        "",
        "a b",
        "content-length",
        "Authorization",
        "origin",
        "x-client-id",
        "X_Client_Id",
        &"x".repeat(64),
    ] {
        assert_eq!(with_header(name).unwrap_err().name, name);
    }
    for name in ["", "a=b", "a%20", "é"] {
        let settings = GateSettings {
            query_parameter: Some(name.into()),
            ..GateSettings::default()
        };
        assert_eq!(Gate::new(settings).unwrap_err().name, name);
    }
    let settings = GateSettings {
        claim_headers: vec![("x-client_id".into(), "email".into())],
        ..GateSettings::default()
    };
    assert_eq!(Gate::new(settings).unwrap_err().name, "x-client_id");
    let settings = GateSettings {
        limit_header: Some("X-Client-Id".into()),
        ..GateSettings::default()
    };
    assert_eq!(Gate::new(settings).unwrap_err().name, "X-Client-Id");
    let gate = Gate::new(GateSettings {
        credential_header: "X-Key".into(),
        identity_headers: IdentityHeaders {
            client_id: "X-Who".into(),
            ..IdentityHeaders::default()
        },
        ..GateSettings::default()
    })
    .unwrap();
    assert_eq!(gate.identity_headers().client_id, "x-who");
}
