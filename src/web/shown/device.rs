//! A browser's `User-Agent` in the few words a person knows it by. What it says is a claim, not a fact.

/// "Firefox on Linux"; "An unknown browser" when nothing is known of it.
#[must_use]
pub fn device(user_agent: Option<&str>) -> String {
    let agent = user_agent.unwrap_or_default();
    // The order matters: Edge also says Chrome, Chrome also says Safari.
    let browsers = [
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("FxiOS/", "Firefox"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (named(&browsers), named(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown browser".to_owned(),
    }
}

/// Whether it is a phone, for the icon.
#[must_use]
pub fn is_phone(user_agent: Option<&str>) -> bool {
    user_agent.is_some_and(|agent| agent.contains("iPhone") || agent.contains("Android"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_their_names() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/128.0 Safari/537.36 Edg/128.0";
        assert_eq!(device(Some(edge)), "Edge on Windows");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1";
        assert_eq!(device(Some(phone)), "Safari on iPhone");
        assert!(is_phone(Some(phone)) && !is_phone(Some(edge)));
        assert_eq!(device(Some("<script>")), "An unknown browser");
        assert_eq!(device(None), "An unknown browser");
    }
}
