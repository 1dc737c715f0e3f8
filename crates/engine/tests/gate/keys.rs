//! Keys that sign in these tests and nowhere else. Most are printed in the standards.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm as Signer, EncodingKey, crypto};
use p521::ecdsa::signature::Signer as _;
use portcullis_feed::{Algorithm, Jwk, KeyMaterial, Octets, SecretOctets};

/// The secret of HMAC: long enough for every hash.
pub const SECRET: &[u8; 64] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// RFC 7515 appendix A.2, as an RSAPrivateKey (RFC 8017 appendix A.1.2).
const RSA: &str = "\
    MIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql\
    L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo\
    7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2\
    PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35SbEUAVx8dYXUdZOlJcHtiWQ-dC6V8ljxAHj_PLyzTveyI5QO_xkObCyjIL303l2cf\
    UhPu2MFaJdjVzqACXuOrLot_eSFvxjvqVidTtAZExqFRJ9mylUVAoLvhowVWmC1On95fZCXxTUtxNEG1Xcc7m0rtzJKs45J-N_V9DP1edYH6USyP\
    SWGp6wuA-KgHRnKKVf9GRx80JQY7nVNkL17eHoTWEwga-lwi0FEoW9Y7lDtWXYmKBWhUE-U8PGxlJf8f40493HDw1WRQ_aSLoS4QTp3rn7gYgeHE\
    vfJdkkf0UMhlknlo53M09EFPdadQ4TlUbjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l5\
    8BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUcCgYEAuQPE\
    fgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA\
    -njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7DOX4IKjzdahm-ctDAJN4O_y7OW5FKebv\
    UjdAIt2GuoTZ71iTG-7F0F-lP88jtjP4U4qe7VHoewl4MKOfXZKTe-YCS1XbNvfgwJ3Ltyl1OH9hWvu2yza7q-d5PCsDzqtm27kxuvULVeya-TEd\
    AB1ijQKBgQCH_3r6YrVH_uCWGy6bzV1nGNOdjKc9tmkfOJmN54dxdixdpozCQ6U4OxZrsj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCC\
    Mx3bD1yPPf_6TI2XECva_ggqEY2mYzmIiA5LVVmc5nrybr-lssFKneeyxN2Wq93S0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5\
    XMclbrjPbEC3YI1ZNqMtuhdBJqUnBi6tjKMF-34Xf0CUN8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5\
    NvmUMFStCSkh7ixZLkN1";
const RSA_MODULUS: &str = "\
    ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pC\
    gNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg6\
    65xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW\
    yuXpoQ";
/// RFC 7515 appendix A.3, in PKCS#8, and its public coordinates.
const P256: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LKhRANCAAR_zc4ncPbEXUGD\
    y-5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";
const P256_PUBLIC: [&str; 2] = [
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
];
/// Another on the same curve, which no profile knows.
const FOREIGN: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAq1SpjOsfCtKhRANCAAQ-16KOxkjtzl1b\
    fiUvayqvu0SDURSiSzyqj3EPZJk7wlcRo0zckikIC2OfCZd_63ypHszhZJv-qK2Fxysgat5-";
pub const FOREIGN_PUBLIC: [&str; 2] = [
    "PteijsZI7c5dW34lL2sqr7tEg1EUoks8qo9xD2SZO8I",
    "VxGjTNySKQgLY58Jl3_rfKkezOFkm_6orYXHKyBq3n4",
];
/// Made of the numbers from 1 to 48.
const P384: &str = "\
    MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzCh\
    ZANiAATHbyKD3alc1JsO2ecz0pBEdONyFvEk4T0smrTPAQIcSa2cq7PQuXSZrvLwqzE_oCgmvB-DRRtciWKnXK_3NYjUQApilkNhVPs0PDk-kQSK\
    bHvLrcg82KXyb-rogxVvkqE";
const P384_PUBLIC: [&str; 2] = [
    "x28ig92pXNSbDtnnM9KQRHTjchbxJOE9LJq0zwECHEmtnKuz0Ll0ma7y8KsxP6Ao",
    "Jrwfg0UbXIlip1yv9zWI1EAKYpZDYVT7NDw5PpEEimx7y63IPNil8m_q6IMVb5Kh",
];
/// RFC 8037 appendix A.1.
const ED25519: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
const ED25519_PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// A number on P-521, which `jsonwebtoken` does not know.
const P521: [u8; 66] = [1; 66];

/// Base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The key with which tokens of an algorithm are verified.
pub fn public(algorithm: Algorithm) -> Jwk {
    let octets = |text: &str| Octets(decode(text));
    let ec = |crv: &str, [x, y]: [&str; 2]| KeyMaterial::Ec {
        crv: crv.into(),
        x: octets(x),
        y: octets(y),
    };
    let material = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return secret(SECRET),
        Algorithm::ES256 => ec("P-256", P256_PUBLIC),
        Algorithm::ES384 => ec("P-384", P384_PUBLIC),
        Algorithm::ES512 => {
            let point = p521_signer().verifying_key().to_sec1_point(false);
            KeyMaterial::Ec {
                crv: "P-521".into(),
                x: Octets(point.x().unwrap().to_vec()),
                y: Octets(point.y().unwrap().to_vec()),
            }
        }
        Algorithm::EdDSA => KeyMaterial::Okp {
            crv: "Ed25519".into(),
            x: octets(ED25519_PUBLIC),
        },
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => KeyMaterial::Rsa {
            n: octets(RSA_MODULUS),
            e: octets("AQAB"),
        },
    };
    Jwk {
        kid: None,
        material,
    }
}

/// A shared secret as a key.
pub fn secret(bytes: &[u8]) -> Jwk {
    Jwk {
        kid: None,
        material: KeyMaterial::Oct {
            k: SecretOctets(bytes.to_vec()),
        },
    }
}

/// Signs with the key that [`public`] verifies.
pub fn sign(algorithm: Algorithm, signed: &str) -> String {
    if algorithm == Algorithm::ES512 {
        let signature: p521::ecdsa::Signature = p521_signer().sign(signed.as_bytes());
        return encode(signature.to_bytes());
    }
    let signer = signer(algorithm);
    let key = match signer {
        Signer::HS256 | Signer::HS384 | Signer::HS512 => EncodingKey::from_secret(SECRET),
        Signer::ES256 => EncodingKey::from_ec_der(&decode(P256)),
        Signer::ES384 => EncodingKey::from_ec_der(&decode(P384)),
        Signer::EdDSA => EncodingKey::from_ed_der(&decode(ED25519)),
        _ => EncodingKey::from_rsa_der(&decode(RSA)),
    };
    crypto::sign(signed.as_bytes(), &key, signer).unwrap()
}

fn p521_signer() -> p521::ecdsa::SigningKey {
    p521::ecdsa::SigningKey::from_slice(&P521).unwrap()
}

/// Signs with a key on P-256 that no profile knows.
pub fn sign_as_foreigner(signed: &str) -> String {
    let key = EncodingKey::from_ec_der(&decode(FOREIGN));
    crypto::sign(signed.as_bytes(), &key, Signer::ES256).unwrap()
}

/// Signs with any secret.
pub fn sign_with(secret: &[u8], algorithm: Algorithm, signed: &str) -> String {
    crypto::sign(
        signed.as_bytes(),
        &EncodingKey::from_secret(secret),
        signer(algorithm),
    )
    .unwrap()
}

/// The algorithm in the words of `jsonwebtoken`, which knows all but ES512.
pub fn signer(algorithm: Algorithm) -> Signer {
    algorithm.name().parse().unwrap()
}
