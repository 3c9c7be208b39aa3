//! What the reference does to a text before it looks for words: repairs its Unicode (`ftfy.fix_text`, all but the guessing
//! of wrong encodings and entities in capitals), decodes HTML entities, lowers the case and joins white space.

use unicode_normalization::UnicodeNormalization;

/// The cleaned text.
pub(super) fn clean(text: &str) -> String {
    let text = repair(text);
    // Twice, as texts from the web were often escaped twice.
    let text = htmlize::unescape(text.as_str()).into_owned();
    let text = htmlize::unescape(text.as_str());
    let words: Vec<&str> = text
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").to_lowercase()
}

/// Python's `\s`: Unicode's white space, and the four separators of ASCII.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Plain quotes, no ligatures, characters of full width, C1 controls read as Windows-1252, no control characters, composed
/// accents.
fn repair(text: &str) -> String {
    // An escape in a text that has markup is taken for part of the markup; the decoding after this one is not so careful.
    let text = match text.contains('<') {
        true => text.into(),
        false => htmlize::unescape(text),
    };
    let text = without_terminal_escapes(&text);
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match windows_1252(c) {
            c if is_control(c) => {}
            '\u{2bc}' | '\u{2018}'..='\u{201b}' => plain.push('\''),
            '\u{201c}'..='\u{201f}' => plain.push('"'),
            '\u{2028}' | '\u{2029}' => plain.push('\n'),
            '\u{3000}' => plain.push(' '),
            c @ '\u{ff01}'..='\u{ffef}' => plain.extend(std::iter::once(c).nfkc()),
            c => match ligature(c) {
                Some(letters) => plain.push_str(letters),
                None => plain.push(c),
            },
        }
    }
    plain.nfc().collect()
}

/// `ESC [ 1;31 m` and the like are left out.
fn without_terminal_escapes(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match rest.strip_prefix(|c: char| c.is_ascii_alphabetic()) {
            Some(rest) => kept.push_str(rest),
            // No escape; its first character goes with the control characters.
            None => {
                kept.push('[');
                kept.push_str(part);
            }
        }
    }
    kept
}

/// Characters that mean nothing in a text.
fn is_control(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}'
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}

/// What a C1 control character was meant to be, had it been a byte of Windows-1252; any other character itself.
fn windows_1252(c: char) -> char {
    const MEANINGS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    let index = u32::from(c).wrapping_sub(0x80) as usize;
    MEANINGS.get(index).copied().unwrap_or(c)
}

fn ligature(c: char) -> Option<&'static str> {
    Some(match c {
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ŉ' => "'n",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_repaired_and_joined() {
        for (text, cleaned) in [
            ("  A\tCat\r\n\u{3000}sat ", "a cat sat"),
            ("“don’t”", "\"don't\""),
            ("ﬁne ＡＢＣ", "fine abc"),
            ("&amp;lt;b&amp;gt; &eacute;", "<b> é"),
            ("e\u{301}", "é"),
            ("\u{1b}[1;31mred\u{1b}[0m\u{0} \u{feff}hat", "red hat"),
            ("\u{80} 5", "€ 5"),
            ("ΣΟΦΟΣ", "σοφο\u{3c2}"),
            ("", ""),
        ] {
            assert_eq!(clean(text), cleaned, "{text:?}");
        }
    }
}
