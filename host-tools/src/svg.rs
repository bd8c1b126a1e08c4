//! Pictures in SVG: what charts are made of.

use std::fmt::Write;

/// A picture under construction, in pixels from its upper left corner.
pub struct Svg {
    out: String,
}

/// Where a text stands to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// An empty white picture.
    pub fn new(width: f64, height: f64) -> Self {
        let mut svg = Svg { out: String::new() };
        svg.line_of(&format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">"#
        ));
        svg.rect([0.0, 0.0, width, height], "white", "");
        svg
    }

    fn line_of(&mut self, element: &str) {
        self.out.push_str(element);
        self.out.push('\n');
    }

    /// A filled rectangle: left, top, width, height; what it is is said under the pointer.
    pub fn rect(&mut self, [x, y, width, height]: [f64; 4], colour: &str, what: &str) {
        let what = title(what);
        self.line_of(&format!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}">{what}</rect>"#
        ));
    }

    /// A dot, and what it is.
    pub fn dot(&mut self, [x, y]: [f64; 2], radius: f64, colour: &str, what: &str) {
        let what = title(what);
        self.line_of(&format!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{colour}">{what}</circle>"#
        ));
    }

    /// Straight lines from point to point.
    pub fn path(&mut self, points: &[[f64; 2]], colour: &str) {
        let mut list = String::new();
        for [x, y] in points {
            let _ = write!(list, "{x:.1},{y:.1} ");
        }
        let list = list.trim_end();
        self.line_of(&format!(
            r#"<polyline points="{list}" fill="none" stroke="{colour}"/>"#
        ));
    }

    pub fn text(&mut self, [x, y]: [f64; 2], size: f64, anchor: Anchor, text: &str) {
        self.turned_text([x, y], size, anchor, 0.0, text);
    }

    /// A text turned by degrees, clockwise.
    pub fn turned_text(
        &mut self,
        [x, y]: [f64; 2],
        size: f64,
        anchor: Anchor,
        degrees: f64,
        text: &str,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.line_of(&format!(
            r#"<text transform="translate({x:.1} {y:.1}) rotate({degrees})" font-size="{size}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    pub fn finish(mut self) -> String {
        self.line_of("</svg>");
        self.out
    }
}

fn title(what: &str) -> String {
    match what {
        "" => String::new(),
        what => format!("<title>{}</title>", escape(what)),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}
