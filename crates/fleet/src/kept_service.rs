//! A service as a job file keeps it: its id, and the SHA-256 of the file that describes it if it is not built in.

use countermand_core::Service;
use countermand_core::text::shown_excerpt;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A service in a file. Its id alone would not say which description was meant.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptService {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl KeptService {
    fn of(service: &Service) -> Self {
        Self {
            id: service.id.to_owned(),
            sha256: service.json_text().map(digest),
        }
    }

    /// The service, or the reason why it is not that of this process.
    pub(crate) fn known(&self) -> Result<&'static Service, String> {
        let id = shown_excerpt(&self.id, 80);
        let Some(service) = Service::named(&id) else {
            return Err(format!(
                "it is for the service {id}, which is not built in: give the file that describes it \
                 (--service-file FILE, in Python Service.from_file)"
            ));
        };
        let (planned, read) = (&self.sha256, service.json_text().map(digest));
        if read == *planned {
            return Ok(service);
        }
        let or_none = |digest: &Option<String>| {
            let digest = digest.as_deref().map(|digest| shown_excerpt(digest, 80));
            digest.unwrap_or_else(|| "none".to_owned())
        };
        Err(format!(
            "it was made with another description of the service {id}: the SHA-256 of its file was {}, and is {}",
            or_none(planned),
            or_none(&read)
        ))
    }
}

fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text);
    let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
    hex.collect()
}

pub(crate) fn serialize<S: Serializer>(
    service: &&'static Service,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    KeptService::of(service).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<&'static Service, D::Error> {
    KeptService::deserialize(deserializer)?
        .known()
        .map_err(D::Error::custom)
}
