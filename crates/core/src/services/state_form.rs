//! The state of a resource in the JSON form of a service.

use serde::Serialize;

use crate::resource_state::{CancelAnswer, Identity, ResourceState};
use crate::services::fields::{Fields, ServiceFileError, found, is_field, is_word};
use crate::services::table::{all_leaked, leaked};
use crate::shown::shown_excerpt;

/// Lists of words, in the order in which a word is looked up.
const LISTS: [&str; 4] = ["cancelled", "cancelling", "completed", "failed"];

/// A [`ResourceState`] as a file has it, and as it is printed.
#[derive(PartialEq, Serialize)]
pub(super) struct StateForm {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_time_path: Option<String>,
    cancelled: Vec<String>,
    cancelling: Vec<String>,
    completed: Vec<String>,
    failed: Vec<String>,
    cancel_answer: CancelAnswer,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_answer_field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_path: Option<String>,
}

impl StateForm {
    /// The form of a description.
    pub(super) fn of(state: &ResourceState) -> Self {
        let path = |path: &str| (!path.is_empty()).then(|| path.to_owned());
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let [project, location, own] = match state.identity {
            Identity::Name => [""; 3],
            Identity::Ids {
                project,
                location,
                own,
            } => [project, location, own],
        };
        Self {
            path: state.path.to_owned(),
            reason_path: path(state.reason),
            create_time_path: path(state.create_time),
            cancelled: words(state.cancelled),
            cancelling: words(state.cancelling),
            completed: words(state.completed),
            failed: words(state.failed),
            cancel_answer: state.answer,
            cancel_answer_field: path(state.answer_field),
            project_path: path(project),
            location_path: path(location),
            id_path: path(own),
        }
    }

    /// Reads the state of resources whose names have a pattern.
    pub(super) fn read(mut fields: Fields<'_>, pattern: &str) -> Result<Self, ServiceFileError> {
        let path = fields.checked("path", "a path of fields such as status.state", is_path)?;
        let path = fields.given("path", path)?;
        let create_time_path = fields.path("create_time_path")?;
        let [cancelled, cancelling, completed, failed] = words(&mut fields)?;
        let known = CancelAnswer::ALL.map(CancelAnswer::as_str);
        let is_known = |word: &str| CancelAnswer::named(word).is_some();
        let answer = fields.checked("cancel_answer", &known.join(" or "), is_known)?;
        let answer = answer.as_deref().and_then(CancelAnswer::named);
        let form = Self {
            path,
            reason_path: fields.path("reason_path")?,
            create_time_path,
            cancelled,
            cancelling,
            completed,
            failed,
            cancel_answer: answer.unwrap_or(CancelAnswer::Empty),
            cancel_answer_field: fields.checked(
                "cancel_answer_field",
                "a field such as job",
                is_word,
            )?,
            project_path: fields.path("project_path")?,
            location_path: fields.path("location_path")?,
            id_path: fields.path("id_path")?,
        };
        form.check(&fields, pattern)?;
        fields.end()?;
        Ok(form)
    }

    /// Refuses paths that cannot all be read.
    fn check(&self, fields: &Fields<'_>, pattern: &str) -> Result<(), ServiceFileError> {
        if self.project_path.is_some() {
            let reason = match (&self.id_path, pattern.starts_with("projects/{")) {
                (None, _) => "it is of use beside `id_path` only",
                (_, false) => "the pattern does not begin with projects/{project}",
                _ => "",
            };
            if !reason.is_empty() {
                return Err(fields.error("project_path", reason));
            }
        }
        if self.location_path.is_some() && self.id_path.is_none() {
            return Err(fields.error("location_path", "it is of use beside `id_path` only"));
        }
        let is_resource = self.cancel_answer == CancelAnswer::Resource;
        if self.cancel_answer_field.is_some() && !is_resource {
            let reason = "it is of use beside the `cancel_answer` resource only";
            return Err(fields.error("cancel_answer_field", reason));
        }
        let identity = self.id_path.as_deref().unwrap_or("name");
        let mut texts = vec![("id_path", identity), ("path", &self.path)];
        let others = [
            ("project_path", &self.project_path),
            ("location_path", &self.location_path),
            ("create_time_path", &self.create_time_path),
        ];
        let others = others.iter();
        texts.extend(others.filter_map(|(field, path)| Some((*field, path.as_deref()?))));
        let within = |path: &str, above: &str| {
            let rest = path.strip_prefix(above);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        for (at, (field, path)) in texts.iter().enumerate() {
            let mut before = texts[..at].iter();
            if let Some((_, other)) =
                before.find(|(_, other)| within(path, other) || within(other, path))
            {
                let reason = format!("expected another place than that of {other}, found {path}");
                return Err(fields.error(field, reason));
            }
        }
        Ok(())
    }

    /// The description, which stays.
    pub(super) fn leaked(self) -> ResourceState {
        let path = |path: Option<String>| path.map_or("", leaked);
        ResourceState {
            answer: self.cancel_answer,
            identity: match self.id_path {
                None => Identity::Name,
                Some(own) => Identity::Ids {
                    project: path(self.project_path),
                    location: path(self.location_path),
                    own: leaked(own),
                },
            },
            path: leaked(self.path),
            reason: path(self.reason_path),
            answer_field: path(self.cancel_answer_field),
            create_time: path(self.create_time_path),
            cancelled: all_leaked(self.cancelled),
            cancelling: all_leaked(self.cancelling),
            completed: all_leaked(self.completed),
            failed: all_leaked(self.failed),
        }
    }
}

/// Fields with dots between them, of which those of lists have the field and word of one element behind them.
fn is_path(path: &str) -> bool {
    let (last, before) = match path.rsplit_once('.') {
        Some((before, last)) => (last, Some(before)),
        None => (path, None),
    };
    let is_step = |step: &str| match step.split_once('[') {
        None => is_field(step),
        Some((field, element)) => {
            let element = element.strip_suffix(']').and_then(|it| it.split_once('='));
            is_field(field) && element.is_some_and(|(key, word)| is_field(key) && is_word(word))
        }
    };
    is_field(last) && before.is_none_or(|before| before.split('.').all(is_step))
}

/// The words of the lists, each with one meaning.
fn words(fields: &mut Fields<'_>) -> Result<[Vec<String>; 4], ServiceFileError> {
    let mut lists: [Vec<String>; 4] = Default::default();
    for (at, field) in LISTS.into_iter().enumerate() {
        let words = fields.texts(field)?.unwrap_or_default();
        if at == 0 && words.is_empty() {
            let reason = "expected one word or more: without one nothing proves a cancellation";
            return Err(fields.error(field, reason));
        }
        for (number, word) in words.into_iter().enumerate() {
            let place = format!("{field}[{number}]");
            if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
                let expected = "a word without spaces such as JOB_STATE_CANCELLED";
                return Err(fields.error(&place, found(expected, &word)));
            }
            if let Some(other) = lists.iter().position(|list| list.contains(&word)) {
                let word = shown_excerpt(&word, 80);
                let reason = format!("{word} is in `{}` as well, expected it once", LISTS[other]);
                return Err(fields.error(&place, reason));
            }
            lists[at].push(word);
        }
    }
    Ok(lists)
}
