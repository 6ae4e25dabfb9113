//! `countermand services`.

use std::collections::BTreeSet;

use countermand_core::text::json_line;
use countermand_core::{Reading, Service};

use crate::args::Global;
use crate::args::operations::Services;
use crate::exit::Exit;
use crate::output::streams;

/// A service as people read it.
fn text(service: &Service) -> String {
    let mut text = format!("{}  {}\n", service.id, service.title);
    for pattern in service.patterns {
        let lacks = [
            (!pattern.has_list, "no list"),
            (pattern.has_list && !pattern.has_filter, "no filter"),
            (!pattern.has_get, "outcomes cannot be verified"),
        ];
        let lacks: Vec<_> = lacks
            .iter()
            .filter_map(|(lacks, what)| lacks.then_some(*what))
            .collect();
        let lacks = match lacks.is_empty() {
            true => String::new(),
            false => format!("  ({})", lacks.join(", ")),
        };
        let proof = match pattern.reading {
            Reading::Operation => String::new(),
            Reading::State(state) => {
                format!(
                    "  (cancelled: {} is {})",
                    state.path,
                    state.cancelled.join(" or ")
                )
            }
        };
        text.push_str(&format!("    {pattern}{proof}{lacks}\n"));
    }
    text
}

/// Prints the services, or the one that a file describes. Where several are asked for and some have many
/// patterns, their number is shown.
pub(crate) fn run(global: &Global, options: &Services) -> Exit {
    let words = &options.words;
    let like = |word: &String| Service::ids_like(word).collect::<Vec<_>>();
    let (found, unknown): (Vec<_>, Vec<_>) = match global.service_file {
        Some(_) => (vec![global.meant], Vec::new()),
        None => {
            let wanted: BTreeSet<_> = words.iter().flat_map(like).collect();
            let ids = Service::ids().filter(|id| words.is_empty() || wanted.contains(id));
            let unknown = words.iter().filter(|word| like(word).is_empty());
            (ids.filter_map(Service::named).collect(), unknown.collect())
        }
    };
    let all = options.words.is_empty() && found.len() > 1;
    for service in &found {
        match global.json {
            true => streams::print(&json_line(service).unwrap_or_default()),
            false if all => {
                let more = match service.patterns.len() {
                    0 | 1 => String::new(),
                    more => format!(" and {} more", more - 1),
                };
                streams::print(&format!("{:<32} {}{more}", service.id, service.pattern()));
            }
            false => streams::print(text(service).trim_end()),
        }
    }
    for word in &unknown {
        let problem = Service::choose(word, None).err();
        let problem = problem.map_or_else(String::new, |error| error.to_string());
        streams::note(&format!("error: {problem}"));
    }
    match unknown.is_empty() {
        true => Exit::Done,
        false => Exit::Usage,
    }
}
