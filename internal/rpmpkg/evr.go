package rpmpkg

import "strings"

// EVR is the part of a package's identity that orders it among packages of
// one name: epoch, version and release, as they stand in the header. An empty
// epoch counts as 0.
type EVR struct {
	Epoch   string
	Version string
	Release string
}

// String gives [epoch:]version-release, without an epoch of 0, as rpm and dnf
// print it.
func (e EVR) String() string {
	s := e.Version + "-" + e.Release
	if e.Epoch != "" && e.Epoch != "0" {
		s = e.Epoch + ":" + s
	}
	return s
}

// Compare orders a and b as rpm does: the result is negative where a is
// older, zero where rpm treats them as equal, positive where a is newer.
func (e EVR) Compare(b EVR) int {
	if c := Vercmp(orZero(e.Epoch), orZero(b.Epoch)); c != 0 {
		return c
	}
	if c := Vercmp(e.Version, b.Version); c != 0 {
		return c
	}
	return Vercmp(e.Release, b.Release)
}

// Canonical returns the form that all EVRs which rpm treats as equal have in
// common: 1.0-1 for 1.00-01 too. It is a key, for maps.
func (e EVR) Canonical() EVR {
	return EVR{canonicalVersion(orZero(e.Epoch)), canonicalVersion(e.Version), canonicalVersion(e.Release)}
}

// canonicalVersion writes what Vercmp compares: runs of digits without the
// zeros before them, runs of letters, and marks, with one separator between.
func canonicalVersion(s string) string {
	var b strings.Builder
	for {
		s = strings.TrimLeftFunc(s, isSeparator)
		if s == "" {
			return b.String()
		}
		var run string
		switch {
		case isDigit(s[0]):
			run, s = cutRun(s, isDigit)
			if run = strings.TrimLeft(run, "0"); run == "" {
				run = "0"
			}
		case isAlpha(s[0]):
			run, s = cutRun(s, isAlpha)
		default:
			run, s = s[:1], s[1:]
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(run)
	}
}

func orZero(epoch string) string {
	if epoch == "" {
		return "0"
	}
	return epoch
}

// NEVRA names one build of a package for one architecture.
type NEVRA struct {
	Name string
	EVR
	Arch string
}

// String gives name-[epoch:]version-release.arch.
func (n NEVRA) String() string {
	return n.Name + "-" + n.EVR.String() + "." + n.Arch
}

// NameArch takes the name and the architecture out of what NEVRA.String gives.
func NameArch(nevra string) (name, arch string) {
	name, arch = nevra, nevra[strings.LastIndexByte(nevra, '.')+1:]
	for range 2 {
		if i := strings.LastIndexByte(name, '-'); i >= 0 {
			name = name[:i]
		}
	}
	return name, arch
}

// Vercmp compares two version or release strings with rpm's algorithm
// (rpmvercmp, https://rpm-software-management.github.io/rpm/manual/): runs of
// digits compare as numbers and are newer than runs of letters, other bytes
// only separate, '~' sorts before everything including the end, '^' sorts
// after the end but before anything else.
func Vercmp(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" || b != "" {
		a = strings.TrimLeftFunc(a, isSeparator)
		b = strings.TrimLeftFunc(b, isSeparator)

		if c, tilde := compareMark(&a, &b, '~', -1); tilde {
			if c != 0 {
				return c
			}
			continue
		}
		if strings.HasPrefix(a, "^") || strings.HasPrefix(b, "^") {
			switch {
			case a == "":
				return -1
			case b == "":
				return 1
			}
			if c, _ := compareMark(&a, &b, '^', -1); c != 0 {
				return c
			}
			continue
		}
		if a == "" || b == "" {
			break
		}

		numeric := isDigit(a[0])
		var sa, sb string
		if numeric {
			sa, a = cutRun(a, isDigit)
			sb, b = cutRun(b, isDigit)
		} else {
			sa, a = cutRun(a, isAlpha)
			sb, b = cutRun(b, isAlpha)
		}
		if sb == "" { // different kinds: digits are newer
			if numeric {
				return 1
			}
			return -1
		}
		if c := compareRun(sa, sb, numeric); c != 0 {
			return c
		}
	}
	switch {
	case a == "" && b == "":
		return 0
	case a == "":
		return -1
	default:
		return 1
	}
}

// compareMark handles a mark that either string starts with: found says
// whether one did. The string that alone has it gets the result alone, and
// where both have it, it is cut from both.
func compareMark(a, b *string, mark byte, alone int) (c int, found bool) {
	am := *a != "" && (*a)[0] == mark
	bm := *b != "" && (*b)[0] == mark
	switch {
	case am && bm:
		*a, *b = (*a)[1:], (*b)[1:]
		return 0, true
	case am:
		return alone, true
	case bm:
		return -alone, true
	}
	return 0, false
}

func compareRun(a, b string, numeric bool) int {
	if numeric {
		a = strings.TrimLeft(a, "0")
		b = strings.TrimLeft(b, "0")
		if len(a) != len(b) {
			if len(a) < len(b) {
				return -1
			}
			return 1
		}
	}
	return strings.Compare(a, b)
}

func cutRun(s string, in func(byte) bool) (run, rest string) {
	i := 0
	for i < len(s) && in(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isSeparator(r rune) bool {
	return r != '~' && r != '^' && (r >= 0x80 || !isDigit(byte(r)) && !isAlpha(byte(r)))
}
