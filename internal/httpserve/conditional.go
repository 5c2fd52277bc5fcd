package httpserve

import (
	"net/http"
	"strings"
	"time"
)

// A verdict is what the conditions of a request make of its answer.
type verdict int

const (
	send verdict = iota
	notModified
	preconditionFailed
)

// evaluate applies the conditional headers in the order of RFC 9110, section
// 13.2.2. It leaves If-Range to rangeApplies.
func (c *content) evaluate(h http.Header) verdict {
	if v := h.Values("If-Match"); len(v) > 0 {
		if !c.matches(v, false) {
			return preconditionFailed
		}
	} else if t, ok := headerTime(h, "If-Unmodified-Since"); ok && c.seconds().After(t) {
		return preconditionFailed
	}
	if v := h.Values("If-None-Match"); len(v) > 0 {
		if c.matches(v, true) {
			return notModified
		}
		return send
	}
	if t, ok := headerTime(h, "If-Modified-Since"); ok && c.unchangedSince(t) {
		return notModified
	}
	return send
}

// unchangedSince is exact for what may change: when a mirror goes back to an
// older generation its files are older than what a client has, and not what it
// has.
func (c *content) unchangedSince(t time.Time) bool {
	if c.immutable {
		return !c.seconds().After(t)
	}
	return c.seconds().Equal(t)
}

// rangeApplies decides by If-Range whether a Range header counts.
func (c *content) rangeApplies(h http.Header) bool {
	v := h.Get("If-Range")
	if v == "" {
		return true
	}
	if strings.HasPrefix(v, `"`) {
		return v == c.etag || v == c.alias // strong comparison; v is not ""
	}
	t, err := http.ParseTime(v)
	return err == nil && c.seconds().Equal(t)
}

// seconds is the modification time as far as a header can say it.
func (c *content) seconds() time.Time { return c.modTime.Truncate(time.Second) }

func headerTime(h http.Header, name string) (time.Time, bool) {
	v := h.Get(name)
	if v == "" {
		return time.Time{}, false
	}
	t, err := http.ParseTime(v)
	return t, err == nil
}

func (c *content) matches(lists []string, weak bool) bool {
	return matchETag(lists, c.etag, weak) || c.alias != "" && matchETag(lists, c.alias, weak)
}

// matchETag looks for etag in the lists of If-Match and If-None-Match. A weak
// tag counts only where weak is set; a malformed list matches nothing from
// the fault on.
func matchETag(lists []string, etag string, weak bool) bool {
	for _, list := range lists {
		if strings.TrimSpace(list) == "*" {
			return true
		}
		for list != "" {
			list = strings.TrimLeft(list, " \t,")
			tag, isWeak := strings.CutPrefix(list, "W/")
			if !strings.HasPrefix(tag, `"`) {
				break
			}
			end := strings.IndexByte(tag[1:], '"')
			if end < 0 {
				break
			}
			end += 2
			if tag[:end] == etag && (weak || !isWeak) {
				return true
			}
			list = tag[end:]
		}
	}
	return false
}
