//! Names that are given to be searched, of every service: what is refused says what to give instead.

use std::collections::{BTreeMap, BTreeSet};

use countermand_core::{
    Call, Endpoint, ErrorKey, Fetch, Level, Name, NameError, NameErrorKind, OperationName,
    PageQuery, ParentName, Request, Resource, Service, Step, Time, Verdict,
};
use countermand_emulator::Simulation;

fn named(id: &str) -> &'static Service {
    Service::named(id).unwrap()
}

fn at(service: &'static Service) -> Endpoint {
    service.endpoint()
}

/// A name to be searched, whose operations can be listed.
fn searched(service: &'static Service, text: &str) -> Result<Resource, NameError> {
    let resource = at(service).parse_given_searched(text)?;
    resource.check_method().map(|()| resource)
}

/// The text of a name of these levels.
fn text(levels: &[Level]) -> String {
    let pattern = levels.iter().map(|level| filled(&pattern_of(level)));
    pattern.collect::<Vec<_>>().join("/")
}

fn pattern_of(level: &Level) -> String {
    use countermand_core::Ids;
    match level.ids {
        Ids::Any => format!("{}/{{x}}", level.collection),
        Ids::Rest => format!("{}/{{x=**}}", level.collection),
        Ids::Only(id) => format!("{}/{id}", level.collection),
        Ids::None => level.collection.to_owned(),
    }
}

/// The name of these levels, with this id wherever any will do.
fn text_with(levels: &[Level], id: &str) -> String {
    text(levels)
        .split('/')
        .map(|segment| match segment {
            "x" => id,
            "*" => "any",
            other => other,
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// A name of the pattern that an error expects.
fn filled(expected: &str) -> String {
    let segments = expected.split('/').map(|segment| match segment {
        "*" => "any",
        segment if segment.starts_with('{') => "x",
        segment => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn what_a_refusal_expects_is_taken() {
    let mut refused = 0;
    for service in Service::ids().map(named) {
        for pattern in service.patterns {
            for depth in 0..=pattern.levels.len() {
                let above = text(&pattern.levels[..depth]);
                let list = pattern.levels.get(depth).map(|level| level.collection);
                let list = list.map(|list| format!("{above}/{list}"));
                let texts = [Some(above), list].into_iter().flatten();
                for text in texts.map(|text| text.replace('*', "any")) {
                    let text = text.trim_start_matches('/');
                    let Err(error) = searched(service, text) else {
                        continue;
                    };
                    refused += 1;
                    let said = format!("{} {text}: {error}", service.id);
                    assert!(!error.expected().is_empty(), "{said}");
                    if error.expected().starts_with("the name of ") {
                        continue;
                    }
                    for expected in error.expected().split(" or ") {
                        let given = filled(expected);
                        let taken = at(service).parse_given_resource(&given);
                        let resource = taken.unwrap_or_else(|wrong| panic!("{said}: {wrong}"));
                        let followed = match resource {
                            // Operations are given by name.
                            Resource::Operation(_) => Ok(()),
                            list => list.check_method(),
                        };
                        // What it expects is searched, or says what is given instead.
                        let only = |kind| matches!(kind, NameErrorKind::NoMethod(..));
                        let fine = followed
                            .as_ref()
                            .map_or_else(|it| only(it.kind()), |()| true);
                        assert!(fine, "{said}: {followed:?}");
                    }
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn a_refusal_says_what_is_searched_instead() {
    for (service, given, said) in [
        (
            "documentai.v1",
            "projects/emulator",
            r#""projects/emulator" names a project, and operations are listed by location; expected projects/{project}/locations/{location}"#,
        ),
        (
            "documentai.v1",
            "projects/p/locations/-",
            r#""projects/p/locations/-" stands for several resources (`-`), and a request is for one; expected projects/{project}/locations/{location}"#,
        ),
        (
            "spanner.v1",
            "projects/sp",
            r#""projects/sp" names a project, and operations are listed by instanceConfig; expected projects/{project}/instanceConfigs/{instanceConfig} or projects/{project}/instances/{instance}"#,
        ),
        (
            "spanner.v1",
            "projects/sp/instances",
            r#""projects/sp/instances" names a list of instances; expected projects/{project}/instances/{instance}"#,
        ),
        (
            "aiplatform.v1",
            "projects/p/locations/us-central1/tuningJobs/5/operations",
            r#""projects/p/locations/us-central1/tuningJobs/5/operations" names a list of operations; expected projects/{project}/locations/{location}/tuningJobs/{tuningJob}"#,
        ),
        (
            "sqladmin.v1",
            "projects/sqlp",
            r#"Cloud SQL Admin API has no method that lists the operations of projects/sqlp in the form that is read here; give the names of operations, projects/{project}/operations/{operation}, as the answers that began them or the tools of the service show them"#,
        ),
    ] {
        let error = searched(named(service), given).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn a_job_with_operations_of_its_own_is_searched_for_those() {
    let service = named("aiplatform.v1");
    let job = "projects/p/locations/us-central1/tuningJobs/5";
    let found = searched(service, job).unwrap();
    assert!(matches!(found, Resource::Parent(_)), "{found:?}");
    let named = at(service).parse_given_resource(job).unwrap();
    assert!(matches!(named, Resource::Operation(_)), "{named:?}");
    let operation = OperationName::parse(service, &format!("{job}/operations/1")).unwrap();
    assert_eq!(operation.parent().as_str(), found.as_str());
}

/// The request for the first page of a list.
fn first_page(list: &ParentName) -> String {
    let request = Request::ListOperations(list.clone(), PageQuery::default());
    let http = request.http(&at(list.service()));
    http.uri().path_and_query().unwrap().to_string()
}

/// One parent may have several lists: the text of its name tells which one is meant, and so does equality.
#[test]
fn names_of_lists_are_equal_where_their_requests_are() {
    let mut several = 0;
    for service in Service::ids().map(named) {
        let mut lists = BTreeMap::new();
        let own = service.patterns.iter().map(|it| it.own_level().collection);
        let mut ids: BTreeSet<_> = own.collect();
        ids.extend(["x", "global", "a b"]);
        for (pattern, id) in service
            .patterns
            .iter()
            .flat_map(|one| ids.iter().map(move |id| (one, id)))
        {
            let given = text_with(pattern.levels, id);
            let operation = OperationName::parse(service, &given).unwrap();
            let collection = operation.pattern().own_level().collection;
            let list = operation.parent();
            let said = format!("{} {given} {list}", service.id);
            let path = first_page(&list);
            let own = operation.relative().rsplit_once(&format!("{collection}/"));
            let above = own.map_or("", |(above, _)| above);
            assert_eq!(list.relative(), above.trim_end_matches('/'), "{said}");
            let again = ParentName::parse(service, list.as_str()).unwrap();
            assert_eq!(
                (&again, first_page(&again)),
                (&list, path.clone()),
                "{said}"
            );
            assert_eq!(again.pattern(), list.pattern(), "{said}");
            assert_eq!(
                (again.id(), again.parent()),
                (list.id(), list.parent()),
                "{said}"
            );
            let is_named = !list.as_str().ends_with(list.relative());
            several += u32::from(is_named);
            assert_eq!(*lists.entry(list).or_insert(path.clone()), path, "{said}");
        }
        let paths: BTreeSet<_> = lists.values().collect();
        assert_eq!(paths.len(), lists.len(), "{}", service.id);
    }
    assert!(several > 100, "{several}");
}

/// The lists that are read and the others are all patterns at or below a resource, and none is both.
#[test]
fn the_other_lists_are_all_that_one_list_does_not_show() {
    for service in Service::ids().map(named) {
        for pattern in service.patterns {
            let given = text(pattern.above());
            let parent = ParentName::parse(service, &given).unwrap();
            let others: Vec<_> = parent.other_lists().collect();
            assert!(
                !others.contains(&parent.pattern()),
                "{} {given}",
                service.id
            );
            for other in service.patterns {
                let below = text(other.levels).starts_with(&format!("{given}/"));
                let own = other.above() == parent.pattern().above()
                    && other.own_level().collection == parent.pattern().own_level().collection;
                let expected = (below || given.is_empty()) && !own;
                assert_eq!(
                    others.contains(&other),
                    expected,
                    "{} {given} {other}",
                    service.id
                );
            }
        }
    }
}

#[test]
fn a_method_that_is_missing_is_no_refusal_of_the_transport() {
    let service = named("sqladmin.v1");
    let operation = OperationName::parse(service, "projects/p/operations/1").unwrap();
    let page = PageQuery::default();
    for request in [
        Request::Get(operation.clone()),
        Request::GetParent(operation.parent()),
        Request::ListOperations(operation.parent(), page.clone()),
        Request::ListParents(operation.parent().parent(), page),
    ] {
        let fetch = Fetch::new(request.clone()).unwrap();
        let Step::Done(Err(error)) = fetch.start(Time::START, 1) else {
            panic!("{request:?}");
        };
        assert_eq!(error.key(), ErrorKey::NoMethod, "{error}");
        assert!(error.to_string().contains("no method"), "{error}");
        assert!(!error.maybe_delivered() && error.attempts() == 0);
    }
    assert!(operation.check_method(Call::Cancel).is_ok());
}

/// The versions of an API share a host: the service of a full name is the newest stable one that has such a name at its
/// level.
#[test]
fn a_full_name_is_of_the_newest_version_that_has_such_names() {
    fn check<const UP: u8>(service: &'static Service, levels: &[Level]) -> bool {
        let relative = text(levels);
        let full = match relative.as_str() {
            "" => format!("//{}", service.host),
            relative => format!("//{}/{relative}", service.host),
        };
        let version = |id: &'static str| id.rsplit_once(".v").unwrap().1;
        let is_stable = |one: &&Service| version(one.id).parse::<u32>().is_ok();
        let api = service.id.split('.').next();
        let versions: Vec<_> = Service::ids()
            .filter(|id| id.split('.').next() == api)
            .map(named)
            .filter(|one| one.host == service.host && Name::<UP>::parse(one, &relative).is_ok())
            .collect();
        let found: Name<UP> = full
            .parse()
            .unwrap_or_else(|error| panic!("{full}: {error}"));
        // Some hosts are of several APIs.
        if found.service().id.split('.').next() != api {
            return false;
        }
        assert!(
            versions.contains(&found.service()),
            "{full}: {}",
            found.service().id
        );
        let stable: Vec<_> = versions.iter().copied().filter(is_stable).collect();
        let newest = stable
            .iter()
            .max_by_key(|one| version(one.id).parse::<u32>().unwrap());
        if let Some(newest) = newest {
            assert_eq!(found.service(), *newest, "{full}");
        }
        let meant = Service::meant(None, Some(&full)).unwrap();
        assert!(
            Name::<0>::parse(meant, &relative).is_ok()
                || Name::<1>::parse(meant, &relative).is_ok()
                || Name::<2>::parse(meant, &relative).is_ok(),
            "{full}: {}",
            meant.id
        );
        let all = Service::ids().filter(|id| id.split('.').next() == api);
        versions.len() < all.count()
    }
    let mut older = 0;
    for service in Service::ids()
        .map(named)
        .filter(|one| *one != Service::DEFAULT)
    {
        for pattern in service.patterns {
            let levels = pattern.levels;
            check::<0>(service, levels);
            older += u32::from(check::<1>(service, pattern.above()));
            let above = levels
                .len()
                .saturating_sub(2)
                .max(usize::from(levels.len() > 1));
            check::<2>(service, &levels[..above]);
        }
    }
    assert!(older > 5, "{older} parents that some version lacks");
}

/// Each kind of name can be simulated, and is the kind that was asked for.
#[test]
fn a_simulation_is_of_any_pattern() {
    for service in Service::ids().map(named) {
        for pattern in service.patterns {
            let simulation = Simulation::new(service, 2)
                .pattern(&pattern.to_string())
                .unwrap();
            let said = format!("{} {pattern}", service.id);
            assert_eq!(simulation.pattern, pattern, "{said}");
            let run = simulation
                .run()
                .unwrap_or_else(|error| panic!("{said}: {error}"));
            let ends =
                [Verdict::Cancelled, Verdict::Unverified].map(|verdict| run.verdicts.get(&verdict));
            assert_eq!(ends.into_iter().flatten().sum::<u64>(), 2, "{said} {run:?}");
            assert_eq!(run.pattern, pattern.to_string());
        }
    }
}
