package policy

import (
	"net/netip"

	"wit_component/reprise"
)

// owner is what a session belongs to. Each part that is there has to be the same when the session is offered.
type owner struct {
	// The SHA-256 of the client certificate that was shown in the full handshake.
	hasCertificate bool
	certificate    [32]byte
	// The network that the client was in; the zero Prefix for none.
	network netip.Prefix
}

// format is the first byte of a note; another one when the format changes, so that notes of before are refused rather than misread.
const format = 1

// note is the format, a byte that says whether a certificate's 32 bytes follow, and the network, if there is one.
func (o *owner) note() []byte {
	note := []byte{format, 0}
	if o.hasCertificate {
		note[1] = 1
		note = append(note, o.certificate[:]...)
	}
	if o.network.IsValid() {
		note = append(note, byte(o.network.Bits()))
		note = append(note, o.network.Addr().AsSlice()...)
	}
	return note
}

// ownerOfNote is false for what note did not write.
func ownerOfNote(note []byte) (owner, bool) {
	var read owner
	if len(note) < 2 || note[0] != format || note[1] > 1 {
		return read, false
	}
	rest := note[2:]
	if note[1] == 1 {
		if len(rest) < len(read.certificate) {
			return read, false
		}
		read.hasCertificate = true
		rest = rest[copy(read.certificate[:], rest):]
	}
	if len(rest) == 0 {
		return read, true
	}
	address, ok := netip.AddrFromSlice(rest[1:])
	if !ok {
		return read, false
	}
	read.network = netip.PrefixFrom(address, int(rest[0]))
	return read, read.network.IsValid() && read.network == read.network.Masked()
}

// networkPrefixes is how long the prefix is that peers of one network share; -1 does not bind sessions to networks.
type networkPrefixes struct{ ipv4, ipv6 int }

func readPrefixes(settings *reprise.Settings) networkPrefixes {
	prefixes := networkPrefixes{-1, -1}
	if ipv4, set := settings.Number("ipv4-prefix", 0, 32); set {
		prefixes.ipv4 = ipv4
	}
	if ipv6, set := settings.Number("ipv6-prefix", 0, 128); set {
		prefixes.ipv6 = ipv6
	}
	return prefixes
}

// networkOf is the network that a session made or offered on connection is bound to, the zero Prefix for none; false if it is to
// be and nobody said where the connection comes from.
func (p networkPrefixes) networkOf(connection *reprise.Connection) (netip.Prefix, bool) {
	if p.ipv4 < 0 && p.ipv6 < 0 {
		return netip.Prefix{}, true
	}
	peer, err := netip.ParseAddr(connection.Peer.SomeOr(""))
	if err != nil || peer.Zone() != "" {
		return netip.Prefix{}, false
	}
	peer = peer.Unmap()
	bits := p.ipv6
	if peer.Is4() {
		bits = p.ipv4
	}
	if bits < 0 {
		return netip.Prefix{}, true
	}
	network, err := peer.Prefix(bits)
	return network, err == nil
}
