package config

import (
	"fmt"
	"strings"
)

// parseFingerprints reads a list of OpenPGP fingerprints as programs print them:
// with colons, with 0x in front, in groups with blanks between. Where they have
// groups, commas and line ends separate them.
func parseFingerprints(s string) ([]string, error) {
	var list []string
	for _, item := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		words := strings.Fields(item)
		whole := len(words) > 0
		for i, word := range words {
			words[i] = fingerprintDigits(word)
			whole = whole && isFingerprint(words[i])
		}
		if !whole {
			words = []string{strings.Join(words, "")}
		}
		for _, word := range words {
			switch {
			case word == "":
			case isFingerprint(word):
				list = append(list, word)
			case len(word) == 8 || len(word) == 16:
				return nil, fmt.Errorf("%q is a key ID, which other keys can have too: give the whole fingerprint, of 40 or 64 hexadecimal digits", strings.TrimSpace(item))
			default:
				return nil, fmt.Errorf("%q is no fingerprint of 40 or 64 hexadecimal digits", strings.TrimSpace(item))
			}
		}
	}
	return list, nil
}

func fingerprintDigits(word string) string {
	word = strings.ToUpper(strings.ReplaceAll(word, ":", ""))
	return strings.TrimPrefix(word, "0X")
}

// isFingerprint knows those of version 4, of 40 digits, and of versions 5 and 6.
func isFingerprint(word string) bool {
	return (len(word) == 40 || len(word) == 64) && strings.Trim(word, "0123456789ABCDEF") == ""
}
