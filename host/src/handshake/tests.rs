use std::net::{IpAddr, Ipv6Addr};

use super::in_text;

#[test]
fn an_address_is_written_as_everywhere_else() {
    let ipv4 = [0, 7, 42, 99, 100, 255].map(|octet| IpAddr::from([octet, 0, 255 - octet, 10]));
    for address in ipv4.into_iter().chain([Ipv6Addr::LOCALHOST.into()]) {
        assert_eq!(in_text(address), address.to_string());
    }
}
