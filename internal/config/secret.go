package config

import (
	"encoding/json"
	"net/url"
	"strings"
)

// A Secret is a value that must not be shown: however it is printed or
// encoded, stars come out. Reveal gives what is meant.
type Secret string

const stars = "***"

// Reveal returns the secret itself, for whoever hands it to a server.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return stars
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return `config.Secret("` + s.String() + `")` }

// MarshalJSON hides the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MaskURL returns a URL fit to be shown: user, password and the values of a
// query, which may be tokens, are stars.
func MaskURL(raw string) string {
	start := strings.Index(raw, "://")
	if start < 0 {
		return maskMistyped(raw)
	}
	start += len("://")
	u, err := url.Parse(raw)
	if err == nil && u.Host == "" && u.Scheme != "file" {
		return maskMistyped(raw)
	}
	if err != nil || strings.Contains(raw[start:], "#") { // no base URL has a fragment, a password may
		// It cannot be told where the credentials end: hide as much as they can be.
		if at := strings.LastIndexByte(raw, '@'); at >= start {
			raw = raw[:start] + stars + raw[at:]
		} else if colon := badPort(raw); colon >= 0 {
			raw = raw[:colon+1] + stars
		}
		return maskQuery(raw)
	}
	if u.User != nil {
		slash := strings.IndexAny(raw[start:], "/?#")
		if slash < 0 {
			slash = len(raw) - start
		}
		at := strings.LastIndexByte(raw[start:start+slash], '@')
		if at >= 0 {
			raw = raw[:start] + stars + raw[start+at:]
		}
	}
	return maskQuery(raw)
}

// maskMistyped is MaskURL of what is a path, or else a URL whose host is not where
// it should be (joe:password@host/, https//joe:password@host/).
func maskMistyped(raw string) string {
	at := strings.LastIndexByte(raw, '@')
	if strings.HasPrefix(raw, "/") || at < 0 || !strings.Contains(raw[:at], ":") {
		return raw
	}
	return maskQuery(stars + raw[at:])
}

// badPort is where the colon is after which a URL has no port: it may be the
// half of a URL in which a list was split at a blank or comma of its password.
// It is -1 if there is none.
func badPort(raw string) int {
	start := strings.Index(raw, "://") + len("://")
	host := raw[start:]
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	colon := strings.LastIndexByte(host, ':')
	if colon < strings.LastIndexByte(host, ']') || colon < 0 || strings.Trim(host[colon+1:], "0123456789") == "" {
		return -1
	}
	return start + colon
}

// maskURLs returns a value that may be a list of URLs fit to be shown, in one
// line.
func maskURLs(value string) string {
	start := strings.Index(value, "://")
	if start < 0 {
		words := strings.Fields(value)
		for i := range words {
			words[i] = maskMistyped(words[i])
		}
		return strings.Join(words, " ")
	}
	words := parseList(value)
	for i, word := range words {
		if strings.Contains(word, "@") && !strings.Contains(word, "://") {
			// A password that the list was split at, as it seems.
			at := strings.LastIndexByte(value, '@')
			return maskQuery(oneLine(value[:start+len("://")] + stars + value[at:]))
		}
		words[i] = MaskURL(word)
	}
	return strings.Join(words, " ")
}

func maskQuery(raw string) string {
	if q := strings.IndexByte(raw, '?'); q >= 0 {
		return raw[:q+1] + stars
	}
	return raw
}
