//! Names by number, for as long as a key has them: memory is bounded by the keys, also where devices are made up.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use super::Put;

/// The number of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(u32);

/// Names that are in use.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, Name, RandomState>,
    slots: Vec<Slot>,
    free: Vec<Name>,
    /// Numbers that may be of no use.
    unused: Vec<Name>,
}

#[derive(Debug)]
struct Slot {
    text: Arc<str>,
    /// Keys that have it.
    uses: usize,
}

impl Names {
    /// The number of a name. It stays until the next [`Names::release`], or for as long as it is held.
    pub(super) fn of(&mut self, text: &str) -> Name {
        if let Some(&known) = self.numbers.get(text) {
            return known;
        }
        let text: Arc<str> = text.into();
        let slot = Slot { text: Arc::clone(&text), uses: 0 };
        let name = match self.free.pop() {
            Some(name) => {
                self.slots[name.0 as usize] = slot;
                name
            }
            None => {
                self.slots.push(slot);
                Name(u32::try_from(self.slots.len() - 1).expect("there are fewer names than keys"))
            }
        };
        self.numbers.insert(text, name);
        self.unused.push(name);
        name
    }

    pub(super) fn text(&self, name: Name) -> &str {
        &self.slots[name.0 as usize].text
    }

    pub(super) fn hold(&mut self, name: Name) {
        self.slots[name.0 as usize].uses += 1;
    }

    pub(super) fn let_go(&mut self, name: Name) {
        let slot = &mut self.slots[name.0 as usize];
        slot.uses -= 1;
        if slot.uses == 0 {
            self.unused.push(name);
        }
    }

    /// Forgets the names that no key has.
    pub(super) fn release(&mut self) {
        for name in std::mem::take(&mut self.unused) {
            let slot = &self.slots[name.0 as usize];
            // It may be there twice, or be in use again.
            if slot.uses == 0 && self.numbers.remove(&slot.text).is_some() {
                self.free.push(name);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }
}

/// Writes keys, and each name that they have once.
pub(super) fn save(
    whole: bool,
    keys: impl ExactSizeIterator<Item = (Name, Name, i64)> + Clone,
    names: &Names,
    state: &mut Vec<u8>,
) {
    let mut places: HashMap<Name, u64, RandomState> = HashMap::default();
    let mut texts = Vec::new();
    for name in keys.clone().flat_map(|(device, measurements, _)| [device, measurements]) {
        places.entry(name).or_insert_with(|| {
            texts.push(names.text(name));
            texts.len() as u64 - 1
        });
    }
    let mut put = Put(state);
    put.byte(u8::from(whole));
    put.number(texts.len() as u64);
    texts.iter().for_each(|text| put.text(text));
    put.number(keys.len() as u64);
    for (device, measurements, time) in keys {
        put.number(places[&device]);
        put.number(places[&measurements]);
        put.signed(time);
    }
}
