//! The few forms of DER (ITU-T X.690) that hosts expect keys and signatures in.

/// RSA as a SubjectPublicKeyInfo (RFC 8017 appendix A.1.1).
pub(super) fn rsa_public_key_info(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    /// `rsaEncryption` with its NULL parameter.
    const ALGORITHM: &[u8] = &[
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let key = sequence(&[integer(modulus), integer(exponent)]);
    sequence(&[sequence(&[ALGORITHM.to_vec()]), bit_string(&key)])
}

/// A point on a curve as a SubjectPublicKeyInfo (RFC 5480 section 2).
pub(super) fn ec_public_key_info(curve: &[u8], point: &[u8]) -> Vec<u8> {
    /// `id-ecPublicKey`.
    const ALGORITHM: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let curve = element(0x06, curve);
    sequence(&[sequence(&[ALGORITHM.to_vec(), curve]), bit_string(point)])
}

/// An ECDSA signature (RFC 3279 section 2.2.3) from its two halves as they stand in a token (RFC 7518 section 3.4).
pub(super) fn ecdsa_signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    sequence(&[integer(r), integer(s)])
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(0x03, &[&[0], bytes].concat())
}

/// A number that is not negative: without superfluous zeros, and with one where its first bit would be a sign.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    match digits.first() {
        None => element(0x02, &[0]),
        Some(0x80..) => element(0x02, &[&[0], digits].concat()),
        Some(_) => element(0x02, digits),
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            let digits = length.get(zeros..).unwrap_or_default();
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
            bytes.extend(digits);
        }
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_sign_byte_where_they_need_one_and_no_other_zeros() {
        for (number, der) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 0x80, 0], &[2, 3, 0, 0x80, 0]),
        ] {
            assert_eq!(integer(number), der, "{number:?}");
        }
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        assert_eq!(element(4, &[9; 127])[..2], [4, 127]);
        assert_eq!(element(4, &[9; 128])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[9; 256])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn a_signature_is_a_sequence_of_two_numbers() {
        assert_eq!(
            ecdsa_signature(&[0, 1], &[0xff]),
            [0x30, 7, 2, 1, 1, 2, 2, 0, 0xff]
        );
    }
}
