package pages

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// tame makes visible, in a page that is finished, whatever could deceive or
// confuse who reads it: control characters, and those that turn the direction of
// text round or take no place. Bytes that are not UTF-8 become U+FFFD. The
// templates have none of these, so all of them come from metadata; done here, no
// value can be forgotten.
func tame(page []byte) []byte {
	i := 0
	for i < len(page) && plain(page[i]) {
		i++
	}
	if i == len(page) {
		return page
	}
	out := make([]byte, i, len(page)+len(page)/8)
	copy(out, page)
	for i < len(page) {
		if plain(page[i]) {
			out = append(out, page[i])
			i++
			continue
		}
		r, n := utf8.DecodeRune(page[i:])
		i += n
		switch {
		case r == '\r':
		case r < ' ':
			out = utf8.AppendRune(out, 0x2400+r) // its picture: ␛
		case r == 0x7f:
			out = utf8.AppendRune(out, 0x2421)
		case deceptive(r):
			out = fmt.Appendf(out, "‹U+%04X›", r)
		default:
			out = utf8.AppendRune(out, r) // RuneError for what is no UTF-8
		}
	}
	return out
}

func plain(b byte) bool { return b >= ' ' && b < 0x7f || b == '\n' || b == '\t' }

func deceptive(r rune) bool {
	switch {
	case r >= 0x80 && r < 0xa0, // C1 controls
		r == 0xad, r == 0x061c, r == 0x180e,
		r == 0x200b, r == 0x200e, r == 0x200f,
		r >= 0x2028 && r <= 0x202e,
		r >= 0x2060 && r <= 0x206f,
		r >= 0xfff9 && r <= 0xfffb, r == 0xfeff,
		r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

// clip cuts a text to at most n bytes, between two characters.
func clip(s string, n int) (head string, cut bool) {
	if len(s) <= n {
		return s, false
	}
	for i := 1; i < utf8.UTFMax && n > 0 && !utf8.RuneStart(s[n]); i++ {
		n--
	}
	return s[:n], true
}

// short is for a text that has one line to stand in.
func short(s string, n int) string {
	head, cut := clip(s, n)
	if cut {
		head += "…"
	}
	return head
}

// number gives digits in groups of three: 1,234,567.
func number[N int | int64](n N) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count gives a number of things: "1 package", "2 packages".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// humanSize gives bytes in the largest unit that leaves a whole digit.
func humanSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), -1
	for f >= 1023.95 && unit < 5 {
		f /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGTPE"[unit])
}

// span says how long, in the largest unit that there are two of.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		size time.Duration
		word string
	}{
		{365 * day, "years"}, {30 * day, "months"}, {7 * day, "weeks"}, {day, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"},
	} {
		if d >= 2*u.size {
			return fmt.Sprintf("%d %s", d/u.size, u.word)
		}
	}
	if d >= time.Minute {
		return "1 minute"
	}
	return "less than a minute"
}

// ago says how long before now t is. A time to come gives "".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero() || d < -time.Minute:
		return ""
	case d < time.Minute:
		return "just now"
	}
	return span(d) + " ago"
}

// daysAgo says how many days before today a day is.
func daysAgo(day, now time.Time) string {
	const length = 24 * time.Hour
	switch n := int(now.UTC().Truncate(length).Sub(day.UTC().Truncate(length)) / length); {
	case n < 0:
		return ""
	case n == 0:
		return "today"
	case n == 1:
		return "yesterday"
	default:
		return span(time.Duration(n)*length) + " ago"
	}
}

// shellWord quotes s for a shell where it needs that.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./~^-", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" && s[0] != '~' && s[0] != '=' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// upperFirst makes a sentence of what may stand within one.
func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
