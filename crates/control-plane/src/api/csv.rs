//! Lines of CSV.

/// A text that no spreadsheet takes for a formula (OWASP, CSV Injection).
pub fn harmless(text: String) -> String {
    let first = text.trim_start_matches(' ').chars().next();
    match first {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            format!("'{text}")
        }
        _ => text,
    }
}

/// A line as RFC 4180 has it.
pub fn line<const COLUMNS: usize>(fields: [String; COLUMNS]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(fields);
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_spreadsheets_would_run_are_made_harmless() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"] {
            assert_eq!(harmless(text.to_owned()), format!("'{text}"));
        }
        for text in ["", "Acme", "a=b", "{\"a\":1}", "2027-01-15T08:00:00Z"] {
            assert_eq!(harmless(text.to_owned()), text);
        }
    }
}
