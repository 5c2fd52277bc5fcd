package rpmpkg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits on a header, those of rpm itself (lib/header.c: HEADER_TAGS_MAX and
// HEADER_DATA_MAX), so that whatever rpm installs can be read.
const (
	maxHeaderTags = 0xffff
	maxHeaderData = 256 << 20
	leadSize      = 96
	introSize     = 16 // magic, reserved, number of entries, length of the data
	entrySize     = 16
)

// ErrNotRPM is returned for a file that does not begin as an rpm package does.
var ErrNotRPM = errors.New("not an rpm package")

var (
	leadMagic   = []byte{0xed, 0xab, 0xee, 0xdb}
	headerMagic = []byte{0x8e, 0xad, 0xe8, 0x01}
)

// A Preamble is all that stands before an rpm's payload: checked, not decoded.
// The format is https://rpm-software-management.github.io/rpm/manual/format_v4.html.
type Preamble struct {
	Lead      [leadSize]byte
	Signature Header
	Header    Header
	// HeaderStart and PayloadStart are offsets in the file, in bytes. The
	// header ends where the payload starts.
	HeaderStart  int64
	PayloadStart int64
}

// ReadPreamble reads r up to its payload and no further, unless r's own
// buffering does. Memory is taken as bytes arrive, never because a length
// announces them. An error says what is wrong with the file; one that wraps
// io.ErrUnexpectedEOF means that the file is cut short.
func ReadPreamble(r io.Reader) (*Preamble, error) {
	p := new(Preamble)
	if err := p.read(r); err != nil {
		return nil, err
	}
	return p, nil
}

// read is ReadPreamble into the memory that p has.
func (p *Preamble) read(r io.Reader) error {
	if _, err := io.ReadFull(r, p.Lead[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: shorter than its lead", ErrNotRPM)
		}
		return err
	}
	if !bytes.HasPrefix(p.Lead[:], leadMagic) {
		return fmt.Errorf("%w: wrong magic number", ErrNotRPM)
	}
	if err := p.Signature.read(r); err != nil {
		return fmt.Errorf("signature header: %w", err)
	}
	// The signature header is padded so that the header begins at a multiple of 8.
	var padding [8]byte
	n := (8 - len(p.Signature.Raw)%8) % 8
	if _, err := io.ReadFull(r, padding[:n]); err != nil {
		return fmt.Errorf("signature header: %w", cutShort(err))
	}
	if err := p.Header.read(r); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	p.HeaderStart = int64(leadSize + len(p.Signature.Raw) + n)
	p.PayloadStart = p.HeaderStart + int64(len(p.Header.Raw))
	return nil
}

// A Header is one header structure of an rpm: an index of tags, and their
// values.
type Header struct {
	// Raw is the whole structure from its magic number on: what a header
	// signature signs.
	Raw []byte

	entries []headerEntry
	store   []byte
}

type headerEntry struct {
	tag, kind, offset, count uint32
	length                   int // of the value in the store, bytes
}

// minTag is the lowest number of a tag that is no region (rpm's header.c:
// HEADER_I18NTABLE). tagImage is the lowest of those that are.
const (
	minTag   = 100
	tagImage = 61
)

// The data types of header values.
const (
	typeNull = iota
	typeChar
	typeInt8
	typeInt16
	typeInt32
	typeInt64
	typeString
	typeBin
	typeStringArray
	typeI18NString
)

func (h *Header) read(r io.Reader) error {
	var intro [introSize]byte
	if _, err := io.ReadFull(r, intro[:]); err != nil {
		return cutShort(err)
	}
	if !bytes.HasPrefix(intro[:], headerMagic) {
		return errors.New("wrong magic number")
	}
	tags := binary.BigEndian.Uint32(intro[8:])
	data := binary.BigEndian.Uint32(intro[12:])
	if tags > maxHeaderTags {
		return fmt.Errorf("announces %d tags, more than the %d that rpm reads", tags, maxHeaderTags)
	}
	if data > maxHeaderData {
		return fmt.Errorf("announces %d bytes, more than the %d that rpm reads", data, maxHeaderData)
	}
	raw, err := readGrowing(r, h.Raw[:0], intro[:], introSize+int(tags)*entrySize+int(data))
	if err != nil {
		return cutShort(err)
	}
	h.Raw = raw
	h.store = raw[introSize+int(tags)*entrySize:]
	return h.index(int(tags))
}

// readGrowing returns start and what follows it in r, total bytes in all, in buf
// if it has room. It believes the announced total only up to a MiB at a time,
// unless r knows that there is as much.
func readGrowing(r io.Reader, buf, start []byte, total int) ([]byte, error) {
	const step = 1 << 20
	want := min(total, step)
	if sized, ok := r.(interface{ left() int64 }); ok {
		if sized.left() < int64(total-len(start)) {
			return nil, io.ErrUnexpectedEOF
		}
		want = total
	}
	if cap(buf) < want {
		buf = make([]byte, 0, want)
	}
	buf = append(buf[:0], start...)
	for len(buf) < total {
		if len(buf) == cap(buf) {
			// Doubling, but never beyond what was announced.
			grown := make([]byte, len(buf), min(total, 2*cap(buf)))
			copy(grown, buf)
			buf = grown
		}
		n, err := io.ReadFull(r, buf[len(buf):min(total, cap(buf))])
		buf = buf[:len(buf)+n]
		if err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// index decodes the index and checks that every value lies inside the store,
// that strings end there, and that values follow each other in the order of the
// index, as rpm asks it of whatever it reads: a few bytes could stand for
// gigabytes of strings else.
func (h *Header) index(tags int) error {
	h.entries = slices.Grow(h.entries[:0], tags)[:tags]
	end := 0 // of the value before
	for i := range h.entries {
		b := h.Raw[introSize+i*entrySize:]
		e := headerEntry{
			tag:    binary.BigEndian.Uint32(b),
			kind:   binary.BigEndian.Uint32(b[4:]),
			offset: binary.BigEndian.Uint32(b[8:]),
			count:  binary.BigEndian.Uint32(b[12:]),
		}
		length, err := h.valueLength(e)
		if err != nil {
			return fmt.Errorf("tag %d: %w", e.tag, err)
		}
		e.length = length
		h.entries[i] = e
		if i == 0 && e.tag >= tagImage && e.tag <= tagImmutable {
			if err := h.checkRegion(e); err != nil {
				return fmt.Errorf("tag %d: %w", e.tag, err)
			}
			continue
		}
		switch {
		case int32(e.tag) < minTag: //nolint:gosec // rpm's tags are signed
			return fmt.Errorf("tag %d: there is no such tag", e.tag)
		case int(e.offset)%max(1, elementSize[e.kind]) != 0:
			return fmt.Errorf("tag %d: offset %d is not a multiple of %d", e.tag, e.offset, elementSize[e.kind])
		case int(e.offset) < end:
			return fmt.Errorf("tag %d: its value overlaps another", e.tag)
		}
		end = int(e.offset) + length
	}
	return nil
}

// checkRegion checks the first entry of a header that has a region: its value
// repeats it, and says how many entries there are in the region.
func (h *Header) checkRegion(e headerEntry) error {
	if e.kind != typeBin || e.count != entrySize {
		return errors.New("it is no region")
	}
	b := h.value(e)
	size := -int64(int32(binary.BigEndian.Uint32(b[8:]))) //nolint:gosec // it is a negative number
	tag := binary.BigEndian.Uint32(b)
	if tag < tagImage || tag > tagImmutable || binary.BigEndian.Uint32(b[4:]) != typeBin || binary.BigEndian.Uint32(b[12:]) != entrySize ||
		size < entrySize || size%entrySize != 0 || size > int64(len(h.entries)*entrySize) {
		return errors.New("the end of its region is broken")
	}
	return nil
}

// elementSize is the length of one value of a type with values of one length.
var elementSize = [...]int{typeChar: 1, typeInt8: 1, typeInt16: 2, typeInt32: 4, typeInt64: 8, typeBin: 1, typeI18NString: 0}

func (h *Header) valueLength(e headerEntry) (int, error) {
	if e.kind > typeI18NString {
		return 0, fmt.Errorf("unknown type %d", e.kind)
	}
	if int64(e.offset) > int64(len(h.store)) {
		return 0, fmt.Errorf("offset %d is beyond the header's %d bytes", e.offset, len(h.store))
	}
	rest := h.store[e.offset:]
	if e.count == 0 || int64(e.count) > int64(len(rest)) && e.kind != typeNull {
		return 0, fmt.Errorf("%d values do not fit into the header", e.count)
	}
	switch e.kind {
	case typeNull:
		return 0, nil
	case typeString, typeStringArray, typeI18NString:
		if e.kind == typeString && e.count != 1 {
			return 0, fmt.Errorf("%d values of a type that has one", e.count)
		}
		length := 0
		for range e.count {
			i := bytes.IndexByte(rest[length:], 0)
			if i < 0 {
				return 0, errors.New("a string is not terminated")
			}
			length += i + 1
		}
		return length, nil
	default:
		length := int(e.count) * elementSize[e.kind]
		if length > len(rest) {
			return 0, fmt.Errorf("%d values do not fit into the header", e.count)
		}
		return length, nil
	}
}

// find returns the last entry of a tag: as in rpm, what was added later hides
// what stood in the original header.
func (h *Header) find(tag int) (headerEntry, bool) {
	for i := len(h.entries) - 1; i >= 0; i-- {
		if h.entries[i].tag == uint32(tag) {
			return h.entries[i], true
		}
	}
	return headerEntry{}, false
}

func (h *Header) value(e headerEntry) []byte {
	return h.store[e.offset : int(e.offset)+e.length]
}

// Has reports whether the tag is there.
func (h *Header) Has(tag int) bool {
	_, ok := h.find(tag)
	return ok
}

// Bytes returns the value of a BIN tag, and nil for any other. It is part of
// Raw.
func (h *Header) Bytes(tag int) []byte {
	if e, ok := h.find(tag); ok && e.kind == typeBin {
		return h.value(e)
	}
	return nil
}

// String returns the first string of a tag, and "" if it has none.
func (h *Header) String(tag int) string {
	for s := range h.eachString(tag) {
		return string(s)
	}
	return ""
}

// Strings returns all strings of a tag, in one piece of memory.
func (h *Header) Strings(tag int) []string {
	e, ok := h.find(tag)
	if !ok || e.kind != typeString && e.kind != typeStringArray && e.kind != typeI18NString {
		return nil
	}
	rest := string(h.value(e))
	list := make([]string, e.count)
	for i := range list {
		list[i], rest, _ = strings.Cut(rest, "\x00")
	}
	return list
}

// eachString yields a tag's strings as parts of Raw.
func (h *Header) eachString(tag int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		e, ok := h.find(tag)
		if !ok || e.kind != typeString && e.kind != typeStringArray && e.kind != typeI18NString {
			return
		}
		v := h.value(e)
		for len(v) > 0 {
			i := bytes.IndexByte(v, 0)
			if !yield(v[:i]) {
				return
			}
			v = v[i+1:]
		}
	}
}

// Uints returns a tag's integers of any width, unsigned as rpm stores them.
func (h *Header) Uints(tag int) []uint64 {
	n := h.ints(tag)
	list := make([]uint64, n.count)
	for i := range list {
		list[i] = n.at(i)
	}
	return list
}

// ints gives access to a tag's integers without making a list of them.
func (h *Header) ints(tag int) intList {
	e, ok := h.find(tag)
	if !ok || e.kind < typeChar || e.kind > typeInt64 {
		return intList{}
	}
	return intList{count: int(e.count), width: elementSize[e.kind], data: h.value(e)}
}

type intList struct {
	count, width int
	data         []byte
}

// at returns element i, which must be below count.
func (l intList) at(i int) uint64 {
	b := l.data[i*l.width:]
	switch l.width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	default:
		return binary.BigEndian.Uint64(b)
	}
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is cut short: %w", io.ErrUnexpectedEOF)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file is cut short: %w", err)
	}
	return err
}
