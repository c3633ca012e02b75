//! A strict reader of our own pages: balanced tags, quoted attributes, no stray `<`, `>` or `&`. Stricter than HTML asks,
//! so that what escapes wrongly can't hide behind a browser's forgiveness.

/// An element with what it holds.
pub struct Element {
    /// Its place among all elements.
    pub number: usize,
    /// Name of the tag, small letters.
    pub tag: String,
    /// Attributes, decoded.
    pub attributes: Vec<(String, String)>,
    /// All text inside it, decoded.
    pub text: String,
    /// Number of the form around it.
    pub form: Option<usize>,
    /// Whether a label is around it.
    pub in_label: bool,
}

impl Element {
    /// Value of an attribute.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

const VOID: &[&str] = &["area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"];

/// Reads a document; an error names what is wrong and shows where.
pub fn read(text: &str) -> Result<Vec<Element>, String> {
    let rest = text.strip_prefix("<!doctype html>").ok_or("no doctype")?;
    let mut reader = Reader { rest, elements: Vec::new(), open: Vec::new() };
    while !reader.rest.is_empty() {
        reader.step()?;
    }
    match reader.open.last() {
        Some(number) => Err(format!("<{}> is never closed", reader.elements[*number].tag)),
        None => Ok(reader.elements),
    }
}

struct Reader<'a> {
    rest: &'a str,
    elements: Vec<Element>,
    open: Vec<usize>,
}

impl Reader<'_> {
    fn step(&mut self) -> Result<(), String> {
        if let Some(rest) = self.rest.strip_prefix("</") {
            let (tag, rest) = rest.split_once('>').ok_or_else(|| self.fault("an end tag without >"))?;
            let open = self.open.pop().ok_or_else(|| self.fault("an end tag too many"))?;
            if self.elements[open].tag != tag {
                return Err(self.fault(&format!("</{tag}> closes <{}>", self.elements[open].tag)));
            }
            self.rest = rest;
            return Ok(());
        }
        if self.rest.starts_with('<') {
            return self.start_tag();
        }
        let end = self.rest.find('<').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let text = decode(text).map_err(|why| self.fault(&why))?;
        for open in &self.open {
            self.elements[*open].text.push_str(&text);
        }
        self.rest = rest;
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), String> {
        let name_end = self.rest[1..]
            .find(|c: char| !c.is_ascii_alphanumeric())
            .ok_or_else(|| self.fault("a lone <"))?
            + 1;
        let tag = self.rest[1..name_end].to_owned();
        if tag.is_empty() || tag.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(self.fault("not a tag"));
        }
        let mut rest = &self.rest[name_end..];
        let mut attributes: Vec<(String, String)> = Vec::new();
        let mut closed = false;
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix("/>") {
                closed = true;
                rest = after;
                break;
            }
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(0);
            let name = &rest[..end];
            if name.is_empty() {
                return Err(self.fault(&format!("not an attribute of <{tag}>")));
            }
            rest = &rest[end..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix("=\"") {
                let (raw, after) =
                    after.split_once('"').ok_or_else(|| self.fault("an open quotation mark"))?;
                value = decode(raw).map_err(|why| self.fault(&why))?;
                rest = after;
            }
            if attributes.iter().any(|(known, _)| known == name) {
                return Err(self.fault(&format!("{name} twice on <{tag}>")));
            }
            attributes.push((name.to_owned(), value));
        }
        self.push(tag, attributes, closed)?;
        self.rest = self.rest.get(self.rest.len() - rest.len()..).unwrap_or_default();
        Ok(())
    }

    fn push(&mut self, tag: String, attributes: Vec<(String, String)>, closed: bool) -> Result<(), String> {
        let around = |tag: &str| self.open.iter().rev().copied().find(|n| self.elements[*n].tag == tag);
        let (form, in_label) = (around("form"), around("label").is_some());
        if tag == "form" && form.is_some() {
            return Err(self.fault("a form in a form"));
        }
        if matches!(tag.as_str(), "a" | "button") && (around("a").is_some() || around("button").is_some()) {
            return Err(self.fault("a control in a control"));
        }
        let block = matches!(
            tag.as_str(),
            "p" | "div" | "ul" | "ol" | "dl" | "form" | "table" | "section" | "h1" | "h2" | "h3"
        );
        if block && around("p").is_some() {
            return Err(self.fault(&format!("<{tag}> in <p>")));
        }
        let number = self.elements.len();
        if !closed && !VOID.contains(&tag.as_str()) {
            self.open.push(number);
        }
        self.elements.push(Element { number, tag, attributes, text: String::new(), form, in_label });
        Ok(())
    }

    fn fault(&self, why: &str) -> String {
        let shown: String = self.rest.chars().take(160).collect();
        format!("{why}, at: {shown}")
    }
}

fn decode(raw: &str) -> Result<String, String> {
    if raw.contains(['<', '>']) {
        return Err(format!("a raw < or > in {raw:?}"));
    }
    let mut out = String::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, tail) = after.split_once(';').ok_or_else(|| format!("a raw & in {raw:?}"))?;
        out.push_str(before);
        out.push(match name {
            "#34" | "quot" => '"',
            "#38" | "amp" => '&',
            "#39" => '\'',
            "#60" | "lt" => '<',
            "#62" | "gt" => '>',
            "#10" => '\n',
            other => return Err(format!("&{other}; is not one of ours")),
        });
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}
