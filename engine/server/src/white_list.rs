//! Which addresses pipes of others may come from: `ip_white_list`.

use std::{fmt, net::IpAddr, str::FromStr};

/// Networks, as `192.168.0.0/16,10.0.0.7,fd00::/8`: an address alone is a network of one. Nobody is in an empty list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhiteList {
    text: String,
    networks: Vec<(IpAddr, u8)>,
}

/// What is no list of networks, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{network}` is no network: write it as `192.168.0.0/16`, `10.0.0.7` or `fd00::/8`, and several with commas between"
)]
pub struct WhiteListError {
    network: String,
}

impl WhiteList {
    /// Whether an address is in one of the networks.
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|(network, bits)| is_in(address, *network, *bits))
    }
}

/// This machine alone.
impl Default for WhiteList {
    fn default() -> Self {
        "127.0.0.1/32".parse().expect("a network")
    }
}

impl fmt::Display for WhiteList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for WhiteList {
    type Err = WhiteListError;

    fn from_str(text: &str) -> Result<Self, WhiteListError> {
        let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
        let network = |text: &str| parse(text).ok_or_else(|| WhiteListError { network: text.to_owned() });
        Ok(Self { text: text.to_owned(), networks: networks.map(network).collect::<Result<_, _>>()? })
    }
}

fn parse(network: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match network.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (network, None),
    };
    let address: IpAddr = address.trim().parse().ok()?;
    let all = width(address);
    let bits = bits.map_or(Some(all), |bits| bits.trim().parse().ok())?;
    (bits <= all).then_some((address, bits))
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The bits of an address, from the highest of 128 on.
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or_default();
    address.is_ipv4() == network.is_ipv4() && bits_of(address) & mask == bits_of(network) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(list: &str, address: &str) -> bool {
        list.parse::<WhiteList>().expect(list).admits(address.parse().expect(address))
    }

    #[test]
    fn networks_have_the_addresses_that_begin_as_they_do() {
        assert!(WhiteList::default().admits("127.0.0.1".parse().expect("an address")));
        assert!(!WhiteList::default().admits("127.0.0.2".parse().expect("an address")));
        assert!(admits("10.0.0.0/8, 192.168.1.7", "10.200.3.4"));
        assert!(admits("10.0.0.0/8, 192.168.1.7", "192.168.1.7"));
        assert!(!admits("10.0.0.0/8, 192.168.1.7", "192.168.1.8"));
        assert!(admits("192.168.1.77/24", "192.168.1.1"));
        assert!(admits("0.0.0.0/0", "8.8.8.8"));
        assert!(!admits("0.0.0.0/0", "::1"));
        assert!(admits("fd00::/8,::1", "fd12::9"));
        assert!(admits("::1", "::1"));
        assert!(!admits("fd00::/8", "fe80::1"));
        // As a socket of both families names an address of IPv4.
        assert!(admits("127.0.0.1/32", "::ffff:127.0.0.1"));
    }

    #[test]
    fn nobody_is_in_an_empty_list_and_nonsense_is_none() {
        assert!(!admits("", "127.0.0.1") && !admits(" , ", "127.0.0.1"));
        for wrong in ["localhost", "10.0.0.0/33", "10.0.0/8", "::1/129", "10.0.0.0/x"] {
            assert!(wrong.parse::<WhiteList>().expect_err(wrong).to_string().contains(wrong));
        }
    }
}
