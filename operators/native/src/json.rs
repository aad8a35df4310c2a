//! A reader of JSON that knows two answers: this is surely right, or somebody else must look at it.

/// The answer where a value is wrong, or might be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsure;

/// What every step of reading gives.
pub type Sure<T> = Result<T, Unsure>;

/// How deep values that nobody uses may be nested.
const DEEPEST: u32 = 64;

/// Digits of an integer that surely fits 64 bits.
const WHOLE_DIGITS: usize = 18;

/// The largest integer below which every integer is a float.
const EXACT: u64 = 1 << 53;

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Powers of five.
const FIVES: [u64; 28] = {
    let mut found = [1; 28];
    let mut at = 1;
    while at < 28 {
        found[at] = found[at - 1] * 5;
        at += 1;
    }
    found
};

/// 2^127 divided by the powers of five whose highest bit is in place, rounded down.
const RECIPROCALS: [u64; 28] = {
    let mut found = [0; 28];
    let mut at = 1;
    while at < 28 {
        found[at] = ((1_u128 << 127) / (FIVES[at] << FIVES[at].leading_zeros()) as u128) as u64;
        at += 1;
    }
    found
};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A string between its quotes, as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// Its bytes.
    pub raw: &'a str,
    /// Whether any of them is an escape.
    pub escaped: bool,
}

impl<'a> Text<'a> {
    /// The string itself; `room` holds it where it has escapes.
    pub fn plain<'b>(&self, room: &'b mut String) -> Sure<&'b str>
    where
        'a: 'b,
    {
        if !self.escaped {
            return Ok(self.raw);
        }
        room.clear();
        let mut rest = self.raw;
        while let Some(at) = rest.find('\\') {
            room.push_str(&rest[..at]);
            let kind = *rest.as_bytes().get(at + 1).ok_or(Unsure)?;
            let mut next = at + 2;
            match kind {
                b'"' | b'\\' | b'/' => room.push(kind as char),
                b'b' => room.push('\u{8}'),
                b'f' => room.push('\u{c}'),
                b'n' => room.push('\n'),
                b'r' => room.push('\r'),
                b't' => room.push('\t'),
                b'u' => {
                    let digits = rest.get(next..next + 4).ok_or(Unsure)?;
                    let code = u32::from_str_radix(digits, 16).map_err(|_| Unsure)?;
                    room.push(char::from_u32(code).ok_or(Unsure)?);
                    next += 4;
                }
                _ => return Err(Unsure),
            }
            rest = rest.get(next..).ok_or(Unsure)?;
        }
        room.push_str(rest);
        Ok(room)
    }
}

/// A number, and how it is written.
#[derive(Debug, Clone, Copy)]
pub struct Number<'a> {
    /// The nearest float.
    pub value: f64,
    /// The integer, where it is written as one.
    pub whole: Option<i64>,
    /// Its bytes.
    pub raw: &'a str,
}

/// A value that is neither an object nor an array.
#[derive(Debug, Clone, Copy)]
pub enum Scalar<'a> {
    /// null
    Null,
    /// true, false
    Truth(bool),
    /// A number.
    Number(Number<'a>),
    /// A string.
    Text(Text<'a>),
}

/// A place in a text that is valid UTF-8.
pub struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    broke: bool,
}

impl<'a> Cursor<'a> {
    /// The beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Cursor { text, bytes: text.as_bytes(), at: 0, broke: false }
    }

    /// How many bytes have been read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next byte; 0 at the end.
    #[inline]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Go past white space.
    #[inline]
    pub fn space(&mut self) {
        while let found @ (b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.broke |= found == b'\n';
            self.at += 1;
        }
    }

    /// Whether there was a line break, which is in no string.
    pub fn broke(&self) -> bool {
        self.broke
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether nothing but white space is left.
    pub fn ends(&mut self) -> bool {
        self.space();
        self.at == self.bytes.len()
    }

    /// Go past this byte and white space behind it.
    #[inline]
    pub fn take(&mut self, byte: u8) -> Sure<()> {
        if self.peek() != byte || self.at == self.bytes.len() {
            return Err(Unsure);
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Go past a comma, or past the closing byte: whether there is more.
    #[inline]
    pub fn more(&mut self, closing: u8) -> Sure<bool> {
        self.space();
        let found = self.peek();
        if found == b',' {
            self.at += 1;
            self.space();
            return Ok(true);
        }
        if found != closing {
            return Err(Unsure);
        }
        self.at += 1;
        Ok(false)
    }

    /// Read an object; `field` reads its next key and value.
    #[inline]
    pub fn object(&mut self, mut field: impl FnMut(&mut Self) -> Sure<()>) -> Sure<()> {
        self.take(b'{')?;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            field(self)?;
            if !self.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// Read an array; `element` reads its next element.
    #[inline]
    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> Sure<()>) -> Sure<()> {
        self.take(b'[')?;
        if self.peek() == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.more(b']')? {
                return Ok(());
            }
        }
    }

    /// Read a key without escapes, up to its value.
    #[inline]
    pub fn key(&mut self) -> Sure<&'a str> {
        let key = self.string()?;
        if key.escaped {
            return Err(Unsure);
        }
        self.space();
        self.take(b':')?;
        Ok(key.raw)
    }

    /// Go past a key and what divides it from its value, if it is this one, which has neither quotes nor escapes.
    #[inline]
    pub fn expects(&mut self, key: &str) -> bool {
        let rest = &self.bytes[self.at..];
        let length = key.len();
        if rest.len() < length + 3 || rest[0] != b'"' || &rest[1..=length] != key.as_bytes() || rest[length + 1] != b'"'
        {
            return false;
        }
        if rest[length + 2] != b':' {
            return false;
        }
        self.at += length + 3;
        self.space();
        true
    }

    /// Read a string.
    #[inline]
    pub fn string(&mut self) -> Sure<Text<'a>> {
        if self.peek() != b'"' {
            return Err(Unsure);
        }
        let start = self.at + 1;
        let mut escaped = false;
        self.at = start;
        loop {
            self.at = special(self.bytes, self.at);
            match self.peek() {
                b'"' => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Text { raw, escaped });
                }
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(Unsure), // a control character, or the end
            }
        }
    }

    /// Go past an escape. Surrogates and NUL are somebody else's.
    fn escape(&mut self) -> Sure<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(Unsure)?;
                let mut code = 0;
                for digit in digits {
                    code = code * 16 + (*digit as char).to_digit(16).ok_or(Unsure)?;
                }
                if code == 0 || (0xD800..0xE000).contains(&code) {
                    return Err(Unsure);
                }
                self.at += 6;
            }
            _ => return Err(Unsure),
        }
        Ok(())
    }

    /// Read a value that is neither an object nor an array.
    #[inline]
    pub fn scalar(&mut self) -> Sure<Scalar<'a>> {
        match self.peek() {
            b'"' => Ok(Scalar::Text(self.string()?)),
            b'n' => self.word("null", Scalar::Null),
            b't' => self.word("true", Scalar::Truth(true)),
            b'f' => self.word("false", Scalar::Truth(false)),
            _ => Ok(Scalar::Number(self.number()?)),
        }
    }

    fn word(&mut self, word: &str, value: Scalar<'a>) -> Sure<Scalar<'a>> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(Unsure);
        }
        self.at += word.len();
        Ok(value)
    }

    /// Read a number that a float holds. An integer has at most 18 digits and is not -0.
    #[inline]
    pub fn number(&mut self) -> Sure<Number<'a>> {
        let start = self.at;
        let (value, whole) = self.parsed()?;
        Ok(Number { value, whole, raw: &self.text[start..self.at] })
    }

    /// Read a number whose digits are of no interest.
    #[inline]
    pub fn float(&mut self) -> Sure<f64> {
        Ok(self.parsed()?.0)
    }

    #[inline(always)]
    fn parsed(&mut self) -> Sure<(f64, Option<i64>)> {
        let start = self.at;
        let negative = self.peek() == b'-';
        self.at += usize::from(negative);
        let mut mantissa = 0_u64;
        let first = self.at;
        self.digits(&mut mantissa);
        let mut digits = self.at - first;
        if digits == 0 || (digits > 1 && self.bytes[first] == b'0') {
            return Err(Unsure);
        }
        let (mut power, mut integer) = (0_i64, true);
        if self.peek() == b'.' {
            integer = false;
            self.at += 1;
            let point = self.at;
            self.digits(&mut mantissa);
            let count = self.at - point;
            if count == 0 {
                return Err(Unsure);
            }
            digits += count;
            power -= count as i64;
        }
        if matches!(self.peek(), b'e' | b'E') {
            integer = false;
            power += self.exponent()?;
        }
        if integer {
            if digits > WHOLE_DIGITS || (negative && mantissa == 0) {
                return Err(Unsure);
            }
            let whole = if negative { -(mantissa as i64) } else { mantissa as i64 };
            return Ok((whole as f64, Some(whole)));
        }
        // 19 digits fit 64 bits
        let size = if digits <= 19 { float(mantissa, power) } else { None };
        let value = match size {
            Some(found) if negative => -found,
            Some(found) => found,
            None => self.text[start..self.at].parse::<f64>().map_err(|_| Unsure)?,
        };
        if !value.is_finite() {
            return Err(Unsure);
        }
        Ok((value, None))
    }

    /// Go past digits, adding them to a number that wraps around beyond 19 of them.
    #[inline]
    fn digits(&mut self, into: &mut u64) {
        while let Some(word) = self.eight().filter(|word| are_digits(*word)) {
            *into = into.wrapping_mul(100_000_000).wrapping_add(number_of(word));
            self.at += 8;
        }
        loop {
            let digit = self.peek().wrapping_sub(b'0');
            if digit > 9 {
                return;
            }
            *into = into.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
    }

    /// The next eight bytes.
    #[inline]
    fn eight(&self) -> Option<u64> {
        let chunk = self.bytes.get(self.at..self.at + 8)?;
        Some(u64::from_le_bytes(chunk.try_into().ok()?))
    }

    fn exponent(&mut self) -> Sure<i64> {
        self.at += 1;
        let negative = self.peek() == b'-';
        self.at += usize::from(matches!(self.peek(), b'-' | b'+'));
        let start = self.at;
        let mut found = 0;
        self.digits(&mut found);
        if self.at == start || self.at - start > 4 {
            return Err(Unsure);
        }
        Ok(if negative { -(found as i64) } else { found as i64 })
    }

    /// Go past a value that nobody uses.
    pub fn skip(&mut self) -> Sure<()> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: u32) -> Sure<()> {
        match self.peek() {
            b'{' | b'[' if depth >= DEEPEST => Err(Unsure),
            b'{' => self.skip_object(depth),
            b'[' => self.array(|cursor| cursor.skip_at(depth + 1)),
            _ => self.scalar().map(|_| ()),
        }
    }

    fn skip_object(&mut self, depth: u32) -> Sure<()> {
        self.take(b'{')?;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.string()?;
            self.space();
            self.take(b':')?;
            self.skip_at(depth + 1)?;
            if !self.more(b'}')? {
                return Ok(());
            }
        }
    }
}

/// Whether eight bytes are digits, each of them.
#[inline]
fn are_digits(word: u64) -> bool {
    (word & 0xF0F0_F0F0_F0F0_F0F0) | ((word.wrapping_add(0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) >> 4)
        == 0x3333_3333_3333_3333
}

/// The number that eight digits are: pairs, then fours, then all of them.
#[inline]
fn number_of(word: u64) -> u64 {
    let digits = word & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (digits.wrapping_mul(2_561) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(6_553_601) >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(42_949_672_960_001) >> 32
}

/// The float nearest to mantissa * 10^power, where that is found in a few steps.
#[inline]
fn float(mantissa: u64, power: i64) -> Option<f64> {
    if mantissa <= EXACT && (-22..=22).contains(&power) {
        // both are floats, so that their quotient or product is rounded once
        let found = mantissa as f64;
        return Some(if power < 0 { found / POWERS[(-power) as usize] } else { found * POWERS[power as usize] });
    }
    if mantissa == 0 {
        return Some(0.0);
    }
    if (-27..0).contains(&power) {
        return Some(quotient(mantissa, (-power) as u32));
    }
    None
}

/// The float nearest to mantissa / 10^places, for 1 <= places <= 27 and a mantissa that is not 0.
///
/// Both sides of mantissa / 5^places get their highest bit in place; the quotient has 63 or 64 bits then, 53 of which
/// are kept. A product with the reciprocal is at most 2 below the quotient, and mostly says enough about the bits that
/// are lost; else the division does.
#[inline]
fn quotient(mantissa: u64, places: u32) -> f64 {
    let divisor = FIVES[places as usize];
    let (up, down) = (mantissa.leading_zeros(), divisor.leading_zeros());
    let above = mantissa << up;
    let near = ((u128::from(above) * u128::from(RECIPROCALS[places as usize])) >> 64) as u64;
    let spare = 11 - near.leading_zeros();
    let half = 1_u64 << (spare - 1);
    let lost = near & (2 * half - 1);
    let exponent = spare as i32 - 63 - up as i32 + down as i32 - places as i32;
    let scale = f64::from_bits(((exponent + 1023) as u64) << 52);
    if lost + 2 <= half {
        return (near >> spare) as f64 * scale;
    }
    if lost > half {
        return ((near >> spare) + 1) as f64 * scale; // 2^53 at most, a float too
    }
    divided(u128::from(above) << 63, u128::from(divisor << down)) * scale
}

/// A quotient of 63 or 64 bits in units of the last of 53 that are kept, rounded to the nearest, halves to the even one.
#[cold]
fn divided(above: u128, below: u128) -> f64 {
    let found = (above / below) as u64;
    let rest = above % below != 0;
    let spare = 11 - found.leading_zeros();
    let half = 1_u64 << (spare - 1);
    let (kept, lost) = (found >> spare, found & (2 * half - 1));
    let up = lost > half || (lost == half && (rest || kept & 1 == 1));
    (kept + u64::from(up)) as f64
}

/// The first place from `at` on of a quote, a backslash or a control character; the end where there is none.
#[inline]
fn special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let found = found & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\') || *byte < 0x20 {
            return at;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<f64> {
        let mut cursor = Cursor::new(text);
        cursor.number().ok().filter(|_| cursor.ends()).map(|found| found.value)
    }

    #[test]
    fn numbers_are_those_of_the_grammar() {
        for text in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x1", "1e999", "-0", "1234567890123456789", "NaN"] {
            assert_eq!(number(text), None, "{text}");
        }
        for text in ["0", "-1", "0.0", "-0.0", "1e5", "1E-5", "123456789012345678", "0.1234567890123456789", "5e-324"] {
            let expected = text.parse::<f64>().unwrap();
            assert_eq!(number(text).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
    }

    #[test]
    fn floats_are_those_of_the_standard_library() {
        let mut state = 1_u64;
        for _ in 0..300_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mantissa = (state >> (state % 61)).max(1) % 10_000_000_000_000_000_000;
            for places in [state % 28, 1, 27] {
                let text = format!("{}e-{}", mantissa, places);
                let expected = text.parse::<f64>().unwrap();
                assert_eq!(float(mantissa, -(places as i64)).map_or(expected.to_bits(), f64::to_bits), expected.to_bits());
            }
        }
        // half-way between two floats, and the integers beside
        for mantissa in (EXACT + 1..EXACT + 4_000).step_by(2) {
            for beside in [mantissa * 10 - 1, mantissa * 10, mantissa * 10 + 1] {
                assert_eq!(quotient(beside, 1), format!("{}e-1", beside).parse::<f64>().unwrap());
            }
        }
    }

    #[test]
    fn eight_digits_at_once_are_what_they_are_one_by_one() {
        for text in ["12345678", "00000000", "99999999", "1234567:", "/2345678", "1234 678", "\u{7f}2345678"] {
            let word = u64::from_le_bytes(text.as_bytes()[..8].try_into().unwrap());
            assert_eq!(are_digits(word), text.bytes().take(8).all(|byte| byte.is_ascii_digit()), "{text}");
            if are_digits(word) {
                assert_eq!(number_of(word), text.parse::<u64>().unwrap());
            }
        }
    }

    #[test]
    fn strings_end_at_their_quote_wherever_it_is() {
        for length in 0..40 {
            let inside = "é".repeat(length / 2) + &"x".repeat(length);
            let text = format!("\"{inside}\"");
            let mut cursor = Cursor::new(&text);
            assert_eq!(cursor.string().unwrap().raw, inside);
            assert!(cursor.ends());
            for wrong in ["\n", "\\", "\\q", "\\u12", "\\ud800", "\\u0000"] {
                let broken = format!("\"{inside}{wrong}\"");
                assert!(Cursor::new(&broken).string().is_err(), "{broken}");
            }
        }
    }

    #[test]
    fn escapes_become_what_they_stand_for() {
        let mut room = String::new();
        let text = Cursor::new(r#""a\n\u00e9\"\/é""#).string().unwrap();
        assert_eq!(text.plain(&mut room).unwrap(), "a\né\"/é");
    }

    #[test]
    fn what_nobody_uses_is_still_json() {
        for text in ["{}", "[]", r#"{"a": [1, {"b": null}], "c": "x"}"#, "[true, false, -1.5e3]"] {
            let mut cursor = Cursor::new(text);
            assert!(cursor.skip().is_ok() && cursor.ends(), "{text}");
        }
        for text in ["{", "[1,]", "{\"a\"}", "{\"a\":}", "[1 2]", "tru", "{,}", "{\"a\":1,}", "nul"] {
            let mut cursor = Cursor::new(text);
            assert!(cursor.skip().is_err() || !cursor.ends(), "{text}");
        }
        assert!(Cursor::new(&"[".repeat(100_000)).skip().is_err());
    }
}
