//! Draws every page in every state and reads the HTML as a browser, a screen reader and an attacker would.

mod html;

use std::collections::{HashMap, HashSet};

use html::Element;
use tessera::base::accent::Accent;
use tessera::web::assets;
use tessera::web::pages::{all_samples, all_samples_saying};

const HOSTILE: &str = "\"><script>alert(1)</script>&'";

fn each_page(check: impl Fn(&str, &[Element])) {
    for (name, text) in all_samples() {
        let elements = html::read(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        check(name, &elements);
    }
}

#[test]
fn every_page_is_well_formed_with_one_title_and_one_heading() {
    each_page(|name, elements| {
        let count = |tag: &str| elements.iter().filter(|e| e.tag == tag).count();
        assert_eq!(count("h1"), 1, "{name}: h1");
        assert_eq!(count("title"), 1, "{name}: title");
        assert_eq!(count("main"), 1, "{name}: main");
    });
}

#[test]
fn a_23_every_form_that_posts_carries_a_csrf_token() {
    each_page(|name, elements| {
        for form in elements.iter().filter(|e| e.tag == "form" && e.attr("method") == Some("post")) {
            let inside = |e: &&Element| e.form == Some(form.number);
            let tokens = elements.iter().filter(inside).filter(|e| e.attr("name") == Some("csrf")).count();
            // The page that posts to a service provider is the one exception: our token is none of its business.
            assert_eq!(tokens, usize::from(name != "post"), "{name}: form to {:?}", form.attr("action"));
        }
    });
}

#[test]
fn w_01_no_page_needs_more_than_the_policy_allows() {
    each_page(|name, elements| {
        for element in elements {
            assert!(element.attr("style").is_none(), "{name}: inline style on {}", element.tag);
            for (attribute, _) in &element.attributes {
                assert!(!attribute.starts_with("on"), "{name}: inline handler {attribute}");
            }
            match element.tag.as_str() {
                "style" | "iframe" | "object" | "embed" | "base" => panic!("{name}: <{}>", element.tag),
                "script" => {
                    assert!(
                        element.attr("src").is_some_and(|src| src.starts_with("/static/")),
                        "{name}: script"
                    );
                    assert_eq!(element.text.trim(), "", "{name}: inline script");
                }
                "link" | "img" | "use" => {
                    let url = element.attr("href").or(element.attr("src")).unwrap_or_default();
                    assert!(url.starts_with("/static/"), "{name}: {} {url}", element.tag);
                }
                _ => {}
            }
        }
    });
}

#[test]
fn ids_are_unique_and_every_reference_finds_one() {
    each_page(|name, elements| {
        let mut ids = HashSet::new();
        for id in elements.iter().filter_map(|e| e.attr("id")) {
            assert!(ids.insert(id), "{name}: id {id} twice");
        }
        for element in elements {
            for attribute in ["for", "aria-labelledby", "aria-describedby", "list", "form", "popovertarget"] {
                for id in element.attr(attribute).unwrap_or_default().split_whitespace() {
                    assert!(ids.contains(id), "{name}: {attribute}={id} leads nowhere");
                }
            }
            let local = element.attr("href").filter(|href| element.tag == "a" && href.len() > 1);
            if let Some(id) = local.and_then(|href| href.strip_prefix('#')) {
                assert!(ids.contains(id), "{name}: link to #{id} leads nowhere");
            }
        }
    });
}

#[test]
fn every_input_has_a_label_and_every_button_a_name() {
    each_page(|name, elements| {
        let labelled: HashSet<&str> =
            elements.iter().filter(|e| e.tag == "label").filter_map(|e| e.attr("for")).collect();
        for element in elements {
            let asks = matches!(element.tag.as_str(), "input" | "select" | "textarea");
            if asks && element.attr("type") != Some("hidden") {
                let named = element.attr("aria-label").is_some()
                    || element.in_label
                    || element.attr("id").is_some_and(|id| labelled.contains(id));
                assert!(named, "{name}: {} {:?} has no label", element.tag, element.attr("name"));
            }
            if element.tag == "button" || element.tag == "a" {
                let named = element.attr("aria-label").is_some() || !element.text.trim().is_empty();
                assert!(named, "{name}: a nameless {}", element.tag);
            }
        }
    });
}

#[test]
fn a_21_text_from_outside_never_becomes_markup() {
    let clean: HashMap<&str, usize> =
        all_samples().iter().map(|(name, text)| (*name, scripts(&html::read(text).unwrap()))).collect();
    for (name, text) in all_samples_saying(|_| HOSTILE.to_owned()) {
        assert!(!text.contains("<script>alert"), "{name}: markup got through");
        let elements = html::read(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(scripts(&elements), clean[name], "{name}: another script");
        let carried = elements
            .iter()
            .any(|e| e.text.contains(HOSTILE) || e.attributes.iter().any(|(_, v)| v == HOSTILE));
        assert!(carried, "{name}: the text should be there, as text");
    }
}

fn scripts(elements: &[Element]) -> usize {
    elements.iter().filter(|e| e.tag == "script").count()
}

#[test]
fn templates_never_switch_escaping_off() {
    fn walk(folder: &std::path::Path, found: &mut usize) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for forbidden in ["|safe", "| safe", "|escape(", "{% filter"] {
                assert!(!text.contains(forbidden), "{}: {forbidden}", path.display());
            }
            *found += 1;
        }
    }
    let mut found = 0;
    walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut found);
    assert!(found > 40, "only {found} templates were read");
}

#[test]
fn every_asset_a_page_asks_for_exists_in_the_version_it_names() {
    each_page(|name, elements| {
        for url in elements.iter().filter_map(|e| e.attr("src").or(e.attr("href"))) {
            let Some(rest) = url.strip_prefix("/static/").filter(|_| url.contains("?v=")) else { continue };
            let (file, version) = rest.split_once("?v=").unwrap();
            let (version, fragment) = version.split_once('#').unwrap_or((version, ""));
            let asset = assets::find_asset(file).unwrap_or_else(|| panic!("{name}: {file} is missing"));
            assert_eq!(assets::cache_control(asset, Some(version)), assets::IMMUTABLE, "{name}: {url}");
            if !fragment.is_empty() {
                let needle = format!("id=\"{fragment}\"");
                assert!(String::from_utf8_lossy(&asset.body).contains(&needle), "{name}: no icon {fragment}");
            }
        }
    });
}

#[test]
fn assets_have_types_and_style_sheets_name_versioned_pictures() {
    let css = assets::find_asset("tokens.css").unwrap();
    assert_eq!(css.content_type, "text/css; charset=utf-8");
    let text = String::from_utf8_lossy(&css.body);
    assert!(text.contains("url(\"art/gate-light.svg?v="), "pictures are versioned");
    assert!(!text.contains("?v=\""), "every picture was found");
    assert_eq!(assets::find_asset("ui.js").unwrap().content_type, "text/javascript; charset=utf-8");
    assert_eq!(assets::find_asset("icons.svg").unwrap().content_type, "image/svg+xml");
    for name in assets::names() {
        let asset = assets::find_asset(name).unwrap();
        assert_ne!(asset.content_type, "application/octet-stream", "{name}");
        assert_eq!(assets::cache_control(asset, None), assets::REVALIDATE, "{name}");
    }
    assert!(assets::find_asset("../Cargo.toml").is_none());
}

/// Contrast of white on a colour (WCAG 2.2, relative luminance), the colour lightened by so much white.
fn white_on(color: &str, lightened: f64) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
        let value = value + (1.0 - value) * lightened;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
    1.05 / (luminance + 0.05)
}

#[test]
fn letters_and_glyphs_can_be_read_on_every_colour_of_a_tile() {
    let text = |name: &str| String::from_utf8_lossy(&assets::find_asset(name).unwrap().body).into_owned();
    let (tokens, sheet, grain) = (text("tokens.css"), text("app.css"), text("art/grain.svg"));
    // A plate is of small stones, some of them lighter.
    let whites = grain.split("fill=\"#fff\" fill-opacity=\"").skip(1);
    let lightest = whites.filter_map(|rest| rest.split('"').next()?.parse::<f64>().ok()).fold(0.0, f64::max);
    assert!(lightest > 0.0, "{grain}");
    for accent in Accent::ALL {
        let name = accent.as_str();
        let (_, rest) = tokens.split_once(&format!("--tile-{name}: ")).unwrap_or_else(|| panic!("no {name}"));
        let color = &rest[..7];
        assert!(white_on(color, 0.0) >= 6.5, "{name} {color}: {}", white_on(color, 0.0));
        assert!(white_on(color, lightest) >= 4.5, "{name} {color}: {}", white_on(color, lightest));
        assert!(sheet.contains(&format!("--tile: var(--tile-{name});")), "{name}");
    }
    assert_eq!(tokens.matches("--tile-tyrian:").count(), 1, "the same in the dark");
}

#[test]
fn saml_217_the_post_page_has_one_form_and_a_button_without_javascript() {
    let (_, text) = all_samples().into_iter().find(|(name, _)| *name == "post").unwrap();
    let elements = html::read(&text).unwrap();
    let count = |tag: &str| elements.iter().filter(|e| e.tag == tag).count();
    assert_eq!((count("form"), count("button"), count("script")), (1, 1, 1));
    let form = elements.iter().find(|e| e.tag == "form").unwrap();
    assert_eq!(form.attr("action"), Some("https://heapanalytics.com/saml/finalize/42/"));
    let button = elements.iter().find(|e| e.tag == "button").unwrap();
    assert!(button.attr("hidden").is_none() && button.text.contains("Continue to Heap"));
}

/// `TESSERA_SAMPLES=dir cargo test --test pages samples_can_be_looked_at` writes the pages for human eyes.
#[test]
fn samples_can_be_looked_at() {
    let samples = all_samples();
    let names: HashSet<&str> = samples.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), samples.len(), "names of samples are unique");
    let Ok(folder) = std::env::var("TESSERA_SAMPLES") else { return };
    let folder = std::path::Path::new(&folder);
    std::fs::create_dir_all(folder.join("static/art")).unwrap();
    for (name, text) in samples {
        std::fs::write(folder.join(format!("{name}.html")), text).unwrap();
    }
    for name in assets::names() {
        std::fs::write(folder.join("static").join(name), &assets::find_asset(name).unwrap().body).unwrap();
    }
}
