//! HTTP requests by route and class of status, with their durations. The routes are known beforehand, so that
//! counting is a look-up and a few atomics, and no address that a stranger makes up becomes a label.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::Counter;
use crate::metrics::text::Text;

/// Upper ends of the buckets, in milliseconds, and as they are written.
const BUCKETS: [(u64, &str); 11] = [
    (5, "0.005"),
    (10, "0.01"),
    (25, "0.025"),
    (50, "0.05"),
    (100, "0.1"),
    (250, "0.25"),
    (500, "0.5"),
    (1_000, "1"),
    (2_500, "2.5"),
    (5_000, "5"),
    (10_000, "10"),
];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[derive(Debug, Default)]
struct Seen {
    classes: [Counter; CLASSES.len()],
    /// The last is for what is longer than every bucket.
    buckets: [Counter; BUCKETS.len() + 1],
    microseconds: Counter,
}

impl Seen {
    fn count(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        self.classes[class].count();
        let bucket = BUCKETS.iter().position(|(end, _)| took <= Duration::from_millis(*end));
        self.buckets[bucket.unwrap_or(BUCKETS.len())].count();
        self.microseconds.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// Requests by route.
#[derive(Debug)]
pub struct Requests {
    by_route: HashMap<Arc<str>, Vec<(&'static str, Seen)>>,
    elsewhere: Seen,
}

impl Requests {
    /// Nothing counted yet, of these routes: each a method and a template.
    #[must_use]
    pub fn of(routes: impl IntoIterator<Item = (&'static str, Arc<str>)>) -> Self {
        let mut by_route: HashMap<Arc<str>, Vec<_>> = HashMap::new();
        for (method, template) in routes {
            by_route.entry(template).or_default().push((method, Seen::default()));
        }
        Self { by_route, elsewhere: Seen::default() }
    }

    /// A request was answered. `route`: the template of its route, if one took it.
    pub fn count(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let method = if method == "HEAD" { "GET" } else { method };
        let seen = route
            .and_then(|route| self.by_route.get(route))
            .and_then(|methods| methods.iter().find(|(own, _)| *own == method))
            .map_or(&self.elsewhere, |(_, seen)| seen);
        seen.count(status, took);
    }

    /// Writes what was asked for at least once.
    pub fn write(&self, text: &mut Text) {
        let mut all: Vec<(&str, &str, &Seen)> = self
            .by_route
            .iter()
            .flat_map(|(route, methods)| methods.iter().map(|(method, seen)| (&**route, *method, seen)))
            .collect();
        all.sort_unstable_by_key(|(route, method, _)| (*route, *method));
        all.push(("-", "-", &self.elsewhere));
        text.family(
            "tessera_http_requests_total",
            "counter",
            "Answered requests by route and class of status.",
        );
        for (route, method, seen) in &all {
            for (class, counter) in CLASSES.iter().zip(&seen.classes).filter(|(_, count)| count.value() > 0) {
                let labels = [("method", *method), ("route", *route), ("status", class)];
                text.sample("tessera_http_requests_total", &labels, counter.value());
            }
        }
        text.family("tessera_http_request_duration_seconds", "histogram", "How long answers took, by route.");
        for (route, method, seen) in all {
            write_histogram(text, [("method", method), ("route", route)], seen);
        }
    }
}

fn write_histogram(text: &mut Text, [method, route]: [(&str, &str); 2], seen: &Seen) {
    let counts: Vec<u64> = seen.buckets.iter().map(Counter::value).collect();
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return;
    }
    let mut below = 0;
    let ends = BUCKETS.iter().map(|(_, end)| *end).chain(["+Inf"]);
    for (count, end) in counts.iter().zip(ends) {
        below += count;
        let labels = [method, route, ("le", end)];
        text.sample("tessera_http_request_duration_seconds_bucket", &labels, below);
    }
    let sum = Duration::from_micros(seen.microseconds.value()).as_secs_f64();
    text.sample("tessera_http_request_duration_seconds_sum", &[method, route], sum);
    text.sample("tessera_http_request_duration_seconds_count", &[method, route], all);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_labels_and_addresses_are_not() {
        let requests = Requests::of([("GET", "/a/{b}".into()), ("POST", "/a/{b}".into())]);
        requests.count("GET", Some("/a/{b}"), 200, Duration::from_millis(3));
        requests.count("HEAD", Some("/a/{b}"), 304, Duration::from_millis(5));
        requests.count("GET", Some("/a/{b}"), 500, Duration::from_secs(11));
        requests.count("BREW", Some("/made/up"), 418, Duration::from_millis(1));
        let mut text = Text::default();
        requests.write(&mut text);
        let text = text.finish();
        for line in [
            "tessera_http_requests_total{method=\"GET\",route=\"/a/{b}\",status=\"2xx\"} 1\n",
            "tessera_http_requests_total{method=\"GET\",route=\"/a/{b}\",status=\"5xx\"} 1\n",
            "tessera_http_requests_total{method=\"-\",route=\"-\",status=\"4xx\"} 1\n",
            "tessera_http_request_duration_seconds_bucket{method=\"GET\",route=\"/a/{b}\",le=\"0.005\"} 2\n",
            "tessera_http_request_duration_seconds_bucket{method=\"GET\",route=\"/a/{b}\",le=\"10\"} 2\n",
            "tessera_http_request_duration_seconds_bucket{method=\"GET\",route=\"/a/{b}\",le=\"+Inf\"} 3\n",
            "tessera_http_request_duration_seconds_sum{method=\"GET\",route=\"/a/{b}\"} 11.008\n",
            "tessera_http_request_duration_seconds_count{method=\"GET\",route=\"/a/{b}\"} 3\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(!text.contains("POST") && !text.contains("made"), "{text}");
    }
}
