//! what may be asked for, as vectors.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Outbound;
use super::failure::Reason::{self, AddressRefused, NotHttps, UrlInvalid, Userinfo};
use super::guard::{Guard, Reach};

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|net| net.parse().unwrap()).collect()
}

fn verdict(outbound: &Outbound, url: &str) -> Result<(), Reason> {
    outbound.check(url).map_err(|failure| failure.reason)
}

/// URLs that name an address which is not public, in every spelling that a parser of URLs takes for one.
const INSIDE: [&str; 62] = [
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/metadata",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://127.255.255.254/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https:127.0.0.1/",
    "https:/127.0.0.1/",
    "https:////127.0.0.1/",
    "HTTPS://127.0.0.1/",
    "https://0.0.0.0/",
    "https://0/",
    "https://0.1.2.3/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://0xa.0.0.1/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://2852039166/",
    "https://169.254.0.1/",
    "https://168.63.129.16/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.0.0.8/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://192.168.1.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.7/",
    "https://203.0.113.7/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::8.8.8.8]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[fe80::1]/",
];

/// The rest of what is not public.
const INSIDE_TOO: [&str; 6] = [
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://[100::1]/",
    "https://[fd00:ec2::254]/latest/meta-data/",
];

#[test]
fn a_31_no_spelling_of_an_address_inside_is_asked() {
    let outbound = Outbound::default();
    for url in INSIDE.into_iter().chain(INSIDE_TOO) {
        assert_eq!(verdict(&outbound, url), Err(AddressRefused), "{url}");
    }
}

#[test]
fn a_31_only_https_and_only_urls_that_everybody_reads_alike() {
    let outbound = Outbound::default();
    let long = format!("https://sp.example/{}", "a".repeat(2_048));
    for (url, reason) in [
        ("http://sp.example/", NotHttps),
        ("http://8.8.8.8/", NotHttps),
        ("ftp://sp.example/", NotHttps),
        ("file:///etc/passwd", NotHttps),
        ("gopher://127.0.0.1:25/_HELO", NotHttps),
        ("data:text/xml,<a/>", NotHttps),
        ("javascript:alert(1)", NotHttps),
        ("ws://sp.example/", NotHttps),
        ("unix:/run/docker.sock", NotHttps),
        ("https://admin:secret@sp.example/", Userinfo),
        ("https://sp.example@8.8.8.8/", Userinfo),
        ("https://@sp.example/", Userinfo),
        ("https://:@sp.example/", Userinfo),
        ("https://sp.example:443@8.8.4.4/", Userinfo),
        ("https://8.8.8.8\\@127.0.0.1/", UrlInvalid),
        ("https:\\\\sp.example\\", UrlInvalid),
        ("https://sp.example/a b", UrlInvalid),
        (" https://sp.example/", UrlInvalid),
        ("https://sp.exa\tmple/", UrlInvalid),
        ("https://sp.example/\r\nHost: 127.0.0.1", UrlInvalid),
        ("https://sp.example/\0", UrlInvalid),
        ("https://", UrlInvalid),
        ("https:///", UrlInvalid),
        ("//sp.example/", UrlInvalid),
        ("/metadata", UrlInvalid),
        ("sp.example", UrlInvalid),
        ("", UrlInvalid),
        ("https://[::1", UrlInvalid),
        ("https://[fe80::1%25eth0]/", UrlInvalid),
        ("https://256.256.256.256/", UrlInvalid),
        ("https://1.2.3.4.5/", UrlInvalid),
        ("https://sp.example:99999/", UrlInvalid),
        (&long, UrlInvalid),
    ] {
        assert_eq!(verdict(&outbound, url), Err(reason), "{url}");
    }
    for url in [
        "https://sp.example/metadata?a=b@c",
        "https://sp.example:8443/a@b",
        "https://sp.example/#a@b",
        "https://münchen.example/",
        "https://8.8.8.8/",
        "https://172.15.0.1/",
        "https://172.32.0.1/",
        "https://100.128.0.1/",
        "https://[2606:4700:4700::1111]/",
        "https://[64:ff9b::8.8.8.8]/",
    ] {
        assert_eq!(verdict(&outbound, url), Ok(()), "{url}");
    }
}

#[test]
fn a_31_an_allowed_network_opens_itself_alone_and_plain_http_only_there() {
    let guard = Guard::new(nets(&["127.0.0.0/8", "10.1.0.0/16", "fd00::/16", "0.0.0.0/0", "::/0"]));
    for (address, reach) in [
        ("10.1.2.3", Reach::Allowed),
        ("fd00::1", Reach::Allowed),
        // Nobody's, whatever is allowed.
        ("0.0.0.0", Reach::Refused),
        ("0.0.0.1", Reach::Refused),
        ("224.0.0.1", Reach::Refused),
        ("255.255.255.255", Reach::Refused),
        ("::", Reach::Refused),
        ("ff02::1", Reach::Refused),
        ("::ffff:0.0.0.0", Reach::Refused),
        ("::ffff:224.0.0.1", Reach::Refused),
    ] {
        assert_eq!(guard.reach(address.parse::<IpAddr>().unwrap()), reach, "{address}");
    }
    let outbound = Outbound::new(nets(&["10.1.0.0/16"]), None).unwrap();
    for (url, expected) in [
        ("https://10.1.2.3/", Ok(())),
        ("http://10.1.2.3/", Ok(())),
        ("https://10.2.0.1/", Err(AddressRefused)),
        ("http://10.2.0.1/", Err(AddressRefused)),
        ("https://127.0.0.1/", Err(AddressRefused)),
        // The same network in other clothes was not allowed.
        ("https://[::ffff:10.1.2.3]/", Err(AddressRefused)),
        ("https://[64:ff9b::10.1.2.3]/", Err(AddressRefused)),
        ("http://8.8.8.8/", Err(NotHttps)),
        // A name may turn out to be allowed: it is judged when it is looked up.
        ("http://sp.example/", Ok(())),
    ] {
        assert_eq!(verdict(&outbound, url), expected, "{url}");
    }
}
