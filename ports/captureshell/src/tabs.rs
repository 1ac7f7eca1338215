/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The tabs of a window: which there are, in which order, and which one is in front.

/// Tabs in the order in which they are shown. Unless there are none, one is active.
#[derive(Debug)]
pub struct Tabs<T> {
    tabs: Vec<T>,
    active: usize,
}

impl<T> Default for Tabs<T> {
    fn default() -> Self {
        Self {
            tabs: Vec::new(),
            active: 0,
        }
    }
}

impl<T> Tabs<T> {
    /// Opens a tab to the right of the active one and makes it the active one.
    pub fn open(&mut self, tab: T) {
        let index = if self.tabs.is_empty() {
            0
        } else {
            self.active + 1
        };
        self.tabs.insert(index, tab);
        self.active = index;
    }

    /// Closes the tab at `index`. If it was the active one, its right neighbor becomes active, or
    /// its left one where there is none to the right.
    pub fn close(&mut self, index: usize) -> Option<T> {
        if index >= self.tabs.len() {
            return None;
        }
        let tab = self.tabs.remove(index);
        if index < self.active {
            self.active -= 1;
        }
        self.active = self.active.min(self.tabs.len().saturating_sub(1));
        Some(tab)
    }

    /// Brings the tab at `index` to the front. An index out of range changes nothing.
    pub fn activate(&mut self, index: usize) {
        if index < self.tabs.len() {
            self.active = index;
        }
    }

    /// Brings the tab `steps` to the right (negative: to the left) to the front, around the ends.
    pub fn activate_relative(&mut self, steps: isize) {
        if let Ok(count) = isize::try_from(self.tabs.len())
            && count > 0
        {
            self.active = (self.active as isize + steps).rem_euclid(count) as usize;
        }
    }

    /// The tab in front.
    pub fn active(&self) -> Option<&T> {
        self.tabs.get(self.active)
    }

    /// The index of the tab in front; 0 when there is none.
    pub fn active_index(&self) -> usize {
        self.active
    }

    /// All tabs, from left to right.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.tabs.iter()
    }

    /// The index of the first tab for which `is_it` holds.
    pub fn position(&self, is_it: impl FnMut(&T) -> bool) -> Option<usize> {
        self.tabs.iter().position(is_it)
    }

    /// Whether there is no tab.
    pub fn is_empty(&self) -> bool {
        self.tabs.is_empty()
    }

    /// Closes all tabs.
    pub fn take_all(&mut self) -> Vec<T> {
        self.active = 0;
        std::mem::take(&mut self.tabs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tabs(names: &str) -> Tabs<char> {
        let mut tabs = Tabs::default();
        for name in names.chars() {
            tabs.open(name);
        }
        tabs
    }

    fn check(tabs: &Tabs<char>, order: &str, active: Option<char>) {
        assert_eq!(tabs.iter().collect::<String>(), order);
        assert_eq!(tabs.active().copied(), active);
    }

    #[test]
    fn a_tab_opens_to_the_right_of_the_active_one() {
        let mut tabs = tabs("abc");
        tabs.activate(0);
        tabs.open('d');
        check(&tabs, "adbc", Some('d'));
    }

    #[test]
    fn closing_the_active_tab_activates_its_right_neighbor() {
        let mut tabs = tabs("abc");
        tabs.activate(1);
        assert_eq!(tabs.close(1), Some('b'));
        check(&tabs, "ac", Some('c'));
    }

    #[test]
    fn closing_the_last_tab_in_the_row_activates_its_left_neighbor() {
        let mut tabs = tabs("abc");
        tabs.close(2);
        check(&tabs, "ab", Some('b'));
    }

    #[test]
    fn closing_another_tab_keeps_the_active_one() {
        let mut tabs = tabs("abc");
        tabs.close(0);
        check(&tabs, "bc", Some('c'));
        tabs.activate(0);
        tabs.close(1);
        check(&tabs, "b", Some('b'));
        tabs.close(0);
        check(&tabs, "", None);
        assert_eq!(tabs.close(0), None);
    }

    #[test]
    fn going_through_the_tabs_wraps_around() {
        let mut tabs = tabs("abc");
        tabs.activate_relative(1);
        check(&tabs, "abc", Some('a'));
        tabs.activate_relative(-1);
        check(&tabs, "abc", Some('c'));
        Tabs::<char>::default().activate_relative(1);
    }

    #[test]
    fn activating_what_is_not_there_changes_nothing() {
        let mut tabs = tabs("ab");
        tabs.activate(7);
        check(&tabs, "ab", Some('b'));
    }
}
