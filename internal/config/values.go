package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Never is the duration of a limit that is switched off.
const Never time.Duration = -1

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "1", "yes", "true", "on":
		return true, nil
	case "0", "no", "false", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no (1, yes, true, on; 0, no, false, off)", s)
}

// number is what C's strtod takes of a number that is not negative, as libdnf
// does for durations and sizes.
const number = `\+?(0[xX][0-9a-fA-F]{1,8}|(?:[0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?:[eE][+-]?[0-9]{1,2})?)`

func parseNumber(s string) (float64, error) {
	if hex := strings.ToLower(s); strings.HasPrefix(hex, "0x") {
		n, err := strconv.ParseUint(hex[2:], 16, 32)
		return float64(n), err
	}
	return strconv.ParseFloat(s, 64)
}

var durationForm = regexp.MustCompile(`^` + number + `([smhdSMHD]?)$`)

// ParseDuration reads seconds, or a number with s, m, h or d behind it. -1 and
// never mean Never.
func ParseDuration(s string) (time.Duration, error) {
	if s == "-1" || strings.EqualFold(s, "never") {
		return Never, nil
	}
	m := durationForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is no duration: seconds, or a number with m, h or d (30, 5m, 2h, 1d)", s)
	}
	n, err := parseNumber(m[1])
	if err != nil {
		return 0, err
	}
	unit := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	d := n * float64(unit[strings.ToLower(m[2])])
	if d > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is longer than a century", s)
	}
	return time.Duration(d), nil
}

var bytesForm = regexp.MustCompile(`^` + number + `([kmgKMG]?)$`)

// parseBytes reads bytes, or a number with k, M or G behind it: 1024, 1024²,
// 1024³.
func parseBytes(s string) (int64, error) {
	m := bytesForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is no size: bytes, or a number with k, M or G", s)
	}
	n, err := parseNumber(m[1])
	if err != nil {
		return 0, err
	}
	n *= map[string]float64{"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[strings.ToLower(m[2])]
	if n > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return int64(n), nil
}

func parseInt(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "+"))
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is no number from %d to %d", s, low, high)
	}
	return n, nil
}

// A Portion is a number, or with Percent that many of a hundred.
type Portion struct {
	Number  float64
	Percent bool
}

func (p Portion) String() string {
	text := strconv.FormatFloat(p.Number, 'f', -1, 64)
	if p.Percent {
		text += "%"
	}
	return text
}

var percentForm = regexp.MustCompile(`^([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%$`)

// parsePortion reads a whole number, or a percentage up to 100%.
func parsePortion(s string) (Portion, error) {
	if m := percentForm.FindStringSubmatch(s); m != nil {
		if n, err := strconv.ParseFloat(m[1], 64); err == nil && n <= 100 {
			return Portion{n, true}, nil
		}
	} else if n, err := parseInt(s, 0, 1_000_000_000); err == nil {
		return Portion{float64(n), false}, nil
	}
	return Portion{}, fmt.Errorf("%q is neither a number of packages nor a percentage from 0%% to 100%%", s)
}

// List splits a value at blanks, newlines and commas.
func List(s string) []string { return parseList(s) }

func parseList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r'
	})
}

// badIDByte is the index of the first byte of id that dnf allows in no
// repository id, or -1.
func badIDByte(id string) int {
	for i := 0; i < len(id); i++ {
		c := id[i]
		if !isNameByte(c) && c != '-' && c != '.' && c != ':' {
			return i
		}
	}
	return -1
}

// maxIDLength leaves room for a suffix within the 255 bytes of a file name.
const maxIDLength = 200

// checkID refuses what cannot be a repository's id. The id becomes a directory
// of the mirror, next to gorepo's own .gorepo.
func checkID(id string) error {
	if i := badIDByte(id); i >= 0 {
		return fmt.Errorf("%q in the id: letters, digits, - _ . and : are allowed", id[i])
	}
	switch {
	case id == "":
		return fmt.Errorf("the id is empty")
	case id[0] == '.':
		return fmt.Errorf("an id cannot start with a dot: it is the name of a directory")
	case len(id) > maxIDLength:
		return fmt.Errorf("the id is longer than %d bytes", maxIDLength)
	}
	return nil
}
