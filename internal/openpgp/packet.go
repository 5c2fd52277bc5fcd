package openpgp

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The packet types that occur in keys and signatures (RFC 9580, section 5).
const (
	packetSignature     = 2
	packetPrivateKey    = 5
	packetPublicKey     = 6
	packetPrivateSubkey = 7
	packetMarker        = 10
	packetUserID        = 13
	packetPublicSubkey  = 14
	packetUserAttribute = 17
	packetPadding       = 21
)

var errPacketCut = errors.New("a packet is cut short")

// A rawPacket is one OpenPGP packet, not decoded.
type rawPacket struct {
	tag   byte
	whole []byte // with its header
	body  []byte
}

// nextPacket splits the first packet off data. Packets are split here and not
// by the library so that a length is checked against the bytes that are there,
// one broken packet does not take the rest with it, and version 3 signatures,
// which the library does not know, are seen at all. Lengths that only streamed
// messages use (partial, indeterminate) are refused.
func nextPacket(data []byte) (p rawPacket, rest []byte, err error) {
	if len(data) < 2 {
		return p, nil, errPacketCut
	}
	if data[0]&0x80 == 0 {
		return p, nil, errors.New("not an OpenPGP packet")
	}
	var head, length int
	if data[0]&0x40 == 0 {
		p.tag = data[0] >> 2 & 0xf
		if data[0]&3 == 3 {
			return p, nil, errors.New("a packet does not say its length")
		}
		head = 1 + 1<<(data[0]&3)
		if len(data) < head {
			return p, nil, errPacketCut
		}
		for _, b := range data[1:head] {
			length = length<<8 | int(b)
		}
	} else {
		p.tag = data[0] & 0x3f
		n, lengthLen, err := bodyLength(data[1:])
		if err != nil {
			return p, nil, err
		}
		head, length = 1+lengthLen, n
	}
	if length > len(data)-head {
		return p, nil, errPacketCut
	}
	p.whole, p.body = data[:head+length], data[head:head+length]
	return p, data[head+length:], nil
}

// bodyLength decodes the length of a packet in the new format, or of a
// signature subpacket, and says how many bytes it took.
func bodyLength(data []byte) (length, size int, err error) {
	switch {
	case len(data) == 0:
		return 0, 0, errPacketCut
	case data[0] < 192:
		return int(data[0]), 1, nil
	case data[0] < 224:
		if len(data) < 2 {
			return 0, 0, errPacketCut
		}
		return int(data[0]-192)<<8 + int(data[1]) + 192, 2, nil
	case data[0] < 255:
		return 0, 0, errors.New("a packet has a partial length")
	case len(data) < 5:
		return 0, 0, errPacketCut
	default:
		n := uint32(data[1])<<24 | uint32(data[2])<<16 | uint32(data[3])<<8 | uint32(data[4])
		if n > 1<<30 { // and an int of 32 bits stays positive
			return 0, 0, errPacketCut
		}
		return int(n), 5, nil
	}
}

// decode hands the packet to the library.
func (p rawPacket) decode() (decoded packet.Packet, err error) {
	err = guard(func() error {
		r := bytes.NewReader(p.whole)
		var err error
		decoded, err = packet.Read(r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errPacketCut
		}
		if err == nil && r.Len() > 0 {
			return errors.New("a packet is longer than its content")
		}
		return err
	})
	return decoded, err
}

// guard runs f, which calls the library, and turns a panic into an error:
// hostile input must cost its own repository only.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the OpenPGP library panicked: %v", v)
		}
	}()
	return f()
}
