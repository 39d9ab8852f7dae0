//! Protocol buffers, as far as a profile needs them: fields of whole numbers, of bytes, and of packed whole numbers.

/// A message that is being written.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Seven bits to a byte, lowest first; the top bit says that there are more.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(0x80 | value.to_le_bytes()[0]);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    /// A whole number. One that is 0 is not written: that is what is read where nothing is.
    pub(crate) fn number(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.varint(field << 3);
            self.varint(value);
        }
    }

    /// Bytes: a text, or a message inside this one. Also if there are none.
    pub(crate) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }

    /// Whole numbers, side by side.
    pub(crate) fn packed(&mut self, field: u64, values: impl IntoIterator<Item = u64>) {
        let mut inside = Self::default();
        values.into_iter().for_each(|value| inside.varint(value));
        self.message(field, &inside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_as_the_format_says() {
        let mut message = Message::default();
        message.number(1, 150);
        message.number(2, 0);
        message.bytes(2, b"testing");
        message.packed(4, [3, 270, 86_942]);
        // The examples of the format's own documentation.
        let expected = [
            &[0x08, 0x96, 0x01][..],
            &[0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67],
            &[0x22, 0x06, 0x03, 0x8E, 0x02, 0x9E, 0xA7, 0x05],
        ];
        assert_eq!(message.into_bytes(), expected.concat());
    }

    #[test]
    fn the_largest_number_takes_ten_bytes() {
        let mut message = Message::default();
        message.number(1, u64::MAX);
        assert_eq!(message.into_bytes().len(), 11);
    }
}
