//! As much of protobuf's wire format as Envoy is told anything in.
//!
//! Source: protobuf.dev, "Encoding".

/// A fixed 64-bit value.
const FIXED_64: u8 = 1;
/// A length, and as many bytes.
const LENGTH_DELIMITED: u8 = 2;

/// Adds a field of bytes: a text, or another message.
#[inline(never)]
pub(crate) fn put_bytes(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push((number << 3) | LENGTH_DELIMITED);
    let mut length = bytes.len();
    while length >= 0x80 {
        let low = u8::try_from(length & 0x7f).unwrap_or(0);
        message.push(low | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).unwrap_or(0));
    message.extend(bytes);
}

/// Adds a field of a floating-point number.
pub(crate) fn put_double(message: &mut Vec<u8>, number: u8, value: f64) {
    message.push((number << 3) | FIXED_64);
    message.extend(value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_their_length_in_groups_of_seven_bits() {
        let mut message = vec![];
        put_bytes(&mut message, 1, b"ab");
        put_bytes(&mut message, 4, &[7; 300]);
        assert_eq!(message[..4], [0x0a, 2, b'a', b'b']);
        assert_eq!(message[4..7], [0x22, 0xac, 0x02]);
        assert_eq!(message.len(), 7 + 300);
    }

    #[test]
    fn numbers_have_their_lowest_byte_first() {
        let mut message = vec![];
        put_double(&mut message, 2, 1.0);
        assert_eq!(message, [0x11, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    }
}
