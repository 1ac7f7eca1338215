/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The indicator's stand-in where there is no display: for synthetic monitors,
//! and for tests of everything above the trait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Indicator, IndicatorContent, IndicatorError, UserAction};
use crate::grabber::WakeBy;
use crate::monitor::{Monitor, MonitorId};

/// How often it is looked after.
const KEEP_PERIOD: Duration = Duration::from_millis(100);

/// Entries of the history that are kept.
const HISTORY: usize = 1024;

/// What happened to a [`SyntheticIndicator`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IndicatorEvent {
    /// It was shown, on these monitors and no others.
    Shown {
        /// What it says.
        content: IndicatorContent,
        /// Where, in the order asked for.
        monitors: Vec<MonitorId>,
    },
    /// It could not be shown and is nowhere now.
    Failed(IndicatorError),
    /// It was lost.
    Lost(IndicatorError),
    /// It was taken down.
    Hidden,
}

/// One line of an [`IndicatorLog`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndicatorRecord {
    /// Larger than that of everything earlier that counts with the same
    /// counter; see [`IndicatorLog::counting_with`].
    pub sequence: u64,
    /// What happened.
    pub event: IndicatorEvent,
}

/// A handle to what a [`SyntheticIndicator`] shows and did, and a way to make
/// it fail. Clones see the same.
#[derive(Clone, Debug, Default)]
pub struct IndicatorLog {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    counter: Arc<AtomicU64>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    shown: BTreeMap<MonitorId, (String, IndicatorContent)>,
    history: VecDeque<IndicatorRecord>,
    fail_next: Option<String>,
    lost: Option<IndicatorError>,
    actions: Vec<UserAction>,
}

impl IndicatorLog {
    /// An empty log with a counter of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty log that takes its sequence numbers from `counter`: whatever
    /// else counts with it, such as the frames of a test, can be put in order
    /// with the indicator.
    pub fn counting_with(counter: Arc<AtomicU64>) -> Self {
        Self {
            shared: Arc::new(Shared {
                counter,
                ..Shared::default()
            }),
        }
    }

    /// What is shown now, for each monitor.
    pub fn shown(&self) -> BTreeMap<MonitorId, IndicatorContent> {
        let state = self.lock();
        let content =
            |(id, (_, content)): (&MonitorId, &(String, IndicatorContent))| (*id, content.clone());
        state.shown.iter().map(content).collect()
    }

    /// What happened so far, oldest first; the newest 1024 entries.
    pub fn history(&self) -> Vec<IndicatorRecord> {
        self.lock().history.iter().cloned().collect()
    }

    /// Lets the next [`Indicator::show`] fail for this reason.
    pub fn fail_next(&self, reason: impl Into<String>) {
        self.lock().fail_next = Some(reason.into());
    }

    /// Takes the indicator off a monitor, as another program could: the next
    /// [`Indicator::keep`] tells. Whether it was shown there.
    pub fn lose_now(&self, monitor: MonitorId, reason: impl Into<String>) -> bool {
        let mut state = self.lock();
        let Some((label, _)) = state.shown.remove(&monitor) else {
            return false;
        };
        state.lost = Some(IndicatorError::Lost {
            label,
            reason: reason.into(),
        });
        true
    }

    /// The person in front of the monitors does something with the indicator:
    /// the next [`Indicator::keep`] tells, if it is shown then.
    pub fn act(&self, action: UserAction) {
        self.lock().actions.push(action);
    }

    /// Waits until the history satisfies `condition`. Whether it did in time.
    pub fn wait_until(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&[IndicatorRecord]) -> bool,
    ) -> bool {
        let (_state, waited) = self
            .shared
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| {
                !condition(state.history.make_contiguous())
            })
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything can panic.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, state: &mut State, event: IndicatorEvent) {
        if state.history.len() == HISTORY {
            state.history.pop_front();
        }
        state.history.push_back(IndicatorRecord {
            sequence: self.shared.counter.fetch_add(1, Ordering::SeqCst),
            event,
        });
        self.shared.changed.notify_all();
    }
}

/// Shows nothing to anybody, and says what it would show.
#[derive(Debug, Default)]
pub struct SyntheticIndicator {
    log: IndicatorLog,
}

impl SyntheticIndicator {
    /// An indicator that tells `log`.
    pub fn new(log: IndicatorLog) -> Self {
        Self { log }
    }

    /// The log.
    pub fn log(&self) -> IndicatorLog {
        self.log.clone()
    }
}

impl Indicator for SyntheticIndicator {
    fn show(
        &mut self,
        content: &IndicatorContent,
        monitors: &[Monitor],
    ) -> Result<(), IndicatorError> {
        let mut state = self.log.lock();
        state.shown.clear();
        state.lost = None;
        if let Some(reason) = state.fail_next.take() {
            let error = IndicatorError::CannotShow(reason);
            self.log
                .record(&mut state, IndicatorEvent::Failed(error.clone()));
            return Err(error);
        }
        for monitor in monitors {
            let shown = (monitor.label.clone(), content.clone());
            state.shown.insert(monitor.id, shown);
        }
        let event = IndicatorEvent::Shown {
            content: content.clone(),
            monitors: monitors.iter().map(|monitor| monitor.id).collect(),
        };
        self.log.record(&mut state, event);
        Ok(())
    }

    fn hide(&mut self) {
        let mut state = self.log.lock();
        let was_shown = !state.shown.is_empty() || state.lost.is_some();
        state.shown.clear();
        state.lost = None;
        if was_shown {
            self.log.record(&mut state, IndicatorEvent::Hidden);
        }
    }

    fn keep(&mut self, told: &mut dyn FnMut(UserAction)) -> Result<(), IndicatorError> {
        let mut state = self.log.lock();
        state.actions.drain(..).for_each(&mut *told);
        let Some(error) = state.lost.take() else {
            return Ok(());
        };
        self.log
            .record(&mut state, IndicatorEvent::Lost(error.clone()));
        Err(error)
    }

    fn wakes_by(&self) -> WakeBy<'_> {
        WakeBy::Period(KEEP_PERIOD)
    }
}

impl Drop for SyntheticIndicator {
    fn drop(&mut self) {
        self.hide();
    }
}

/// Where there is no place to draw an indicator: nothing can be captured.
#[derive(Clone, Debug)]
pub struct NoIndicator {
    reason: String,
}

impl NoIndicator {
    /// Fails every [`Indicator::show`] for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl Indicator for NoIndicator {
    fn show(&mut self, _: &IndicatorContent, _: &[Monitor]) -> Result<(), IndicatorError> {
        Err(IndicatorError::CannotShow(self.reason.clone()))
    }

    fn hide(&mut self) {}

    fn keep(&mut self, _: &mut dyn FnMut(UserAction)) -> Result<(), IndicatorError> {
        Err(IndicatorError::CannotShow(self.reason.clone()))
    }

    fn wakes_by(&self) -> WakeBy<'_> {
        WakeBy::Period(KEEP_PERIOD)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::monitor::tests::monitor;

    fn content(origin: &str) -> IndicatorContent {
        IndicatorContent {
            origins: vec![origin.to_owned()],
            live: true,
            ..IndicatorContent::default()
        }
    }

    fn two_monitors() -> [Monitor; 2] {
        [monitor(1, 0, 0, 800, 600), monitor(2, 800, 0, 800, 600)]
    }

    fn shown_on(log: &IndicatorLog) -> Vec<u64> {
        log.shown().keys().map(|id| id.0).collect()
    }

    #[test]
    fn the_log_tells_what_is_shown_where_and_in_which_order() {
        let counter = Arc::new(AtomicU64::new(7));
        let log = IndicatorLog::counting_with(counter.clone());
        let mut indicator = SyntheticIndicator::new(log.clone());
        let monitors = two_monitors();
        indicator
            .show(&content("https://a.example"), &monitors)
            .unwrap();
        assert_eq!(shown_on(&log), [1, 2]);
        let frame = counter.fetch_add(1, Ordering::SeqCst);
        indicator
            .show(&content("https://b.example"), &monitors[..1])
            .unwrap();
        assert_eq!(shown_on(&log), [1]);
        assert_eq!(log.shown()[&MonitorId(1)], content("https://b.example"));
        drop(indicator);
        assert!(log.shown().is_empty());
        let history = log.history();
        assert!(history[0].sequence < frame && frame < history[1].sequence);
        assert_eq!(history[2].event, IndicatorEvent::Hidden);
        assert_eq!(history.len(), 3);
    }

    #[test]
    fn a_failure_is_told_once_and_leaves_nothing_shown() {
        let log = IndicatorLog::new();
        let mut indicator = SyntheticIndicator::new(log.clone());
        indicator
            .show(&content("https://a.example"), &two_monitors())
            .unwrap();
        log.fail_next("no room");
        let error = IndicatorError::CannotShow("no room".to_owned());
        let shown = indicator.show(&content("https://b.example"), &two_monitors());
        assert_eq!(shown, Err(error.clone()));
        assert!(log.shown().is_empty());
        assert_eq!(log.history()[1].event, IndicatorEvent::Failed(error));
        indicator
            .show(&content("https://b.example"), &two_monitors())
            .unwrap();
        assert_eq!(shown_on(&log), [1, 2]);
    }

    #[test]
    fn a_lost_indicator_is_told_by_keep_and_restored_by_show() {
        let log = IndicatorLog::new();
        let mut indicator = SyntheticIndicator::new(log.clone());
        assert!(!log.lose_now(MonitorId(2), "not shown"));
        indicator
            .show(&content("https://a.example"), &two_monitors())
            .unwrap();
        assert_eq!(indicator.keep(&mut |_| {}), Ok(()));
        assert!(log.lose_now(MonitorId(2), "covered"));
        assert_eq!(shown_on(&log), [1]);
        let lost = IndicatorError::Lost {
            label: "M2".to_owned(),
            reason: "covered".to_owned(),
        };
        assert_eq!(indicator.keep(&mut |_| {}), Err(lost));
        assert_eq!(indicator.keep(&mut |_| {}), Ok(()));
        indicator
            .show(&content("https://a.example"), &two_monitors())
            .unwrap();
        assert_eq!(shown_on(&log), [1, 2]);
    }

    #[test]
    fn waiting_ends_with_the_event_or_with_the_deadline() {
        let log = IndicatorLog::new();
        let waiting = log.clone();
        let waiter = thread::spawn(move || {
            waiting.wait_until(Duration::from_secs(10), |history| !history.is_empty())
        });
        let mut indicator = SyntheticIndicator::new(log.clone());
        indicator
            .show(&content("https://a.example"), &two_monitors())
            .unwrap();
        assert!(waiter.join().unwrap());
        assert!(!log.wait_until(Duration::from_millis(20), |history| history.len() > 9));
    }

    #[test]
    fn the_history_is_bounded() {
        let log = IndicatorLog::new();
        let mut indicator = SyntheticIndicator::new(log.clone());
        for _ in 0..HISTORY + 10 {
            indicator
                .show(&content("https://a.example"), &two_monitors())
                .unwrap();
        }
        assert_eq!(log.history().len(), HISTORY);
        assert_eq!(log.history()[0].sequence, 10);
    }

    #[test]
    fn without_a_place_to_draw_nothing_can_be_shown() {
        let mut indicator = NoIndicator::new("a Wayland session without layers");
        let shown = indicator.show(&content("https://a.example"), &two_monitors());
        assert_eq!(
            shown.unwrap_err().to_string(),
            "a Wayland session without layers"
        );
        assert!(indicator.keep(&mut |_| {}).is_err());
    }
}
