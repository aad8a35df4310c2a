//! Event times in milliseconds, by the same floating-point steps as `operators.formats.times`.

use crate::json::{Number, Sure, Unsure};

const EARLIEST: f64 = 946_684_800_000.0;
const LATEST: f64 = 253_402_300_799_999.0;
const BOUNDS: [f64; 4] = [1e8, 1e11, 1e14, 1e17];
const FACTORS: [f64; 5] = [1.0, 1e3, 1.0, 1e-3, 1e-6];

/// Up to it Python's division of microseconds by a million is that of two floats.
const EXACT: i64 = 1 << 53;

/// An epoch time in any unit.
pub fn of_number(number: Number) -> Sure<i64> {
    let size = number.value.abs();
    let unit = BOUNDS.iter().filter(|bound| size >= **bound).count();
    whole(number.value * FACTORS[unit])
}

/// An RFC 3339 time with at most six digits behind the second; UTC where it has no offset.
pub fn of_text(text: &str) -> Sure<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 19 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[13] != b':' || bytes[16] != b':' {
        return Err(Unsure);
    }
    if !matches!(bytes[10], b'T' | b' ') {
        return Err(Unsure);
    }
    let year = pair(bytes, 0)? * 100 + pair(bytes, 2)?;
    let (month, day) = (pair(bytes, 5)?, pair(bytes, 8)?);
    let (hour, minute, second) = (pair(bytes, 11)?, pair(bytes, 14)?, pair(bytes, 17)?);
    if year < 1970 || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return Err(Unsure);
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err(Unsure);
    }
    let (micros, next) = fraction(bytes)?;
    let seconds = days_from_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let micros = (seconds - offset(&bytes[next..])?) * 1_000_000 + micros;
    if !(0..=EXACT).contains(&micros) {
        return Err(Unsure);
    }
    whole(micros as f64 / 1e6 * 1e3)
}

/// Whether a time of writing (ms) may stand for a record's own.
pub fn possible(written: i64) -> bool {
    written >= EARLIEST as i64 && written != i64::MAX
}

fn whole(millis: f64) -> Sure<i64> {
    if (EARLIEST..=LATEST).contains(&millis) {
        return Ok(millis.round_ties_even() as i64);
    }
    Err(Unsure)
}

fn pair(bytes: &[u8], at: usize) -> Sure<i64> {
    let (tens, ones) = (bytes[at].wrapping_sub(b'0'), bytes[at + 1].wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return Err(Unsure);
    }
    Ok(i64::from(tens) * 10 + i64::from(ones))
}

/// Microseconds behind the second, and where what follows begins.
fn fraction(bytes: &[u8]) -> Sure<(i64, usize)> {
    if bytes.get(19) != Some(&b'.') {
        return Ok((0, 19));
    }
    let digits = bytes[20..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 6 {
        return Err(Unsure);
    }
    let mut found = 0;
    for digit in &bytes[20..20 + digits] {
        found = found * 10 + i64::from(digit - b'0');
    }
    Ok((found * 10_i64.pow(6 - digits as u32), 20 + digits))
}

/// Seconds that local time is ahead of UTC.
fn offset(bytes: &[u8]) -> Sure<i64> {
    match bytes {
        [] | [b'Z'] => Ok(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (pair(bytes, 1)?, pair(bytes, 4)?);
            if hours > 23 || minutes > 59 {
                return Err(Unsure);
            }
            let found = hours * 3_600 + minutes * 60;
            Ok(if *sign == b'-' { -found } else { found })
        }
        _ => Err(Unsure),
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, years counted from March.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_moment_is_the_same() {
        for text in ["2026-09-21T14:13:20Z", "2026-09-21 16:13:20+02:00", "2026-09-21T05:43:20.000-08:30"] {
            assert_eq!(of_text(text), Ok(1_790_000_000_000), "{text}");
        }
        assert_eq!(of_text("2000-02-29T00:00:00.001Z"), Ok(951_782_400_001));
    }

    #[test]
    fn what_is_no_time_is_not_guessed() {
        for text in ["", "2026", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z"] {
            assert!(of_text(text).is_err(), "{text}");
        }
        for text in ["2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00+2:00", "1999-12-31T23:59:59Z", "é026-01-01T00:00:00"] {
            assert!(of_text(text).is_err(), "{text}");
        }
    }
}
