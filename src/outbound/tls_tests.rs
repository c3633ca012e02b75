//! SC-22: the TLS of a target, against servers on loopback.

use std::sync::{Arc, Mutex};

use support::{Authority, ClientIdentity, Reply, WebServer};

use super::tests::{get, local, ok, outbound};
use super::*;

fn trusting(authority: &Authority) -> Tls {
    Tls::default().trusting(authority.pem().as_bytes()).unwrap()
}

async fn ask(outbound: &Outbound, url: &str, tls: Option<&Tls>) -> Result<u16, Reason> {
    let answer = outbound.send(Request { tls, ..get(url) }).await;
    answer.map(|answer| answer.status).map_err(|failure| failure.reason)
}

#[tokio::test]
async fn sc_22_a_targets_own_authorities_are_trusted_there_in_place_of_all_others() {
    let (public, own, stranger) = (Authority::default(), Authority::default(), Authority::default());
    let outbound_to_here = local(&public);
    let server = WebServer::https(&own, ok);
    let url = server.url("/");
    assert_eq!(ask(&outbound_to_here, &url, None).await, Err(Reason::Untrusted));
    assert_eq!(ask(&outbound_to_here, &url, Some(&trusting(&stranger))).await, Err(Reason::Untrusted));
    assert!(server.received().is_empty());
    assert_eq!(ask(&outbound_to_here, &url, Some(&trusting(&own))).await, Ok(200));
    let both = [stranger.pem(), own.pem()].concat();
    let both = Tls::default().trusting(both.as_bytes()).unwrap();
    assert_eq!(ask(&outbound_to_here, &url, Some(&both)).await, Ok(200));
    // Whoever is trusted elsewhere is not trusted there, and the other way round.
    let elsewhere = WebServer::https(&public, ok);
    assert_eq!(ask(&outbound_to_here, &elsewhere.url("/"), None).await, Ok(200));
    assert_eq!(
        ask(&outbound_to_here, &elsewhere.url("/"), Some(&trusting(&own))).await,
        Err(Reason::Untrusted)
    );
    assert_eq!(ask(&outbound_to_here, &url, None).await, Err(Reason::Untrusted));
    // Names, ends and addresses are judged as ever.
    let misnamed = WebServer::https_as(&own, &["other.example"], "127.0.0.1:0", ok);
    let ended = WebServer::https_ended(&own, ok);
    for server in [&misnamed, &ended] {
        let told = ask(&outbound_to_here, &server.url("/"), Some(&trusting(&own))).await;
        assert_eq!(told, Err(Reason::Untrusted));
    }
    let closed = outbound(&public, &[], Arc::new(resolve::OfMachine));
    assert_eq!(ask(&closed, &url, Some(&trusting(&own))).await, Err(Reason::AddressRefused));
    let named = url.replace("127.0.0.1", "localhost");
    assert_eq!(ask(&closed, &named, Some(&trusting(&own))).await, Err(Reason::AddressRefused));
}

#[tokio::test]
async fn sc_22_a_client_certificate_is_shown_to_its_target_and_to_no_other_origin() {
    let (authority, mine) = (Authority::default(), ClientIdentity::default());
    let other = WebServer::https_asking(&authority, &mine.certificate, ok);
    let away = other.url("/");
    let server =
        WebServer::https_demanding(&authority, &mine.certificate, move |received| match received.path() {
            "/near" => Reply::redirect(307, "/end"),
            "/far" => Reply::redirect(307, &away),
            _ => ok(received),
        });
    let outbound = local(&authority);
    let tls = Tls::default().showing(mine.pem.as_bytes()).unwrap();
    for path in ["/near", "/far"] {
        assert_eq!(ask(&outbound, &server.url(path), Some(&tls)).await, Ok(200), "{path}");
    }
    let shown: Vec<_> = server.received().into_iter().map(|received| received.client).collect();
    assert_eq!(shown, vec![Some(mine.certificate.clone()); 3]);
    let elsewhere: Vec<_> = other.received().into_iter().map(|received| received.client).collect();
    assert_eq!(elsewhere, [None], "another origin was asked, and shown nothing");
    // What asks it by itself shows it; what asks without, or shows another, is let in nowhere.
    assert_eq!(ask(&outbound, &other.url("/"), Some(&tls)).await, Ok(200));
    assert_eq!(other.received()[1].client, Some(mine.certificate));
    let strange = Tls::default().showing(ClientIdentity::default().pem.as_bytes()).unwrap();
    for tls in [None, Some(&strange)] {
        let refused = ask(&outbound, &server.url("/"), tls).await.unwrap_err();
        // The connection may be gone before what was said of it is read.
        assert!(matches!(refused, Reason::ClientRefused | Reason::Broken), "{refused:?}");
    }
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn sc_22_a_targets_own_authorities_go_along_to_no_other_origin_and_not_back_again() {
    let (public, own) = (Authority::default(), Authority::default());
    let home = Arc::new(Mutex::new(String::new()));
    let back = home.clone();
    let alike = WebServer::https(&own, ok);
    let other =
        WebServer::https(&public, move |_| Reply::redirect(307, &format!("{}back", back.lock().unwrap())));
    let (to_alike, to_other) = (alike.url("/"), other.url("/"));
    let server = WebServer::https(&own, move |received| match received.path() {
        "/alike" => Reply::redirect(307, &to_alike),
        "/other" => Reply::redirect(307, &to_other),
        "/near" => Reply::redirect(307, "/end"),
        _ => ok(received),
    });
    *home.lock().unwrap() = server.url("/");
    let (outbound, tls) = (local(&public), trusting(&own));
    assert_eq!(ask(&outbound, &server.url("/near"), Some(&tls)).await, Ok(200));
    for path in ["/alike", "/other"] {
        assert_eq!(ask(&outbound, &server.url(path), Some(&tls)).await, Err(Reason::Untrusted), "{path}");
    }
    assert_eq!((alike.received().len(), other.received().len()), (0, 1));
    assert!(server.received().iter().all(|received| received.path() != "/back"));
}

#[tokio::test]
async fn sc_22_clients_of_many_targets_are_bounded_and_good_ones_are_kept() {
    let authority = Authority::default();
    let outbound = local(&authority);
    for _ in 0..40 {
        let tls = trusting(&Authority::default());
        outbound.client(false, Some(&tls)).unwrap();
        outbound.client(false, Some(&tls)).unwrap();
    }
    assert_eq!(outbound.own.len(), 32);
    for unusable in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(Tls::default().trusting(unusable.as_bytes()).is_none(), "{unusable}");
        assert!(Tls::default().showing(unusable.as_bytes()).is_none(), "{unusable}");
    }
    assert!(Tls::default().showing(authority.pem().as_bytes()).is_none(), "a certificate without its key");
    let mine = ClientIdentity::default();
    let told = format!("{:?}", Tls::default().showing(mine.pem.as_bytes()).unwrap());
    assert_eq!(told, "Tls(0 authorities, identity: true)");
}
