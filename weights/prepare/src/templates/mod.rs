//! Sentences with made-up personal data.

mod lists;

use crate::input::{lines, push_line};
use crate::lines::find;
use crate::random::ParkMiller;
use lists::{CITIES, DOMAINS, GIVEN_NAMES, STATES, STREET_NAMES, SURNAMES};

const MONTHS: &str =
    "January|February|March|April|May|June|July|August|September|October|November|December";

/// `count` sentences: templates drawn at random, each `{kind}` in them replaced by a value drawn at random.
///
/// `templates` has a template a line; empty lines do not count. The sentences carry no labels, because
/// the teacher labels them.
#[must_use]
pub fn fill_templates(templates: &[u8], count: usize, random: ParkMiller) -> Vec<u8> {
    let templates: Vec<&[u8]> = lines(templates).filter(|line| !line.is_empty()).collect();
    let mut values = Values { random };
    let mut out = Vec::new();
    for _ in 0..count {
        let mut rest = templates[values.random.below(templates.len())];
        while let Some((start, end)) = placeholder(rest) {
            out.extend_from_slice(&rest[..start]);
            let kind = String::from_utf8_lossy(&rest[start + 1..end]);
            out.extend_from_slice(values.draw(&kind).as_bytes());
            rest = &rest[end + 1..];
        }
        push_line(&mut out, rest);
    }
    out
}

/// The positions of the braces of the first placeholder.
fn placeholder(text: &[u8]) -> Option<(usize, usize)> {
    let start = find(text, b"{")?;
    Some((start, start + find(&text[start..], b"}")?))
}

/// Draws values. The order of the draws decides all later values, so it must not change.
struct Values {
    random: ParkMiller,
}

impl Values {
    fn draw(&mut self, kind: &str) -> String {
        match kind {
            "person" => self.person(),
            "given" => self.one(GIVEN_NAMES),
            "surname" => self.surname(),
            "mail" => self.mail(),
            "url" => self.url(),
            "phone" => self.filled_one(
                "(###) ###-####|###-###-####|+1 ### ### ####|### ### ####|+44 20 #### ####|###.###.####\
                 |1-###-###-####|##########",
            ),
            "address" => self.address(),
            "street" => self.numbered_street(),
            "second" => self.second(),
            "city" => self.one(CITIES),
            "state" => self.one(STATES),
            "zip" => self.zip(),
            "tax" => self.filled_one("###-##-####|#########|##-#######|9##-##-####"),
            "account" => self.filled_one(
                "##########|############|####-####-####|########|GB## @@@@ #### #### #### ##\
                 |DE## #### #### #### #### ##",
            ),
            "routing" => self.filled("#########"),
            "id" => self.filled_one("@@ ## ## ## @|########@|@#########|@@@-###-###|###-####-####"),
            "passport" => self.filled_one("@########|#########|@@#######"),
            "licence" => self.filled_one("@#######|@###-####-####|########|@@######|@##-##-####"),
            "month" => self.one(MONTHS),
            "n" => (self.random.below(60) + 1).to_string(),
            _ => format!("{{{kind}}}"),
        }
    }

    /// An entry of a list.
    fn one(&mut self, list: &str) -> String {
        let entries: Vec<&str> = list.split('|').collect();
        entries[self.random.below(entries.len())].to_owned()
    }

    /// A mask with a digit for each `#` and a letter for each `@`.
    fn filled(&mut self, mask: &str) -> String {
        const LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPRSTUVWXYZ";
        let mut out = String::new();
        for character in mask.chars() {
            out.push(match character {
                '#' => char::from(b"0123456789"[self.random.below(10)]),
                '@' => char::from(LETTERS[self.random.below(LETTERS.len())]),
                other => other,
            });
        }
        out
    }

    fn filled_one(&mut self, masks: &str) -> String {
        let mask = self.one(masks);
        self.filled(&mask)
    }

    /// One surname in eight is a double name.
    fn surname(&mut self) -> String {
        if self.random.below(8) > 0 {
            return self.one(SURNAMES);
        }
        let first = self.one(SURNAMES);
        format!("{first}-{}", self.one(SURNAMES))
    }

    /// Three in four have a given name, the others a title or nothing before the surname.
    fn person(&mut self) -> String {
        if self.random.below(4) > 0 {
            let given = self.one(GIVEN_NAMES);
            return format!("{given} {}", self.surname());
        }
        let title = self.one("Mr. |Mrs. |Ms. |Dr. |");
        title + &self.surname()
    }

    fn mail(&mut self) -> String {
        let first = self.one(GIVEN_NAMES).to_lowercase();
        let last = self.one(SURNAMES).to_lowercase();
        let digits = self.filled("##");
        let user = self.one(&format!(
            "{first}.{last}|{first}{last}|{}{last}|{first}_{digits}",
            &first[..1]
        ));
        format!("{user}@{}", self.one(DOMAINS))
    }

    fn url(&mut self) -> String {
        let scheme = self.one("https://|http://|www.|https://www.");
        let surname = self.one(SURNAMES).to_lowercase();
        let start = self.one(&format!("blog|shop|my|the|go|news|{surname}"));
        let end = self.one("site|hub|portal|page|place");
        let domain = self.one(".com|.org|.net|.io|.co.uk");
        let given = self.one(GIVEN_NAMES).to_lowercase();
        let digits = self.filled("####");
        let path = self.one(&format!("||/login|/profile/{given}|/?id={digits}"));
        scheme + &start + &end + &domain + &path
    }

    fn street(&mut self) -> String {
        let name = self.one(STREET_NAMES);
        format!(
            "{name} {}",
            self.one("Street|Avenue|Road|Lane|Drive|Court|Boulevard|St|Ave|Rd|Way|Place")
        )
    }

    /// A building number from 1 to 10,000 and a street.
    fn numbered_street(&mut self) -> String {
        let number: u32 = self.filled_one("#|##|###|####").parse().unwrap_or(0);
        format!("{} {}", number + 1, self.street())
    }

    fn second(&mut self) -> String {
        let kind = self.one("Apt |Suite |Unit |#|Floor |Apartment ");
        kind + &self.filled_one("#|##|###|#@")
    }

    fn zip(&mut self) -> String {
        self.filled_one("#####|#####|#####-####|@@# #@@")
    }

    /// A third have a secondary address; city, state and zip code are missing now and then.
    fn address(&mut self) -> String {
        let mut out = self.numbered_street();
        if self.random.below(3) == 0 {
            out += &self.one(", | ");
            out += &self.second();
        }
        if self.random.below(4) > 0 {
            out += ", ";
            out += &self.one(CITIES);
        }
        if self.random.below(3) > 0 {
            out += ", ";
            out += &self.one(STATES);
        }
        if self.random.below(2) > 0 {
            out += " ";
            out += &self.zip();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_other_characters() {
        let mut values = Values {
            random: ParkMiller::new(5),
        };
        assert_eq!(values.filled("GB#@-é#"), "GB0S-é7");
    }

    #[test]
    fn unknown_kinds_stay() {
        let text = fill_templates(b"\nhello {nobody}, {\n", 1, ParkMiller::new(1));
        assert_eq!(text, b"hello {nobody}, {\n");
    }

    /// Expected values from the awk program of the first recipe, run by `mawk 1.3.4`.
    #[test]
    fn values_equal_those_of_awk() {
        let templates = b"{person}; {given}; {surname}; {mail}; {phone}\n\
            {url} {address} | {street} | {second}\n\
            {city} {state} {zip} {tax} {account} {routing} {id} {passport} {licence} {month} {n}\n";
        let text = fill_templates(templates, 6, ParkMiller::new(7920));
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "Amanda Adams; Jessica; Carter; robert.tanaka@proton.me; 259 634 2606\n\
             Patricia Wright; Emma; Patel; leila_64@example.com; 574 506 5883\n\
             www.shophub.io/?id=4968 8 Cedar Lane, Portland 44545 | 104 Highland Ave | #982\n\
             Paris Virginia 01616 999-49-7345 7894436893 959677287 CS 99 36 26 V LM9686374 \
             Z801-8104-8593 May 55\n\
             http://newshub.co.uk 843 Maple Boulevard, Suite 8A, Dallas, New Jersey | 12 Main Lane | \
             Apartment 2M\n\
             www.shopplace.com/login 17 Sunset Way, Atlanta | 5335 Oak Rd | Unit 790\n"
        );
    }
}
