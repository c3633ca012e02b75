//! How many connections there may be at once: in all, and from one source (AV-07). IPv6 counts by /64, since one
//! customer has at least that many addresses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::{IpNet, Ipv6Net};

use crate::web::server::ServerOptions;

/// Counts connections.
#[derive(Clone, Debug)]
pub struct Caps(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: usize,
    per_source: usize,
    uncapped: Vec<IpNet>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// A place that is given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    caps: Caps,
    source: IpAddr,
}

/// What an address counts as: itself, or the first address of its /64.
#[must_use]
pub fn prefix(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Net::new_assert(ip, 64).network()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Caps {
    /// Nobody is in yet.
    #[must_use]
    pub fn new(options: &ServerOptions) -> Self {
        Self(Arc::new(Inner {
            all: options.connections,
            per_source: options.connections_per_source,
            uncapped: options.uncapped.clone(),
            counts: Mutex::default(),
        }))
    }

    /// Takes a place, if there is one for this address.
    #[must_use]
    pub fn enter(&self, ip: IpAddr) -> Option<Place> {
        let capped = !self.0.uncapped.iter().any(|net| net.contains(&ip.to_canonical()));
        let source = prefix(ip);
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.0.all {
            return None;
        }
        let here = counts.by_source.entry(source).or_default();
        if capped && *here >= self.0.per_source {
            return None;
        }
        *here += 1;
        counts.all += 1;
        Some(Place { caps: self.clone(), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.caps.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(here) = counts.by_source.get_mut(&self.source) {
            *here -= 1;
            if *here == 0 {
                counts.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(connections: usize, connections_per_source: usize) -> Caps {
        Caps::new(&ServerOptions { connections, connections_per_source, ..ServerOptions::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn av_07_one_ipv6_customer_counts_once() {
        let caps = caps(10, 1);
        let first = caps.enter(ip("2001:db8::1"));
        assert!(first.is_some());
        assert!(caps.enter(ip("2001:db8::ffff:2")).is_none(), "the same /64");
        assert!(caps.enter(ip("2001:db8:0:1::1")).is_some(), "another /64");
        drop(first);
        assert!(caps.enter(ip("2001:db8::3")).is_some(), "the place was given back");
    }

    #[test]
    fn av_07_the_whole_has_a_cap_and_this_machine_only_that() {
        let caps = caps(3, 1);
        let places: Vec<_> = (0..4).map(|_| caps.enter(ip("127.0.0.1"))).collect();
        assert_eq!(places.iter().flatten().count(), 3);
        drop(places);
        let mapped = [caps.enter(ip("::ffff:192.0.2.1")), caps.enter(ip("192.0.2.1"))];
        assert_eq!(mapped.iter().flatten().count(), 1, "an IPv4 address in IPv6 dress is the same one");
        drop(mapped);
        assert!(caps.0.counts.lock().unwrap().by_source.is_empty(), "nothing is kept of who is gone");
    }
}
