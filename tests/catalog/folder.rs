//! A folder of one's own connectors over those of the program.

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
    // Mounted configuration is links to a folder with a dot; what lies outside is nobody's.
    let code = |folder: &Path| Catalog::with_folder(folder).unwrap_err().code;
    let mounted = tempfile::tempdir().unwrap();
    std::fs::create_dir(mounted.path().join("..data")).unwrap();
    std::fs::write(mounted.path().join("..data/acme.yaml"), Draft::named("acme", "Acme").write().1).unwrap();
    std::os::unix::fs::symlink("..data/acme.yaml", mounted.path().join("acme.yaml")).unwrap();
    assert_eq!(Catalog::with_folder(mounted.path()).unwrap().find("acme").unwrap().name, "Acme");
    std::os::unix::fs::symlink("/dev/zero", mounted.path().join("zero.yaml")).unwrap();
    assert_eq!(code(mounted.path()), "catalog_link");
    // Nobody may be taken for a built-in one.
    let posing = tempfile::tempdir().unwrap();
    let (_, text) = Draft::named("slacky", "SLACK").write();
    std::fs::write(posing.path().join("slacky.yaml"), text).unwrap();
    assert_eq!(code(posing.path()), "catalog_faulty");
    let (_, text) = Draft::named("slack", "Slack").write();
    std::fs::write(posing.path().join("slack.yaml"), text).unwrap();
    assert_eq!(code(posing.path()), "catalog_faulty", "two of one folder");
    std::fs::remove_file(posing.path().join("slacky.yaml")).unwrap();
    assert!(Catalog::with_folder(posing.path()).is_ok(), "replaced whole");
    std::fs::write(folder.path().join("bad.yaml"), "id: bad\nnope: 1\n").unwrap();
    let error = Catalog::with_folder(folder.path()).unwrap_err();
    assert_eq!(error.code, "catalog_faulty");
    assert!(error.message.contains("bad.yaml:2:1"), "{}", error.message);
    assert_eq!(Catalog::with_folder(Path::new("no such folder")).unwrap_err().code, "catalog_unreadable");
}
