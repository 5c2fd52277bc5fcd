package openpgp

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNextPacket(t *testing.T) {
	body := func(n int) []byte { return bytes.Repeat([]byte{7}, n) }
	cases := []struct {
		name string
		head []byte
		body int
	}{
		{"old format, one byte", []byte{0x88, 5}, 5},
		{"old format, two bytes", []byte{0x89, 1, 4}, 260},
		{"old format, four bytes", []byte{0x8a, 0, 1, 0, 0}, 65536},
		{"new format, one byte", []byte{0xc2, 191}, 191},
		{"new format, two bytes", []byte{0xc2, 192, 0}, 192},
		{"new format, two bytes, most", []byte{0xc2, 223, 255}, 8383},
		{"new format, five bytes", []byte{0xc2, 255, 0, 0, 32, 192}, 8384},
		{"empty", []byte{0xc2, 0}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			data := append(bytes.Clone(c.head), body(c.body)...)
			p, rest, err := nextPacket(append(bytes.Clone(data), 1, 2))
			require.NoError(t, err)
			assert.Equal(t, byte(packetSignature), p.tag)
			assert.Equal(t, data, p.whole)
			assert.Len(t, p.body, c.body)
			assert.Equal(t, []byte{1, 2}, rest)
			for n := range len(c.head) {
				_, _, err := nextPacket(data[:n])
				assert.Error(t, err, "%d bytes", n)
			}
			if c.body > 0 {
				_, _, err := nextPacket(data[:len(data)-1])
				assert.ErrorIs(t, err, errPacketCut)
			}
		})
	}
	for name, data := range map[string][]byte{
		"text":                     []byte("text"),
		"old, length not said":     append([]byte{0x8b}, body(9)...),
		"new, partial length":      append([]byte{0xc2, 0xe1}, body(9)...),
		"a length beyond all data": {0xc2, 255, 255, 255, 255, 255, 0},
		"old, beyond all data":     {0x8a, 255, 255, 255, 255, 0},
	} {
		_, _, err := nextPacket(data)
		assert.Error(t, err, name)
	}
}

func TestGuard(t *testing.T) {
	assert.EqualError(t, guard(func() error { panic("boom") }), "the OpenPGP library panicked: boom")
}
