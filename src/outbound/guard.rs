//! Which addresses may be reached. Pure: an address or a URL comes in, a verdict goes out; whoever connects asks here
//! first, and connects to nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

use crate::outbound::failure::{Failure, Reason};

/// Longest URL, in bytes; the same as for endpoints in metadata (MD-303).
const MAX_URL: usize = 2_048;

/// IPv4 that is not public: the special-purpose registry of IANA, and what is reserved.
const V4_INSIDE: [(Ipv4Addr, u8); 14] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Carrier-grade NAT.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local; 169.254.169.254 gives credentials away at most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // Relays of 6to4.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // The platform of Azure, on every machine of it.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// What is not public inside the one public block of IPv6, `2000::/3`. Everything outside of that block is refused
/// anyway: loopback, unique local, link-local, mapped and compatible IPv4 with it.
const V6_INSIDE: [(Ipv6Addr, u8); 4] = [
    // Protocol assignments: Teredo, which embeds IPv4, benchmarking, ORCHID.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4, which embeds IPv4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// How an address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anybody can: over https.
    Public,
    /// It is inside, and whoever runs Tessera allowed it: over plain http too.
    Allowed,
    /// Not at all.
    Refused,
}

/// The verdict on addresses, with what was allowed at start.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    allow: Vec<IpNet>,
}

impl Guard {
    pub(super) fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// How this address is reached. No allowance opens what is no single host's address.
    pub(super) fn reach(&self, address: IpAddr) -> Reach {
        if is_nobodys(address.to_canonical()) {
            Reach::Refused
        } else if self.allow.iter().any(|net| net.contains(&address)) {
            Reach::Allowed
        } else if is_public(address) {
            Reach::Public
        } else {
            Reach::Refused
        }
    }

    /// Whether this address may be connected to under this scheme.
    pub(super) fn check(&self, address: IpAddr, plain: bool) -> Result<(), Reason> {
        match self.reach(address) {
            Reach::Refused => Err(Reason::AddressRefused),
            Reach::Public if plain => Err(Reason::NotHttps),
            Reach::Public | Reach::Allowed => Ok(()),
        }
    }

    /// Reads a URL and refuses what can be refused before any name is looked up. Addresses that are written out are
    /// judged here, since no resolver is ever asked for them.
    pub(super) fn target(&self, text: &str) -> Result<Url, Failure> {
        let refuse = |reason| Failure::new(reason, "");
        // The parser drops tabs and line ends and turns backslashes round; who reads the URL beside it may not.
        if text.len() > MAX_URL || text.contains(|c: char| c.is_control() || c == ' ' || c == '\\') {
            return Err(refuse(Reason::UrlInvalid));
        }
        let mut url = Url::parse(text).map_err(|_| refuse(Reason::UrlInvalid))?;
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(refuse(Reason::NotHttps)),
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let refuse = |reason| Failure::new(reason, &host);
        if has_userinfo(text) {
            return Err(refuse(Reason::Userinfo));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(refuse(Reason::UrlInvalid)),
        };
        if let Some(address) = address {
            self.check(address, plain).map_err(refuse)?;
        } else if plain && self.allow.is_empty() {
            return Err(refuse(Reason::NotHttps));
        }
        url.set_fragment(None);
        Ok(url)
    }
}

/// Whether the authority holds an `@`, an empty user's too, which the parser takes without a word.
fn has_userinfo(text: &str) -> bool {
    let after = text.split_once(':').map_or("", |(_, rest)| rest).trim_start_matches('/');
    after.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// Addresses of no single host: unspecified (which Linux takes for this machine), multicast, broadcast.
fn is_nobodys(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !is_nobodys(address) && !V4_INSIDE.iter().any(|(net, bits)| in_v4(v4, *net, *bits)),
        IpAddr::V6(v6) => match behind_nat64(v6) {
            // A network without IPv4 reaches all of it by this prefix; what is reached is what is embedded.
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                v6.segments()[0] & 0xe000 == 0x2000
                    && !V6_INSIDE.iter().any(|(net, bits)| in_v6(v6, *net, *bits))
            }
        },
    }
}

/// The address embedded under `64:ff9b::/96` (RFC 6052 section 2.1).
fn behind_nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let prefix = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0).to_bits();
    let low = u32::try_from(bits & u128::from(u32::MAX)).ok()?;
    (bits >> 32 == prefix >> 32).then(|| Ipv4Addr::from_bits(low))
}

fn in_v4(address: Ipv4Addr, net: Ipv4Addr, bits: u8) -> bool {
    (address.to_bits() ^ net.to_bits()) >> (32 - u32::from(bits)) == 0
}

fn in_v6(address: Ipv6Addr, net: Ipv6Addr, bits: u8) -> bool {
    (address.to_bits() ^ net.to_bits()) >> (128 - u32::from(bits)) == 0
}
