//! The files that an emulator with TLS writes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::symlink;

use countermand_emulator::Tls;

#[test]
fn fault_69_a_planted_link_leads_no_certificate_elsewhere() {
    let folder = std::env::temp_dir().join(format!("countermand-files-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let victim = folder.join("authorized_keys");
    fs::write(&victim, "kept").unwrap();
    let tls = Tls::mutual().unwrap();
    for name in ["ca.pem", "client.pem", "client.key"] {
        symlink(&victim, folder.join(name)).unwrap();
    }
    // Refused or replaced: what the link leads to stays as it was.
    let _ = tls.write_to(&folder);
    let _ = tls.write_client_to(&folder);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");

    // The files of an earlier run are replaced.
    for name in ["ca.pem", "client.pem", "client.key"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
    for tls in [&tls, &Tls::mutual().unwrap()] {
        let path = tls.write_to(&folder).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), tls.ca_pem());
        tls.write_client_to(&folder).unwrap();
    }
    fs::remove_dir_all(&folder).unwrap();
}
