//! Logins, and how many may fail.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use levada_engine::{EmbeddedSession, Engine};
use levada_model::{Login, SessionError, SessionOptions, StatusCode};
use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::Instant};
use tracing::warn;

/// So many logins of an address may fail one after the other …
const FAILURES_BEFORE_WAIT: u32 = 10;
/// … and then one in such a time.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// So many addresses are remembered.
const ADDRESSES: usize = 10_000;
/// So many logins are looked at at once: of those that wait, more may have failed when their turn comes.
const TURNS: usize = 2;

/// Logs clients in.
#[derive(Debug)]
pub(crate) struct Logins {
    turns: Semaphore,
    failures: Mutex<Failures>,
}

impl Default for Logins {
    fn default() -> Self {
        Self { turns: Semaphore::new(TURNS), failures: Mutex::default() }
    }
}

impl Logins {
    /// Opens a session of a user.
    ///
    /// # Errors
    /// User and password do not fit, or too many logins from the address have failed.
    pub(crate) async fn open(
        &self,
        engine: &Engine,
        (user, password): (&str, &str),
        from: SocketAddr,
        timeout: Duration,
    ) -> Result<EmbeddedSession, SessionError> {
        let ended = |_| SessionError::new(StatusCode::NOT_LOGIN, "the server has ended");
        let _turn = self.turns.acquire().await.map_err(ended)?;
        let opened = match self.may_try(from) {
            Ok(()) => {
                let login = Login { user: user.to_owned(), password: password.to_owned() };
                let options = SessionOptions {
                    login: Some(login),
                    address: Some(from.to_string()),
                    timeout: Some(timeout),
                    ..SessionOptions::default()
                };
                engine.open_session(options).await
            }
            Err(error) => Err(error),
        };
        opened.inspect_err(|error| {
            warn!(target: "audit", user, address = %from, code = error.code.0, reason = error.message, "a login was rejected");
            if error.code == StatusCode::WRONG_LOGIN_PASSWORD {
                self.failures.lock().add(from.ip(), Instant::now());
            }
        })
    }

    fn may_try(&self, from: SocketAddr) -> Result<(), SessionError> {
        /// As servers from 2.0.5 on have it.
        const USER_LOGIN_LOCKED: StatusCode = StatusCode(822);
        match self.failures.lock().wait(from.ip(), Instant::now()) {
            None => Ok(()),
            Some(wait) => {
                let message = format!(
                    "too many logins from this address have failed: try again in {} s",
                    wait.as_secs_f32().ceil()
                );
                Err(SessionError::new(USER_LOGIN_LOCKED, message))
            }
        }
    }
}

/// Logins that failed, by address.
#[derive(Debug, Default)]
struct Failures {
    /// When the failures of an address will be forgotten.
    forgotten: HashMap<IpAddr, Instant>,
}

impl Failures {
    fn add(&mut self, from: IpAddr, now: Instant) {
        if self.forgotten.len() >= ADDRESSES {
            self.forgotten.retain(|_, at| *at > now);
        }
        if self.forgotten.len() >= ADDRESSES {
            // Whoever has that many addresses is not held up by this.
            self.forgotten.clear();
        }
        let at = self.forgotten.entry(network(from)).or_insert(now);
        *at = (*at).max(now) + AGAIN_AFTER;
    }

    /// How long an address has to wait before it may try again.
    fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let owed = self.forgotten.get(&network(from))?.saturating_duration_since(now);
        let most = AGAIN_AFTER * (FAILURES_BEFORE_WAIT - 1);
        owed.checked_sub(most).filter(|wait| !wait.is_zero())
    }
}

/// What one party has of addresses: one, or the lower half of those of version 6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(bits).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_many_failures_an_address_has_to_wait_and_others_do_not() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let (bad, other) = (address("10.0.0.1"), address("10.0.0.2"));
        for _ in 0..FAILURES_BEFORE_WAIT {
            assert_eq!(failures.wait(bad, now), None);
            failures.add(bad, now);
        }
        assert_eq!(failures.wait(bad, now), Some(AGAIN_AFTER));
        assert_eq!(failures.wait(address("::ffff:10.0.0.1"), now), Some(AGAIN_AFTER));
        assert_eq!(failures.wait(other, now), None);
        let later = now + AGAIN_AFTER;
        assert_eq!(failures.wait(bad, later), None, "once in a while it may try again");
        failures.add(bad, later);
        assert_eq!(failures.wait(bad, later), Some(AGAIN_AFTER));
        assert_eq!(failures.wait(bad, later + AGAIN_AFTER * FAILURES_BEFORE_WAIT), None);
    }

    #[test]
    fn addresses_of_one_network_of_version_6_are_one() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for last in 0..FAILURES_BEFORE_WAIT {
            failures.add(format!("2001:db8::{last:x}").parse().expect("an address"), now);
        }
        assert!(failures.wait("2001:db8::ffff".parse().expect("an address"), now).is_some());
        assert!(failures.wait("2001:db8:0:1::1".parse().expect("an address"), now).is_none());
    }

    #[test]
    fn only_so_many_addresses_are_remembered() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for number in 0..2 * ADDRESSES as u32 + 1 {
            failures.add(IpAddr::V4(number.into()), now);
        }
        assert!(failures.forgotten.len() <= ADDRESSES);
    }
}
