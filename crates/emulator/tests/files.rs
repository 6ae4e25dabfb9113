//! The files that an emulator with TLS writes.
#![cfg(unix)]

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

#[test]
fn fault_69_a_pipe_or_a_device_in_the_place_of_a_file_is_refused() {
    let folder = std::env::temp_dir().join(format!("countermand-pipes-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let tls = Tls::mutual().unwrap();
    for name in ["ca.pem", "client.pem", "client.key"] {
        let path = folder.join(name);
        for device in [false, true] {
            match device {
                true => symlink("/dev/null", &path).unwrap(),
                false => {
                    let made = std::process::Command::new("mkfifo").arg(&path).status();
                    assert!(made.unwrap().success());
                }
            }
            let written = tls.write_to(&folder).map(drop);
            let written = written.and_then(|()| tls.write_client_to(&folder).map(drop));
            let error = written.unwrap_err().to_string();
            assert!(error.contains("a file is expected"), "{name}: {error}");
            fs::remove_file(&path).unwrap();
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}
