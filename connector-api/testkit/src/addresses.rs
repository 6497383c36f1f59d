//! Addresses for servers of tests.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// An address of this machine that nobody listens at, and that is given to nobody else: beyond those that the system gives away by itself.
pub fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let next = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = std::process::id().wrapping_mul(97).wrapping_add(next);
        let address = format!("127.0.0.1:{}", 20_000 + offset % 12_000);
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
