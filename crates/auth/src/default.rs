//! Application default credentials, in Google's documented order
//! (<https://cloud.google.com/docs/authentication/application-default-credentials>).

use std::ffi::OsString;
use std::path::PathBuf;

use countermand_core::TransportError;

use crate::credentials::Credentials;
use crate::error::rejected;

const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

impl Credentials {
    /// Credentials of the environment: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, else the
    /// one that `gcloud auth application-default login` writes, else the metadata server.
    ///
    /// Reads at most one small file. Whether there is a metadata server turns out with the first
    /// token.
    ///
    /// # Errors
    /// The file that is named, or found, is of no use; or `NO_GCE_CHECK` says that there is no
    /// metadata server either.
    pub fn application_default() -> Result<Self, TransportError> {
        Self::application_default_in(&|name: &str| std::env::var_os(name))
    }

    /// Application default credentials in an environment whose variables are those that `variable` knows.
    ///
    /// # Errors
    /// As for [`application_default`](Self::application_default).
    pub fn application_default_in(
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, TransportError> {
        if let Some(path) = variable(FILE).filter(|path| !path.is_empty()) {
            return Self::from_file(path)
                .map_err(|error| rejected(format!("{FILE}: {}", error.cause())));
        }
        let file = well_known_file(variable);
        if let Some(file) = file.as_ref().filter(|file| file.exists()) {
            return Self::from_file(file);
        }
        let file = file.map_or_else(String::new, |file| {
            format!(", no file {}", countermand_core::text::shown_path(&file))
        });
        let neither = format!(
            "there are no credentials: {FILE} is not set{file} (`gcloud auth application-default login` writes it)"
        );
        match variable("NO_GCE_CHECK") {
            Some(set) if set == "true" => Err(rejected(neither)),
            _ => Self::metadata_server_in(variable, Some(neither)),
        }
    }
}

/// The file that `gcloud auth application-default login` writes; `None` where there is no home.
#[must_use]
pub fn well_known_file(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    Some(gcloud(variable)?.join("application_default_credentials.json"))
}

/// The directory of `gcloud`'s settings.
pub(crate) fn gcloud(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(directory) = set("CLOUDSDK_CONFIG") {
        return Some(directory.into());
    }
    match cfg!(windows) {
        true => Some(PathBuf::from(set("APPDATA")?).join("gcloud")),
        false => Some(PathBuf::from(set("HOME")?).join(".config/gcloud")),
    }
}
