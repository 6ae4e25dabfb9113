//! The service of a job.

use countermand_core::{OperationName, ParentName, Service};
use countermand_fleet::Target;
use countermand_fleet::store::{Job, JobErrorKind, Kind, Record, Settings, View};

use crate::at;

/// Version 1 has the same names, and is what a name alone would mean.
const ID: &str = "documentai.v1beta3";

fn name(service: &'static Service, id: u32) -> OperationName {
    let text = format!("projects/p/locations/us/operations/{id}");
    OperationName::parse(service, &text).unwrap()
}

#[test]
fn names_are_read_back_as_names_of_the_service_of_the_job() {
    let service = Service::named(ID).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for kind in [Kind::Plan, Kind::Rescue, Kind::Feed] {
        let path = folder.path().join(kind.as_str());
        let mut job = Job::create(&path, &Settings::at(kind, &service.endpoint()), at(0)).unwrap();
        match kind {
            Kind::Plan => {
                job.add([Target::new(name(service, 1))]).unwrap();
                job.freeze().unwrap();
            }
            Kind::Rescue => {
                let name = ParentName::parse(service, "projects/p/locations/us").unwrap();
                job.record(&[Record::Device { name, seen: None }]).unwrap();
            }
            Kind::Feed => {
                let found = Record::Found(Target::new(name(service, 1)));
                job.record(&[found]).unwrap();
            }
        }
        job.close().unwrap();
        let view = View::open(&path).unwrap();
        assert_eq!(view.services().ids(), ID);
        let rows = view.rows().map(|row| row.unwrap().target.name);
        let names = rows.map(|name| (name.service().id, name.id().to_owned()));
        let expected: &[_] = match kind {
            Kind::Plan | Kind::Feed => &[(ID, "1".to_owned())],
            Kind::Rescue => &[],
        };
        assert_eq!(names.collect::<Vec<_>>(), expected);
        let devices = view.devices().map(|device| device.unwrap().name);
        assert!(devices.into_iter().all(|name| name.service().id == ID));
        let above = view.enterprises().unwrap().into_keys();
        let above: Vec<_> = above
            .map(|name| (name.service().id, name.to_string()))
            .collect();
        let project = "//documentai.googleapis.com/projects/p".to_owned();
        assert_eq!(above, [(ID, project)]);
    }
}

#[test]
fn an_operation_of_another_service_is_refused() {
    let service = Service::named(ID).unwrap();
    let other = Service::named("documentai.v1").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for wrong in [name(other, 1), crate::name(1)] {
        let path = folder.path().join(wrong.service().id);
        let settings = Settings::at(Kind::Plan, &service.endpoint());
        let mut job = Job::create(&path, &settings, at(0)).unwrap();
        let error = job.add([Target::new(wrong)]).unwrap_err();
        let is = matches!(error.kind(), JobErrorKind::OtherService { job, .. } if *job == ID);
        assert!(is, "{error}");
    }
}
