//! What is in flight, each found at once by what its ticket says.

use super::Flight;

/// A request on its way.
pub(super) struct Flying {
    pub(super) flight: Flight,
    pub(super) probe: bool,
}

/// Places for what is in flight, used again: as many as there ever were at a time. A map moves its
/// neighbours about for each of them.
#[derive(Default)]
pub(super) struct Flights {
    places: Vec<Option<(u64, Flying)>>,
    free: Vec<usize>,
}

impl Flights {
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a request with the number of its ticket; gives its place.
    pub(super) fn insert(&mut self, number: u64, flying: Flying) -> usize {
        let flying = Some((number, flying));
        match self.free.pop() {
            Some(place) => {
                self.places[place] = flying;
                place
            }
            None => {
                self.places.push(flying);
                self.places.len() - 1
            }
        }
    }

    /// What is at a place, if it is still the one with this number.
    pub(super) fn remove(&mut self, place: usize, number: u64) -> Option<Flying> {
        let (_, flying) = self
            .places
            .get_mut(place)?
            .take_if(|(there, _)| *there == number)?;
        self.free.push(place);
        Some(flying)
    }
}
