package openpgp

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// The kinds of armored block that matter here.
const (
	kindPublicKey  = "PUBLIC KEY BLOCK"
	kindPrivateKey = "PRIVATE KEY BLOCK"
	kindSignature  = "SIGNATURE"
)

// A block is one armored block of a file, decoded, or why it cannot be.
type block struct {
	kind string // what follows "-----BEGIN PGP "
	data []byte
	err  error
}

var (
	utf8BOM    = []byte("\xef\xbb\xbf")
	beginLine  = []byte("-----BEGIN PGP ")
	endLine    = []byte("-----END PGP ")
	lineDashes = []byte("-----")
)

// blocks returns what a file holds: its armored blocks, whatever text stands
// around them (key files often begin with a listing), or the file itself as
// one block of the given kind where it is binary.
func blocks(data []byte, kind string) ([]block, error) {
	data = bytes.TrimPrefix(data, utf8BOM)
	if list := armored(data); len(list) > 0 {
		return list, nil
	}
	switch {
	case len(data) == 0:
		return nil, errors.New("empty")
	case data[0]&0x80 == 0: // every packet begins with this bit set
		return nil, errors.New("neither armored nor binary OpenPGP data")
	}
	return []block{{kind: kind, data: data}}, nil
}

// armored decodes the armored blocks in data. Their checksums are ignored, as
// RFC 9580 has it: what they guard is verified by better means.
func armored(data []byte) []block {
	var (
		list   []block
		body   []byte
		inside bool // between BEGIN and END
		text   bool // past the block's own headers
		done   bool // past its checksum
	)
	finish := func(err error) {
		b := &list[len(list)-1]
		if b.data, b.err = decodeArmor(body), err; err == nil && b.data == nil {
			b.err = errors.New("its base64 is damaged")
		}
		inside = false
	}
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(line, beginLine) && bytes.HasSuffix(line, lineDashes):
			if inside {
				finish(errors.New("it has no end"))
			}
			kind := line[len(beginLine):max(len(line)-len(lineDashes), len(beginLine))]
			list = append(list, block{kind: string(kind)})
			body, inside, text, done = nil, true, false, false
		case !inside:
		case bytes.HasPrefix(line, endLine):
			finish(nil)
		case !text && len(line) == 0:
			text = true
		case !text && bytes.IndexByte(line, ':') >= 0:
		case len(line) == 5 && line[0] == '=':
			done = true
		case !done:
			text = true
			body = append(body, line...)
		}
	}
	if inside {
		finish(errors.New("it is cut short"))
	}
	return list
}

// decodeArmor returns nil for what is not base64.
func decodeArmor(body []byte) []byte {
	data := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Decode(data, body)
	if err != nil {
		return nil
	}
	return data[:n]
}
