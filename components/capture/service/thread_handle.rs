/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The way to a thread that waits in a poller, for commands and for something
//! else.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use polling::Poller;

/// The way to such a thread. Dropping it ends the thread, which finds the sender
/// of its commands gone.
pub(super) struct ThreadHandle<Command> {
    name: &'static str,
    /// None only while it is dropped, or when there is no thread.
    commands: Option<Sender<Command>>,
    poller: Option<Arc<Poller>>,
}

impl<Command: Send + 'static> ThreadHandle<Command> {
    /// Starts a thread of this name, with room for so many commands. Without a
    /// thread every command is refused as if it had ended.
    pub(super) fn spawn(
        name: &'static str,
        max_waiting: usize,
        body: impl FnOnce(&Receiver<Command>, &Poller) + Send + 'static,
    ) -> (Self, Option<JoinHandle<()>>) {
        let (commands, receiver) = bounded(max_waiting);
        let started = Poller::new().and_then(|poller| {
            let poller = Arc::new(poller);
            let waiting = poller.clone();
            let thread = thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || body(&receiver, &waiting))?;
            Ok((poller, thread))
        });
        let (commands, poller, thread) = match started {
            Ok((poller, thread)) => (Some(commands), Some(poller), Some(thread)),
            Err(error) => {
                log::error!("{name} cannot run: {error}");
                (None, None, None)
            }
        };
        let handle = Self {
            name,
            commands,
            poller,
        };
        (handle, thread)
    }

    /// Hands a command over, unless there are too many already, and wakes the
    /// thread. Does not block.
    ///
    /// # Errors
    /// When there is no room, or no thread.
    pub(super) fn try_send(&self, command: Command) -> Result<(), TrySendError<Command>> {
        self.leave(command)?;
        self.wake();
        Ok(())
    }

    /// As [`ThreadHandle::try_send`], for a command that can wait until the thread
    /// wakes up for something else.
    ///
    /// # Errors
    /// When there is no room, or no thread.
    pub(super) fn leave(&self, command: Command) -> Result<(), TrySendError<Command>> {
        match &self.commands {
            Some(commands) => commands.try_send(command),
            None => Err(TrySendError::Disconnected(command)),
        }
    }
}

impl<Command> ThreadHandle<Command> {
    /// Wakes the thread.
    pub(super) fn wake(&self) {
        if let Some(poller) = &self.poller
            && let Err(error) = poller.notify()
        {
            log::warn!("{} could not be woken: {error}", self.name);
        }
    }
}

impl<Command> Drop for ThreadHandle<Command> {
    fn drop(&mut self) {
        drop(self.commands.take());
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use crossbeam_channel::TryRecvError;
    use polling::Events;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn what_is_left_waits_for_what_is_sent_and_the_end_comes_by_itself() {
        let (told, hears) = mpsc::channel();
        let (handle, thread) = ThreadHandle::spawn("Test", 2, move |commands, poller| {
            loop {
                match commands.try_recv() {
                    Ok(command) => told.send(command).unwrap(),
                    Err(TryRecvError::Empty) => {
                        told.send(0).unwrap();
                        poller.wait(&mut Events::new(), None).unwrap();
                    }
                    Err(TryRecvError::Disconnected) => return,
                }
            }
        });
        assert_eq!(hears.recv_timeout(PATIENCE), Ok(0), "it waits");
        handle.leave(1).unwrap();
        handle.try_send(2).unwrap();
        let heard: Vec<u32> = (0..3)
            .map(|_| hears.recv_timeout(PATIENCE).unwrap())
            .collect();
        assert_eq!(heard, [1, 2, 0]);
        handle.leave(3).unwrap();
        handle.leave(4).unwrap();
        assert!(matches!(handle.leave(5), Err(TrySendError::Full(5))));
        drop(handle);
        thread.unwrap().join().unwrap();
    }
}
