package rpmpkg

import (
	"strings"
	"unicode/utf8"
)

// IsGlob says whether a pattern is more than a text, as libdnf decides it: a
// backslash alone does not make it one.
func IsGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// Glob matches as fnmatch(3) does without flags: * and ? stand for any
// characters, slashes and dots too, [a-z] and [!a-z] for one of them, and a
// backslash takes the meaning from what follows. A bracket that is not closed is
// a character like any other.
func Glob(pattern, s string) bool {
	// Where to go on when it does not fit: the last * takes one character more.
	var retryPattern, retry string
	starred := false
	for {
		if pattern == "" && s == "" {
			return true
		}
		if pattern != "" && pattern[0] == '*' {
			pattern = pattern[1:]
			retryPattern, retry, starred = pattern, s, true
			continue
		}
		if s != "" {
			if rest, ok := globOne(pattern, s); ok {
				_, n := utf8.DecodeRuneInString(s)
				pattern, s = rest, s[n:]
				continue
			}
		}
		if !starred || retry == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(retry)
		retry = retry[n:]
		pattern, s = retryPattern, retry
	}
}

// globOne matches the first character of s with what stands first in the
// pattern, and returns what of that comes after.
func globOne(pattern, s string) (rest string, ok bool) {
	if pattern == "" {
		return "", false
	}
	c, _ := utf8.DecodeRuneInString(s)
	switch pattern[0] {
	case '?':
		return pattern[1:], true
	case '[':
		if in, rest, closed := globSet(pattern[1:], c); closed {
			return rest, in
		}
	case '\\':
		if len(pattern) > 1 {
			pattern = pattern[1:]
		}
	}
	want, n := utf8.DecodeRuneInString(pattern)
	return pattern[n:], c == want
}

// globSet says whether c is in the set that begins behind a bracket.
func globSet(set string, c rune) (in bool, rest string, closed bool) {
	negated := set != "" && (set[0] == '!' || set[0] == '^')
	if negated {
		set = set[1:]
	}
	next := func() (r rune, ok bool) {
		if len(set) > 1 && set[0] == '\\' {
			set = set[1:]
		}
		r, n := utf8.DecodeRuneInString(set)
		set = set[n:]
		return r, n > 0
	}
	for first := true; ; first = false {
		if !first && strings.HasPrefix(set, "]") {
			return in != negated, set[1:], true
		}
		low, ok := next()
		if !ok {
			return false, "", false
		}
		high := low
		if len(set) > 1 && set[0] == '-' && set[1] != ']' {
			set = set[1:]
			if high, ok = next(); !ok {
				return false, "", false
			}
		}
		in = in || low <= c && c <= high
	}
}
