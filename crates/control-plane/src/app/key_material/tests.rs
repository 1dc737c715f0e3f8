//! Every form of key, and what is wrong with those that are refused. The samples were made with OpenSSL and OpenSSH.

mod fetched;

use serde_json::json;

use super::*;

const RSA: &str = include_str!("samples/rsa.pem");
const RSA_OPENSSH: &str = include_str!("samples/rsa.openssh");
const RSA_CERTIFICATE: &str = include_str!("samples/rsa_certificate.pem");
const P256: &str = include_str!("samples/p256.pem");
const P256_OPENSSH: &str = include_str!("samples/p256.openssh");
const ED25519: &str = include_str!("samples/ed25519.pem");

fn rsa_jwk() -> Value {
    json!({"kty": "RSA", "e": "AQAB",
        "n": "rjJA7uHVDKFkSET29VRRVTLo4Pg8YFc5HYEtYIxelWmVJHxPKoLmJCdkBVNZ9cj81P6UGFnR2c8cbDYtw2alrPFaZvO11DrPMrb79QyX8nIG2tLURjSAAWZoPfNdsX-75uYGMC_qrzG_H4S2oa0j01QPwI5OCotLN97YLAoHxU6tNZ51YJNgHLxTuH2fDAiqPBR2YsNKyrp4LhHSeAZzwXQg35UGKEGy2iOfH3c-sdPHSsv3XH5Uxj9K8nDX6WgnJTnZDoJHEya_B6j4dgoBPKfScGu7EpUNjeCFo4tcCdXi4d2Qed8m92KwJiRxUXLiXqSjXFalXh82k-T_gbNWsw"})
}

fn p256_jwk() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "TvolggqBeyimV1m4DV0SLOr2hfC2wAr5pVCyVEzVZ4I",
        "y": "pMjbdEW-j_YOygdqBmixmKSmNLLIvcxfofcnycz2zwY"})
}

fn p384_jwk() -> Value {
    json!({"kty": "EC", "crv": "P-384",
        "x": "QCoW4Y69HPK2L_Uw57h0ah8xFHqY8f5MOIuHmzL1xIyWL411lo1IMq6qjhnbgPCb",
        "y": "11VEBguv_L3cMh54o0m1_vV407xYZMHW9P470f38GYVGtrHvXkrHBEEBeGi_49MH"})
}

fn p521_jwk() -> Value {
    json!({"kty": "EC", "crv": "P-521",
        "x": "AIHn9ejcDurEKabyr2GEmdVq0Lo66YcdsDW1pgz2i1PES7HfLUu9suXU2tEEkeKAhZB9LI10oXnw6TmMlvfdPhqp",
        "y": "AR4-a8nvS7W0jTxxazlddVOYsOT15o5MxPzr7_7Zrvl72ki3VdIkYhPr2_NJ029eYdQr6zTRy1xHfjPrG_6OvuJw"})
}

fn ed25519_jwk() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "V-W69URU2j-xhATCZyFxjneYS-oKg376YcFKOk3D2sI"})
}

/// A sample with further members.
fn with(mut key: Value, members: Value) -> Value {
    let members = members.as_object().unwrap().clone();
    key.as_object_mut().unwrap().extend(members);
    key
}

fn normalised(material: impl Into<Value>, algorithm: Algorithm) -> Value {
    json!(read(&material.into(), algorithm).unwrap())
}

#[track_caller]
fn refused(material: impl Into<Value>, algorithm: Algorithm, pointer: &str, sentence: &str) {
    let refusal = read(&material.into(), algorithm).unwrap_err();
    assert_eq!(
        (refusal.pointer.as_str(), refusal.to_string().as_str()),
        (pointer, sentence)
    );
}

#[test]
fn a_key_is_the_same_in_every_form() {
    for (forms, jwk, algorithms) in [
        (
            vec![
                RSA,
                include_str!("samples/rsa_pkcs1.pem"),
                RSA_CERTIFICATE,
                RSA_OPENSSH,
            ],
            rsa_jwk(),
            vec![Algorithm::RS256, Algorithm::RS512, Algorithm::PS384],
        ),
        (
            vec![
                P256,
                include_str!("samples/p256_certificate.pem"),
                P256_OPENSSH,
            ],
            p256_jwk(),
            vec![Algorithm::ES256],
        ),
        (
            vec![
                include_str!("samples/p384.pem"),
                include_str!("samples/p384.openssh"),
            ],
            p384_jwk(),
            vec![Algorithm::ES384],
        ),
        (
            vec![
                include_str!("samples/p521.pem"),
                include_str!("samples/p521.openssh"),
            ],
            p521_jwk(),
            vec![Algorithm::ES512],
        ),
        (
            vec![
                ED25519,
                include_str!("samples/ed25519_certificate.pem"),
                include_str!("samples/ed25519.openssh"),
            ],
            ed25519_jwk(),
            vec![Algorithm::EdDSA],
        ),
    ] {
        for algorithm in algorithms {
            let expected = json!([jwk]);
            for form in &forms {
                assert_eq!(normalised(*form, algorithm), expected, "{form}");
                let crlf = format!("\r\n {} \r\n", form.trim().replace('\n', "\r\n"));
                assert_eq!(normalised(crlf, algorithm), expected, "{form}");
            }
            assert_eq!(normalised(jwk.clone(), algorithm), expected);
            assert_eq!(normalised(format!(" {jwk}\n"), algorithm), expected);
            assert_eq!(normalised(json!({ "keys": [jwk] }), algorithm), expected);
        }
    }
}

#[test]
fn a_comment_after_an_openssh_key_is_left_out() {
    let commented = format!("{} somebody@laptop of mine", RSA_OPENSSH.trim());
    assert_eq!(normalised(commented, Algorithm::RS256), json!([rsa_jwk()]));
}

#[test]
fn a_pem_block_may_have_lines_of_any_length() {
    let body: String = RSA.lines().filter(|line| !line.starts_with('-')).collect();
    let text = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----");
    assert_eq!(normalised(text, Algorithm::RS256), json!([rsa_jwk()]));
}

#[test]
fn a_set_keeps_names_and_nothing_that_verification_does_not_need() {
    let set = json!({"keys": [
        with(rsa_jwk(), json!({"kid": "a", "use": "sig", "alg": "RS256", "x5t": "AQAB"})),
        with(rsa_jwk(), json!({"kid": "b", "key_ops": ["verify"], "unknown": {"d": 1}})),
        rsa_jwk(),
        rsa_jwk(),
    ], "issuer": "somebody"});
    let expected = json!([
        with(rsa_jwk(), json!({"kid": "a"})),
        with(rsa_jwk(), json!({"kid": "b"})),
        rsa_jwk(),
        rsa_jwk(),
    ]);
    assert_eq!(normalised(set.clone(), Algorithm::RS256), expected);
    assert_eq!(normalised(set.to_string(), Algorithm::RS256), expected);
}

#[test]
fn private_keys_are_refused_as_such_and_not_shown() {
    let sentence =
        "this is a private key, which belongs to its owner alone: the public key is expected";
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
    ] {
        let text = RSA.replace("PUBLIC KEY", label);
        refused(text.clone(), Algorithm::RS256, "", sentence);
        refused(format!("{RSA}{text}"), Algorithm::RS256, "", sentence);
    }
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        let key = with(rsa_jwk(), json!({ member: "c2VjcmV0" }));
        refused(key.clone(), Algorithm::RS256, "", sentence);
        let set = json!({"keys": [rsa_jwk(), key]});
        refused(set, Algorithm::RS256, "/keys/1", sentence);
    }
    let secret = json!({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"});
    let sentence = "this is a shared secret, which is not given as a key but as `secret`";
    refused(secret, Algorithm::HS256, "", sentence);
}

#[test]
fn what_is_wrong_with_a_text_is_said_without_showing_it() {
    let unrecognised = "a public key is expected: PEM (`PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`), OpenSSH \
                        (such as `ssh-rsa`), a JSON Web Key or a set of them";
    let broken = "this is not a whole and valid PEM block";
    let broken_key = "this is not a whole and valid PEM public key";
    let broken_line = "this is not a whole and valid OpenSSH public key on one line";
    let kind = "a key is RSA, on P-256, P-384 or P-521, or on Ed25519";
    let label = "a PEM block is `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`";
    let several =
        "one PEM block is expected, and these are several: a JSON Web Key Set holds several keys";
    let body = RSA.lines().nth(1).unwrap();
    for (text, sentence) in [
        (String::new(), unrecognised),
        ("   \n".into(), unrecognised),
        ("nonsense".into(), unrecognised),
        ("c2VjcmV0LXNlY3JldC1zZWNyZXQ".into(), unrecognised),
        (format!("before\n{RSA}"), unrecognised),
        (format!("{RSA}after"), broken),
        (format!("{RSA}-----END PUBLIC KEY-----"), broken),
        (format!("{RSA}{P256}"), several),
        (format!("{RSA_CERTIFICATE}{RSA_CERTIFICATE}"), several),
        (RSA.replace("-----END PUBLIC KEY-----", ""), broken),
        (RSA.replace("END PUBLIC", "END RSA PUBLIC"), broken),
        (RSA.replace(body, &body.replace('A', "!")), broken),
        (RSA.replace(body, ""), broken_key),
        (RSA.replace("PUBLIC KEY", "EC PARAMETERS"), label),
        (RSA.replace("PUBLIC KEY", "CERTIFICATE REQUEST"), label),
        (
            RSA.replace("PUBLIC KEY", "RSA PUBLIC KEY"),
            "this is not a whole and valid PEM RSA public key",
        ),
        (
            RSA.replace("PUBLIC KEY", "CERTIFICATE"),
            "this is not a whole and valid PEM certificate",
        ),
        (include_str!("samples/secp256k1.pem").into(), kind),
        (include_str!("samples/x25519.pem").into(), kind),
        (
            include_str!("samples/p256_compressed.pem").into(),
            "the point of a key on a curve has to be uncompressed",
        ),
        ("ssh-rsa".into(), broken_line),
        ("ssh-rsa AAAA".into(), broken_line),
        (RSA_OPENSSH.trim()[..200].to_owned(), broken_line),
        (format!("{RSA_OPENSSH}{RSA_OPENSSH}"), broken_line),
        (RSA_OPENSSH.replace("ssh-rsa", "ssh-ed25519"), broken_line),
        (
            "{\"kty\": \"RSA\", ".into(),
            "this is not a whole and valid JSON object",
        ),
        (
            format!("{} after", rsa_jwk()),
            "this is not a whole and valid JSON object",
        ),
    ] {
        refused(text, Algorithm::RS256, "", sentence);
    }
    for value in [json!(null), json!(7), json!([rsa_jwk()]), json!(true)] {
        refused(value, Algorithm::RS256, "", unrecognised);
    }
}

#[test]
fn a_key_that_is_not_fit_for_the_algorithm_is_refused_with_the_reason() {
    for (text, algorithm, sentence) in [
        (
            include_str!("samples/rsa1024.pem"),
            Algorithm::RS256,
            "an RSA key has 2048 to 8192 bits, and this one has 1024",
        ),
        (
            P256,
            Algorithm::RS256,
            "RS256 needs an RSA public key, and this is a key on P-256",
        ),
        (
            P256_OPENSSH,
            Algorithm::ES384,
            "ES384 needs a public key on P-384, and this is a key on P-256",
        ),
        (
            ED25519,
            Algorithm::ES256,
            "ES256 needs a public key on P-256, and this is a key on an Edwards curve",
        ),
        (
            RSA,
            Algorithm::HS256,
            "HS256 needs a secret, and this is an RSA key",
        ),
    ] {
        refused(text, algorithm, "", sentence);
    }
    let off_curve = with(p256_jwk(), json!({"x": p256_jwk()["y"]}));
    let set = json!({"keys": [p256_jwk(), off_curve]});
    let sentence = "this is not a point on P-256";
    refused(set, Algorithm::ES256, "/keys/1", sentence);
}

#[test]
fn what_is_wrong_with_a_json_web_key_is_said_with_its_place() {
    let base64url = "a text in unpadded base64url is expected";
    let kty = "`RSA`, `EC` or `OKP` is expected";
    let kid = "a text of 1 to 256 bytes is expected";
    let curve = "the name of a curve, such as `P-256` or `Ed25519`, is expected";
    for (members, pointer, sentence) in [
        (json!({"kty": null}), "/kty", kty),
        (json!({"kty": "rsa"}), "/kty", kty),
        (json!({"kty": "AKP"}), "/kty", kty),
        (json!({"kty": 7}), "/kty", kty),
        (json!({"kty": "EC"}), "/crv", curve),
        (json!({"n": null}), "/n", base64url),
        (json!({"n": 7}), "/n", base64url),
        (json!({"n": "AQ AB"}), "/n", base64url),
        (json!({"e": "AQAB="}), "/e", base64url),
        (json!({"e": "AR"}), "/e", base64url),
        (json!({"kid": 7}), "/kid", kid),
        (json!({"kid": ""}), "/kid", kid),
        (json!({"kid": "k".repeat(257)}), "/kid", kid),
        (
            json!({"use": "enc"}),
            "/use",
            "the key is not for signatures: `use` has to be `sig`",
        ),
        (json!({"use": ["sig"]}), "/use", "`sig` is expected"),
        (
            json!({"key_ops": ["sign", "encrypt"]}),
            "/key_ops",
            "the key is not for the verification of signatures: `key_ops` has no `verify`",
        ),
        (
            json!({"key_ops": "verify"}),
            "/key_ops",
            "a list that has `verify` is expected",
        ),
        (
            json!({"alg": "RS512"}),
            "/alg",
            "the key is for another algorithm than RS256",
        ),
        (
            json!({"alg": 7}),
            "/alg",
            "the name of an algorithm is expected",
        ),
    ] {
        let key = with(rsa_jwk(), members);
        refused(key.clone(), Algorithm::RS256, pointer, sentence);
        let set = json!({"keys": [rsa_jwk(), key]});
        let pointer = format!("/keys/1{pointer}");
        refused(set, Algorithm::RS256, &pointer, sentence);
    }
    refused(json!({}), Algorithm::RS256, "/kty", kty);
}

#[test]
fn a_set_is_refused_for_what_none_of_its_keys_says() {
    for (keys, pointer, sentence) in [
        (json!([]), "/keys", "the set has no key"),
        (json!({}), "/keys", "a list of JSON Web Keys is expected"),
        (json!([7]), "/keys/0", "a JSON Web Key is expected"),
        (
            json!(vec![rsa_jwk(); 11]),
            "/keys",
            "a set has at most 10 keys",
        ),
        (
            json!(vec![with(rsa_jwk(), json!({"kid": "a"})); 2]),
            "/keys/1/kid",
            "another key of the set has the same `kid`",
        ),
    ] {
        refused(json!({ "keys": keys }), Algorithm::RS256, pointer, sentence);
    }
    assert!(read(&json!({"keys": vec![rsa_jwk(); 10]}), Algorithm::RS256).is_ok());
}
