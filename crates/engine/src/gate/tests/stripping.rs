//! What does not reach the service.

use super::*;

#[test]
fn a_good_key_for_a_granted_collection_is_permitted_and_stripped() {
    let (stripped, collection) =
        decide(&Known::profile(), "/orders/7?x=1", &CREDENTIALS, &|| None).unwrap();
    assert_eq!(
        (stripped, collection.as_str()),
        (vec!["api-token".to_string()], "orders/v2")
    );
}

#[test]
fn forged_identity_headers_are_stripped_in_every_spelling() {
    let forged: [&[u8]; 7] = [
        b"x-client-id",
        b"X-Client-Id",
        b"x_client_id",
        b"x.client-name",
        b"x-access_profile-id",
        b"x-api-collection",
        b"x-client-id",
    ];
    let mut headers = CREDENTIALS.to_vec();
    headers.extend(forged.iter().map(|name| (*name, &b"root"[..])));
    headers.extend([
        (&b"x-client-idx"[..], &b"kept"[..]),
        (b"y-client-id", b"kept"),
    ]);
    let (stripped, _) = decide(&Known::profile(), "/orders/7", &headers, &|| None).unwrap();
    assert_eq!(
        stripped,
        [
            "x-client-id",
            "X-Client-Id",
            "x_client_id",
            "x.client-name",
            "x-access_profile-id",
            "x-api-collection",
            "api-token"
        ]
    );
}

#[test]
fn every_carrier_of_the_credential_is_stripped_and_a_foreign_authorization_is_not() {
    let headers: [(&[u8], &[u8]); 2] =
        [(b"authorization", b"Bearer good"), (b"api-token", b"good")];
    let (stripped, _) = decide(&Known::profile(), "/orders/7", &headers, &|| None).unwrap();
    assert_eq!(stripped, ["authorization", "api-token"]);
    let headers: [(&[u8], &[u8]); 2] = [
        (b"authorization", b"Basic Ym9iOnB3"),
        (b"api-token", b"good"),
    ];
    let (stripped, _) = decide(&Known::profile(), "/orders/7", &headers, &|| None).unwrap();
    assert_eq!(stripped, ["api-token"]);
}

#[test]
fn a_refused_request_is_stripped_too_so_that_no_log_shows_a_forged_identity() {
    let headers: [(&[u8], &[u8]); 2] = [(b"api-token", b"bad"), (b"x-client-id", b"root")];
    let incomplete = Known {
        is_complete: false,
        ..Known::profile()
    };
    for (known, target) in [
        (Known::profile(), "/orders/7"),
        (Known::profile(), "/a/../b"),
        (incomplete, "/orders/7"),
    ] {
        let refused = decide(&known, target, &headers, &|| None).unwrap_err();
        assert_eq!(refused.stripped, ["x-client-id", "api-token"]);
    }
}
