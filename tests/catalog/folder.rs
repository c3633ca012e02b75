//! A folder of one's own connectors over those of the program.

use std::os::unix::fs::symlink;
use std::path::Path;

use tessera::catalog::Catalog;
use tessera::catalog::skeleton::Draft;

#[test]
fn a_folder_lies_over_the_built_in_connectors() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) = Draft::named("heap", "Our Heap").write();
    std::fs::create_dir(folder.path().join("h")).unwrap();
    std::fs::write(folder.path().join("h/heap.yaml"), text).unwrap();
    let (_, text) = Draft::named("acme", "Acme").write();
    std::fs::write(folder.path().join("acme.yaml"), text).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a connector").unwrap();
    let catalog = Catalog::with_folder(folder.path()).unwrap();
    assert_eq!(catalog.list().len(), Catalog::built_in().list().len() + 1);
    assert_eq!(catalog.find("heap").unwrap().name, "Our Heap");
    assert!(catalog.find("heap").unwrap().provisioning.is_none(), "replaced whole");
    assert!(catalog.is_own("heap") && !catalog.is_own("slack"));
    assert_eq!(catalog.search("acme", None)[0].id, "acme");
    std::fs::write(folder.path().join("bad.yaml"), "id: bad\nnope: 1\n").unwrap();
    let error = Catalog::with_folder(folder.path()).unwrap_err();
    assert_eq!(error.code, "catalog_faulty");
    assert!(error.message.contains("bad.yaml:2:1"), "{}", error.message);
    assert_eq!(Catalog::with_folder(Path::new("no such folder")).unwrap_err().code, "catalog_unreadable");
}

fn code(folder: &Path) -> &'static str {
    Catalog::with_folder(folder).unwrap_err().code
}

fn acme() -> String {
    Draft::named("acme", "Acme").write().1
}

#[test]
fn links_are_followed_within_the_folder_and_hidden_names_are_nobodys() {
    let mounted = tempfile::tempdir().unwrap();
    let at = |name: &str| mounted.path().join(name);
    // As mounted configuration is: links to a folder with a dot.
    std::fs::create_dir_all(at("..data/b")).unwrap();
    std::fs::write(at("..data/acme.yaml"), acme()).unwrap();
    std::fs::write(at("..data/b/beta.yaml"), Draft::named("beta", "Beta").write().1).unwrap();
    symlink("..data/acme.yaml", at("acme.yaml")).unwrap();
    symlink("..data/b", at("b")).unwrap();
    // As editors and file systems leave them.
    symlink("user@host.1", at(".#acme.yaml")).unwrap();
    std::fs::write(at("._acme.yaml"), [0, 5, 22, 7]).unwrap();
    let catalog = Catalog::with_folder(mounted.path()).unwrap();
    assert!(catalog.is_own("acme") && catalog.is_own("beta"));
    symlink("/dev/zero", at("zero.yaml")).unwrap();
    assert_eq!(code(mounted.path()), "catalog_link");
    std::fs::remove_file(at("zero.yaml")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), at("e")).unwrap();
    assert!(Catalog::with_folder(mounted.path()).is_ok(), "nothing there is a connector");
    std::fs::write(elsewhere.path().join("acme.yaml"), acme()).unwrap();
    assert_eq!(code(mounted.path()), "catalog_link");
}

#[test]
fn what_is_only_odd_keeps_no_program_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let put = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    // A name that a built-in connector has by now, and a host that is called as a test system's.
    put("slacky.yaml", &Draft::named("slacky", "SLACK").write().1);
    put("acme.yaml", &acme().replace("https://example.com", "https://staging.example.com"));
    let catalog = Catalog::with_folder(folder.path()).unwrap();
    assert!(catalog.is_own("slacky") && catalog.is_own("acme"));
    let advice: Vec<&str> = catalog.advice().iter().map(|fault| fault.code).collect();
    assert!(advice.contains(&"built_in_name"), "{advice:?}");
    put("slack.yaml", &Draft::named("slack", "Slack").write().1);
    assert_eq!(code(folder.path()), "catalog_faulty", "two of one folder");
    std::fs::remove_file(folder.path().join("slacky.yaml")).unwrap();
    assert!(Catalog::with_folder(folder.path()).unwrap().is_own("slack"), "replaced whole");
}
