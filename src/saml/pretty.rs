//! XML set out in lines, to be read by people. It is shown as text and never read again.

/// Each element on a line of its own, indented by its depth; an element that holds only text stays on one line.
#[must_use]
pub fn pretty(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len() * 2);
    let mut depth = 0_usize;
    let mut rest = xml;
    let mut after_text = false;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        let tag = &rest[start..=start + end_of_tag(&rest[start..])];
        let closes = tag.starts_with("</");
        if closes {
            depth = depth.saturating_sub(1);
        }
        after_text = !text.trim().is_empty() || (closes && after_text_allows(&out, tag));
        out.push_str(text.trim());
        if !after_text {
            new_line(&mut out, depth);
        }
        out.push_str(tag);
        if !closes && !tag.ends_with("/>") && !tag.starts_with("<?") && !tag.starts_with("<!") {
            depth += 1;
        }
        rest = &rest[start + tag.len()..];
    }
    if !after_text {
        out.push_str(rest.trim());
    }
    out
}

/// Whether a closing tag directly follows its own opening tag.
fn after_text_allows(out: &str, closing: &str) -> bool {
    let name = closing.trim_start_matches("</").trim_end_matches('>').trim();
    let last = out.rfind('<').map_or("", |at| &out[at..]);
    last.strip_prefix('<')
        .is_some_and(|tag| tag.strip_prefix(name).is_some_and(|more| more.starts_with([' ', '>'])))
}

/// Index of the `>` that ends the tag; quoted ones don't.
fn end_of_tag(tag: &str) -> usize {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    tag.len() - 1
}

fn new_line(out: &mut String, depth: usize) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stand_on_lines_of_their_own() {
        let xml = "<a x=\"1>2\"><b>text</b><c></c><d><e>é</e></d></a>";
        assert_eq!(pretty(xml), "<a x=\"1>2\">\n  <b>text</b>\n  <c></c>\n  <d>\n    <e>é</e>\n  </d>\n</a>");
        assert_eq!(pretty(""), "");
        assert_eq!(pretty("no xml"), "no xml");
        assert_eq!(pretty("<a"), "<a");
    }
}
