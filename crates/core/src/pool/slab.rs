//! Values in pages: their numbers stay, growing copies nothing, and empty pages are given back.

use alloc::vec::Vec;
use core::{
    mem,
    ops::{Index, IndexMut},
};

/// Ends a page's chain of vacant places.
const NONE: u16 = u16::MAX;

/// Values by number, `PAGE` of them in each page.
#[derive(Debug, Clone)]
pub(super) struct Slab<T, const PAGE: usize> {
    pages: Vec<Page<T>>,
    /// Pages with room. The last takes what comes, and is kept though it may be empty.
    open: Vec<usize>,
    used: usize,
}

#[derive(Debug, Clone)]
struct Page<T> {
    places: Vec<Place<T>>,
    /// The first of the vacant places, each of which names the next.
    vacant: u16,
    used: usize,
}

#[derive(Debug, Clone)]
enum Place<T> {
    Vacant(u16),
    Used(T),
}

impl<T, const PAGE: usize> Slab<T, PAGE> {
    pub(super) const fn new() -> Self {
        const { assert!(PAGE.is_power_of_two() && PAGE < NONE as usize) };
        Self {
            pages: Vec::new(),
            open: Vec::new(),
            used: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) fn insert(&mut self, value: T) -> u32 {
        let number = self.open.last().copied().unwrap_or_else(|| self.add_page());
        let page = &mut self.pages[number];
        let offset = page.insert(value, if number == 0 { 0 } else { PAGE });
        if page.used == PAGE {
            self.open.pop();
        }
        self.used += 1;
        u32::try_from(number * PAGE + offset)
            .unwrap_or_else(|_| unreachable!("a pool has a bound on its tasks"))
    }

    /// # Panics
    /// If the place is vacant.
    pub(super) fn remove(&mut self, at: u32) -> T {
        let (number, offset) = split::<PAGE>(at);
        let page = &mut self.pages[number];
        let value = page.remove(offset);
        self.used -= 1;
        if page.used + 1 == PAGE {
            self.reopen(number);
        } else if page.used == 0 && self.open.last() != Some(&number) {
            page.give_back();
        }
        value
    }

    pub(super) fn get(&self, at: u32) -> Option<&T> {
        let (number, offset) = split::<PAGE>(at);
        match self.pages.get(number)?.places.get(offset)? {
            Place::Used(value) => Some(value),
            Place::Vacant(_) => None,
        }
    }

    /// All values from this number on, by number.
    pub(super) fn iter_from(&self, at: u32) -> impl Iterator<Item = (u32, &T)> {
        let (number, offset) = split::<PAGE>(at);
        let pages = self.pages.iter().enumerate().skip(number);
        pages.flat_map(move |(page, of)| {
            let skipped = if page == number { offset } else { 0 };
            let places = of.places.iter().enumerate().skip(skipped);
            places.filter_map(move |(offset, place)| match place {
                Place::Used(value) => Some((u32::try_from(page * PAGE + offset).ok()?, value)),
                Place::Vacant(_) => None,
            })
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.iter_from(0)
    }

    fn add_page(&mut self) -> usize {
        self.pages.push(Page {
            places: Vec::new(),
            vacant: NONE,
            used: 0,
        });
        self.open.push(self.pages.len() - 1);
        self.pages.len() - 1
    }

    /// A page that was full has room again, and takes what comes next.
    fn reopen(&mut self, number: usize) {
        if let Some(last) = self.open.last()
            && self.pages[*last].used == 0
        {
            self.pages[*last].give_back();
        }
        self.open.push(number);
    }
}

impl<T, const PAGE: usize> Index<u32> for Slab<T, PAGE> {
    type Output = T;
    fn index(&self, at: u32) -> &T {
        let (number, offset) = split::<PAGE>(at);
        match &self.pages[number].places[offset] {
            Place::Used(value) => value,
            Place::Vacant(_) => unreachable!("{at} is vacant"),
        }
    }
}

impl<T, const PAGE: usize> IndexMut<u32> for Slab<T, PAGE> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        let (number, offset) = split::<PAGE>(at);
        match &mut self.pages[number].places[offset] {
            Place::Used(value) => value,
            Place::Vacant(_) => unreachable!("{at} is vacant"),
        }
    }
}

impl<T> Page<T> {
    /// Takes room for so many values when it first needs some; the first page of all grows as it
    /// is used, for most pools are small.
    fn insert(&mut self, value: T, room: usize) -> usize {
        self.used += 1;
        let offset = usize::from(self.vacant);
        if self.vacant == NONE {
            if self.places.capacity() == 0 {
                self.places.reserve_exact(room);
            }
            self.places.push(Place::Used(value));
            return self.places.len() - 1;
        }
        if let Place::Vacant(next) = mem::replace(&mut self.places[offset], Place::Used(value)) {
            self.vacant = next;
        }
        offset
    }

    fn remove(&mut self, offset: usize) -> T {
        let vacant = Place::Vacant(self.vacant);
        let Place::Used(value) = mem::replace(&mut self.places[offset], vacant) else {
            unreachable!("a place is vacated once")
        };
        self.vacant = u16::try_from(offset).unwrap_or(NONE);
        self.used -= 1;
        value
    }

    fn give_back(&mut self) {
        self.places = Vec::new();
        self.vacant = NONE;
    }
}

const fn split<const PAGE: usize>(at: u32) -> (usize, usize) {
    (at as usize / PAGE, at as usize % PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Small = Slab<u32, 4>;

    fn filled(count: u32) -> Small {
        let mut slab = Small::new();
        (0..count).for_each(|value| assert_eq!(slab.insert(value), value));
        slab
    }

    fn pages_in_use(slab: &Small) -> usize {
        let in_use = |page: &&Page<u32>| page.places.capacity() > 0;
        slab.pages.iter().filter(in_use).count()
    }

    #[test]
    fn what_was_put_in_is_found_under_its_number() {
        let mut slab = filled(10);
        assert_eq!(slab.remove(5), 5);
        assert_eq!(
            (slab.get(5), slab.get(6), slab.get(99)),
            (None, Some(&6), None)
        );
        slab[6] += 100;
        assert_eq!((slab[6], slab.len()), (106, 9));
        assert_eq!(slab.insert(77), 5);
        let all: Vec<u32> = slab.iter_from(4).map(|(_, value)| *value).collect();
        assert_eq!(all, [4, 77, 106, 7, 8, 9]);
    }

    #[test]
    fn pages_are_given_back_when_they_are_empty_but_for_one() {
        for order in [[0, 1, 2, 3], [3, 1, 0, 2]] {
            let mut slab = filled(16);
            for page in order {
                (0..4).for_each(|offset| _ = slab.remove(page * 4 + offset));
            }
            assert_eq!((slab.len(), pages_in_use(&slab)), (0, 1));
            (0..16).for_each(|value| _ = slab.insert(value));
            assert_eq!((slab.len(), slab.pages.len()), (16, 4));
        }
    }
}
