package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseFingerprints(t *testing.T) {
	a, b := "2E8F4C9D58C0D2F0C5B2A6AB2968EB30DF941EC2", "91E97D7C4A5E96F17F3E888F6A2FAEA2352C64E5"
	six := strings.Repeat("0123456789ABCDEF", 4)
	gpg := "2E8F 4C9D 58C0 D2F0 C5B2  A6AB 2968 EB30 DF94 1EC2"
	for text, want := range map[string][]string{
		"":                          nil,
		" \n, ":                     nil,
		a:                           {a},
		strings.ToLower(a):          {a},
		"0x" + a + " 0X" + b:        {a, b},
		a + "," + b + "\n" + six:    {a, b, six},
		a + " " + six:               {a, six},
		gpg:                         {a},
		gpg + "\n" + b + ", " + gpg: {a, b, a},
		"2e:8f:4c9d58c0d2f0c5b2a6ab2968eb30df941ec2": {a},
		"0x" + six[:32] + " " + six[32:]:             {six},
	} {
		got, err := parseFingerprints(text)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want, got, "%q", text)
	}
	for text, want := range map[string]string{
		"DF941EC2":              `"DF941EC2" is a key ID`,
		"0x2968EB30DF941EC2":    `"0x2968EB30DF941EC2" is a key ID`,
		a + "," + "DF941EC2":    `"DF941EC2" is a key ID`,
		a[1:]:                   "is no fingerprint of 40 or 64",
		a + "0":                 "is no fingerprint",
		gpg + " " + b:           "is no fingerprint",
		strings.Repeat("g", 40): "is no fingerprint",
		a + a:                   "is no fingerprint",
		"/etc/pki/key":          `"/etc/pki/key" is no fingerprint`,
	} {
		_, err := parseFingerprints(text)
		assert.ErrorContains(t, err, want, "%q", text)
	}
}
