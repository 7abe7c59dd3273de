//! Which address stands for which name: every name that is looked up gets one of its own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// 198.18.0.0/15, which is set aside for tests of network devices (RFC 2544 §C.2.2): no real host has one of them.
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 1]);
const LAST: u32 = u32::from_be_bytes([198, 19, 255, 254]);

/// Addresses that were given to names, in the order in which the names were first asked for.
#[derive(Debug, Default)]
pub(crate) struct Allotment(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    addresses: HashMap<String, Ipv4Addr>,
    names: Vec<String>,
}

impl Allotment {
    /// The address of a name in canonical spelling. None when all are given away.
    pub(crate) fn address_of(&self, name: &str) -> Option<Ipv4Addr> {
        let mut given = self.given();
        if let Some(address) = given.addresses.get(name) {
            return Some(*address);
        }
        let index = u32::try_from(given.names.len()).ok()?;
        let address = Some(FIRST.checked_add(index)?).filter(|address| *address <= LAST)?;
        let address = Ipv4Addr::from(address);
        given.names.push(name.to_owned());
        given.addresses.insert(name.to_owned(), address);
        Some(address)
    }

    /// The name that an address was given to.
    pub(crate) fn name_of(&self, address: IpAddr) -> Option<String> {
        let IpAddr::V4(address) = address.to_canonical() else {
            return None;
        };
        let index = u32::from(address).checked_sub(FIRST)?;
        self.given()
            .names
            .get(usize::try_from(index).ok()?)
            .cloned()
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_name() {
        let allotment = Allotment::default();
        let first = allotment.address_of("a.example").unwrap();
        let second = allotment.address_of("b.example").unwrap();
        assert_eq!(first, Ipv4Addr::new(198, 18, 0, 1));
        assert_eq!(second, Ipv4Addr::new(198, 18, 0, 2));
        assert_eq!(allotment.address_of("a.example"), Some(first));
        assert_eq!(
            allotment.name_of(second.into()).as_deref(),
            Some("b.example")
        );
        let mapped = second.to_ipv6_mapped().into();
        assert_eq!(allotment.name_of(mapped).as_deref(), Some("b.example"));
        for unknown in ["198.18.0.3", "198.18.0.0", "8.8.8.8", "::1"] {
            assert_eq!(
                allotment.name_of(unknown.parse().unwrap()),
                None,
                "{unknown}"
            );
        }
    }
}
