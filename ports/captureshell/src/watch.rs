/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reads the preferences again when their files change, so that what they allow less is taken away
//! at once. What they allow more waits for the next start.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use servo_capture::CaptureControl;

use crate::cli::{Arguments, MANAGED_PREFERENCES};
use crate::information::{Facts, Link};
use crate::{config, output};

/// Whoever writes a file is given this long to write the rest of it. A file that is not whole by
/// then turns capture off.
const QUIET: Duration = Duration::from_millis(300);
/// The longest time from a change to reading it, however much else changes.
const LONGEST: Duration = Duration::from_secs(2);
/// How often files are read that cannot be watched.
const POLL: Duration = Duration::from_secs(5);

/// Watches from now on, on a thread of its own.
pub fn start(arguments: &Arguments, control: CaptureControl, facts: Arc<Facts>, link: Arc<Link>) {
    let arguments = arguments.clone();
    let places = places(&arguments);
    let mut known = facts.preferences().problems;
    let read = move || {
        let configuration = config::load_again(&arguments);
        facts.update(&configuration);
        let problems = facts.preferences().problems;
        let mut news = problems.clone();
        news.retain(|problem| !known.contains(problem));
        known = problems;
        for problem in &news {
            output::complain(format_args!("{problem}"));
        }
        if let Err(error) = control.narrow(configuration.policy, news) {
            output::complain(format_args!("the preferences have changed, but {error}"));
        }
        link.change();
    };
    spawn(places, read);
}

fn spawn(places: Vec<PathBuf>, read: impl FnMut() + Send + 'static) {
    let spawned = thread::Builder::new()
        .name("Preferences".to_owned())
        .spawn(move || run(&places, read));
    if let Err(error) = spawned {
        output::complain(format_args!("the preferences are not watched: {error}"));
    }
}

/// The files and directories that preferences are read from.
fn places(arguments: &Arguments) -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(MANAGED_PREFERENCES)];
    let named = [&arguments.prefs_file, &arguments.managed_prefs_dir];
    for path in named.into_iter().flatten() {
        if let Ok(path) = std::path::absolute(path) {
            places.push(path);
        }
    }
    places
}

/// Reads at once, and after every change; never returns.
fn run(places: &[PathBuf], mut read: impl FnMut()) {
    let (bell, rings) = bounded(1);
    let mut was_blind = false;
    let mut eyes = None;
    loop {
        // Others are to be watched after a change: a directory came, a link leads elsewhere. The
        // old ones are closed after the new ones are open, and then it is read, so that no change
        // is missed.
        let opened = Eyes::open(places, &bell);
        let is_blind = opened.is_err();
        if let Err(error) = &opened
            && !was_blind
        {
            output::complain(format_args!(
                "changes of the preferences are looked for every {} seconds: {error}",
                POLL.as_secs()
            ));
        }
        was_blind = is_blind;
        drop(std::mem::replace(&mut eyes, opened.ok()));
        read();
        if is_blind {
            let _ = rings.recv_timeout(POLL);
        } else if rings.recv().is_err() {
            return;
        }
        wait_until_quiet(&rings);
    }
}

fn wait_until_quiet(rings: &Receiver<()>) {
    let deadline = Instant::now() + LONGEST;
    while Instant::now() < deadline {
        match rings.recv_timeout(QUIET) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Sees changes while it lives.
struct Eyes(#[expect(dead_code, reason = "it ends when dropped")] RecommendedWatcher);

impl Eyes {
    fn open(places: &[PathBuf], bell: &Sender<()>) -> notify::Result<Self> {
        let bell = bell.clone();
        let mut all = places.to_vec();
        // Where links lead.
        all.extend(places.iter().filter_map(|place| place.canonicalize().ok()));
        let watched = all.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.map_or(true, |event| concerns(&event, &all)) {
                // Full: it rings already.
                let _ = bell.try_send(());
            }
        })?;
        for folder in folders(&watched) {
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Err(error) if folder.exists() => return Err(error),
                // Gone meanwhile, or open.
                _ => {}
            }
        }
        Ok(Self(watcher))
    }
}

/// Every folder in which a change can change what is read: the places, and all above them.
fn folders(places: &[PathBuf]) -> BTreeSet<PathBuf> {
    let folders = places.iter().flat_map(|place| place.ancestors());
    folders
        .filter(|folder| folder.is_dir())
        .map(Path::to_owned)
        .collect()
}

/// Whether it is about one of the places, what is in it, or what it is in; and not only about
/// somebody reading it.
fn concerns(event: &Event, places: &[PathBuf]) -> bool {
    if event.need_rescan() {
        return true;
    }
    if let EventKind::Access(access) = event.kind
        && access != AccessKind::Close(AccessMode::Write)
    {
        return false;
    }
    let touches = |path: &PathBuf| {
        places
            .iter()
            .any(|place| path.starts_with(place) || place.starts_with(path))
    };
    event.paths.iter().any(touches)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// What is in the file at each reading.
    struct Reader {
        readings: Receiver<Option<String>>,
    }

    impl Reader {
        fn start(places: Vec<PathBuf>, file: PathBuf) -> Self {
            let (sender, readings) = bounded(64);
            spawn(places, move || {
                let _ = sender.try_send(fs::read_to_string(&file).ok());
            });
            Self { readings }
        }

        #[track_caller]
        fn expect(&self, text: Option<&str>) {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let reading = self.readings.recv_deadline(deadline);
                let reading = reading.unwrap_or_else(|_| panic!("{text:?} was not read"));
                if reading.as_deref() == text {
                    return;
                }
            }
        }
    }

    #[test]
    fn every_way_to_change_a_managed_file_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let managed = root.path().join("etc/policies/managed");
        let file = managed.join("a.json");
        let reader = Reader::start(vec![managed.clone()], file.clone());
        reader.expect(None);
        // The directory is made only now.
        fs::create_dir_all(&managed).unwrap();
        fs::write(&file, "one").unwrap();
        reader.expect(Some("one"));
        fs::write(&file, "two").unwrap();
        reader.expect(Some("two"));
        // As editors write.
        fs::write(managed.join("new"), "three").unwrap();
        fs::rename(managed.join("new"), &file).unwrap();
        reader.expect(Some("three"));
        // Another directory in its place.
        let other = root.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("a.json"), "four").unwrap();
        fs::rename(&managed, root.path().join("old")).unwrap();
        symlink(&other, &managed).unwrap();
        reader.expect(Some("four"));
        // And where the link leads.
        fs::write(other.join("a.json"), "five").unwrap();
        reader.expect(Some("five"));
        fs::remove_file(&file).unwrap();
        reader.expect(None);
    }

    #[test]
    fn a_change_of_rights_is_a_change() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a.json");
        fs::write(&file, "{}").unwrap();
        let reader = Reader::start(vec![root.path().to_owned()], file.clone());
        reader.expect(Some("{}"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        reader.expect(Some("{}"));
    }

    #[test]
    fn reading_and_what_happens_elsewhere_is_no_change() {
        let places = [PathBuf::from("/etc/policies")];
        let is_change = |kind: EventKind, path: &str| {
            concerns(&Event::new(kind).add_path(path.into()), &places)
        };
        use notify::event::{CreateKind, ModifyKind};
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let modify = EventKind::Modify(ModifyKind::Any);
        assert!(!is_change(open, "/etc/policies/a.json"));
        assert!(is_change(close, "/etc/policies/a.json"));
        assert!(is_change(modify, "/etc/policies"));
        assert!(is_change(EventKind::Create(CreateKind::Folder), "/etc"));
        assert!(!is_change(modify, "/etc/passwd"));
        assert!(!is_change(modify, "/etc/policies-of-others/a.json"));
    }
}
