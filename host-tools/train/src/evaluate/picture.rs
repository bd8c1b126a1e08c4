//! A picture of a confusion matrix.

use embert_tools::svg::{Anchor, Svg};

use super::Confusion;

const MARGIN: f64 = 20.0;
const TITLE: f64 = 40.0;
/// The width of a letter to its size, about.
const LETTER: f64 = 0.6;

impl Confusion {
    /// A row for each true label and a column for each predicted one; the darker a cell, the larger
    /// its share of the row. Right ones are blue, mistakes orange.
    pub fn svg(&self, title: &str) -> String {
        let labels = self.names.len();
        // Many labels get small cells without numbers; the pointer tells them.
        let cell = (640.0 / labels.max(1) as f64).clamp(9.0, 48.0);
        let size = (cell * 0.8).min(11.0);
        let letters = self.names.iter().map(|name| name.chars().count()).max();
        let name_room = LETTER * size * letters.unwrap_or(0) as f64 + 10.0;
        let (left, top) = (MARGIN + name_room, TITLE + name_room);
        let side = cell * labels as f64;
        // The names above lean to the right by half their length.
        let names_end = left + side + name_room / 2.0;
        let width = names_end.max(9.0 * title.chars().count() as f64) + MARGIN;
        let mut svg = Svg::new(width, top + side + 40.0);
        svg.text([MARGIN, 26.0], 15.0, Anchor::Start, title);
        let caption = [left, top + side + 22.0];
        let caption_text = "rows: true labels, columns: predicted ones";
        svg.text(caption, 11.0, Anchor::Start, caption_text);
        svg.rect([left, top, side, side], "#f4f4f4", "");
        for (index, name) in self.names.iter().enumerate() {
            let middle = cell * (index as f64 + 0.5);
            svg.text(
                [left - 6.0, top + middle + size / 3.0],
                size,
                Anchor::End,
                name,
            );
            let above = [left + middle + size / 3.0, top - 6.0];
            svg.turned_text(above, size, Anchor::Start, -60.0, name);
        }
        for (truth, row) in self.counts.iter().enumerate() {
            let total = row.iter().sum::<usize>().max(1) as f64;
            let cells = row.iter().enumerate().filter(|&(_, &count)| count > 0);
            for (predicted, &count) in cells {
                let corner = [left + cell * predicted as f64, top + cell * truth as f64];
                let share = count as f64 / total;
                let what = format!(
                    "{} taken for {}: {count} ({:.1} %)",
                    self.names[truth],
                    self.names[predicted],
                    100.0 * share
                );
                let place = [corner[0] + 0.5, corner[1] + 0.5, cell - 1.0, cell - 1.0];
                svg.rect(place, &colour(share, truth == predicted), &what);
                if cell >= 24.0 {
                    let middle = [corner[0] + cell / 2.0, corner[1] + cell / 2.0 + 4.0];
                    svg.text(middle, 11.0, Anchor::Middle, &count.to_string());
                }
            }
        }
        svg.finish()
    }
}

/// From almost white to a shade that black numbers can be read on. A small share can be seen too:
/// the scale is of square roots.
fn colour(share: f64, right: bool) -> String {
    let (from, to) = match right {
        true => ([225.0, 236.0, 244.0], [86.0, 180.0, 233.0]),
        false => ([252.0, 236.0, 226.0], [230.0, 120.0, 40.0]),
    };
    let channel = |index: usize| (from[index] + (to[index] - from[index]) * share.sqrt()) as u8;
    format!("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_what_it_counts() {
        let names = ["ham", "<spam>"].map(String::from);
        let confusion = Confusion::new(&names, &[0, 0, 0, 1], &[0, 0, 1, 1]);
        let svg = confusion.svg("SMS");
        assert!(
            svg.contains("<title>ham taken for &#60;spam&#62;: 1 (33.3 %)</title>"),
            "{svg}"
        );
        // The background, the field, and the cells that count something.
        assert_eq!(svg.matches("<rect").count(), 1 + 1 + 3);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn colours_tell_right_from_wrong_and_much_from_little() {
        assert_eq!(colour(1.0, true), "#56b4e9");
        assert_eq!(colour(1.0, false), "#e67828");
        // A hundredth is a tenth of the way.
        assert_eq!(colour(0.01, false), "#f9e0cf");
    }
}
