//! Why the server ends: by a signal, because one of its threads has ended, or because another process
//! takes over.
//!
//! The clients of such a thread are lost, and its part of the new ones would not be accepted. So the
//! process ends, with a status, and can be started again.

use std::sync::mpsc::{Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::handover::gate::Candidate;

pub(crate) enum Cause {
    Signal,
    ThreadEnd,
    Successor(Candidate),
}

/// Reports the end of a thread when it is dropped, also by a panic.
struct ThreadEnd(Sender<Cause>);

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        let _ = self.0.send(Cause::ThreadEnd);
    }
}

/// Runs a thread whose end is reported, whatever its cause.
pub(crate) fn report<T: Send + 'static>(
    causes: Sender<Cause>,
    run: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let end = ThreadEnd(causes);
    thread::spawn(move || {
        let _end = end;
        run()
    })
}

/// Waits until the server has to end. An error is the end of a thread.
pub(crate) fn wait(causes: &Receiver<Cause>) -> Result<Option<Candidate>, &'static str> {
    match causes.recv() {
        Ok(Cause::Signal) => Ok(None),
        Ok(Cause::Successor(candidate)) => Ok(Some(candidate)),
        Ok(Cause::ThreadEnd) | Err(_) => Err("a thread has ended"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_that_ends_ends_the_process_with_an_error() {
        let ends: [fn(); 2] = [|| (), || assert_eq!(1, 2, "a fault")];
        for end in ends {
            let (sender, causes) = channel();
            let thread = report(sender.clone(), end);
            assert!(wait(&causes).is_err());
            let _ = thread.join();
            let _ = sender.send(Cause::Signal);
            assert!(wait(&causes).is_ok());
        }
    }
}
