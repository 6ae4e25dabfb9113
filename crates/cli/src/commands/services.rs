//! `countermand services`.

use countermand_core::Service;
use countermand_core::text::json_line;
use serde::Serialize;

use crate::args::Global;
use crate::args::operations::Services;
use crate::exit::Exit;
use crate::output::streams;

/// The schema of the description of a service.
const SERVICE: &str = "countermand.service/1";

/// `countermand.service/1`: a service whose operations can be cancelled.
#[derive(Serialize)]
struct ServiceLine {
    schema: &'static str,
    id: &'static str,
    title: &'static str,
    host: &'static str,
    /// Hosts of locations, `{location}` in place of one.
    regional_hosts: Vec<RegionalHosts>,
    /// OAuth scope; null where none is known.
    scope: Option<&'static str>,
    names: Vec<Names>,
    /// True if operations tell when they were created.
    tells_create_time: bool,
}

#[derive(Serialize)]
struct RegionalHosts {
    template: &'static str,
    locations: &'static [&'static str],
}

/// Names of one pattern.
#[derive(Serialize)]
struct Names {
    pattern: String,
    /// The outcome can be verified.
    get: bool,
    /// Operations can be listed.
    list: bool,
}

impl ServiceLine {
    fn of(service: &'static Service) -> Self {
        let hosts = service.regional_hosts.iter().map(|hosts| RegionalHosts {
            template: hosts.template,
            locations: hosts.locations,
        });
        let names = service.patterns.iter().map(|pattern| Names {
            pattern: pattern.to_string(),
            get: pattern.has_get,
            list: pattern.has_list,
        });
        Self {
            schema: SERVICE,
            id: service.id,
            title: service.title,
            host: service.host,
            regional_hosts: hosts.collect(),
            scope: (!service.scope.is_empty()).then_some(service.scope),
            names: names.collect(),
            tells_create_time: service.operation.reads_create_time(),
        }
    }

    /// A service as people read it.
    fn text(&self) -> String {
        let mut text = format!("{}  {}\n", self.id, self.title);
        for names in &self.names {
            let lacks = match (names.get, names.list) {
                (true, true) => "",
                (true, false) => "  (no list)",
                (false, true) => "  (outcomes cannot be verified)",
                (false, false) => "  (no list, outcomes cannot be verified)",
            };
            text.push_str(&format!("    {}{lacks}\n", names.pattern));
        }
        text
    }
}

/// Prints the services. Where several are asked for and some have many patterns, their number is shown.
pub(crate) fn run(global: &Global, options: &Services) -> Exit {
    let services = Service::ids().filter_map(Service::named);
    let wanted = |service: &&'static Service| {
        let texts = [service.id.to_owned(), service.title.to_lowercase()];
        let has = |word: &String| texts.iter().any(|text| text.contains(&word.to_lowercase()));
        options.words.is_empty() || options.words.iter().any(has)
    };
    let found: Vec<_> = services.filter(wanted).collect();
    for service in &found {
        let line = ServiceLine::of(service);
        match global.json {
            true => streams::print(&json_line(&line).unwrap_or_default()),
            false if options.words.is_empty() => {
                let first = line.names.first().map_or("", |names| &names.pattern);
                let more = match line.names.len() {
                    0 | 1 => String::new(),
                    more => format!(" and {} more", more - 1),
                };
                streams::print(&format!("{:<32} {first}{more}", line.id));
            }
            false => streams::print(line.text().trim_end()),
        }
    }
    if found.is_empty() {
        let words = options.words.join(" ");
        let nearest = Service::choose(&words, None);
        let problem = nearest
            .err()
            .map_or_else(String::new, |error| error.to_string());
        streams::note(&format!("error: {problem}"));
        return Exit::Usage;
    }
    Exit::Done
}
