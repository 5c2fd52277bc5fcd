package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrDown is in the error of a download whose server has not answered
// anything for as long as the retries of one download last: it was not asked
// again. A caller may stop what else it wanted from there.
var ErrDown = errors.New("the server no longer answers")

// Error is a failure at one place. URL carries no credentials.
type Error struct {
	URL string
	Err error
}

func (e *Error) Error() string {
	text := e.Err.Error()
	switch text { // words that say nothing to who does not write programs
	case io.EOF.Error():
		text = "the server closed the connection without an answer (EOF)"
	case io.ErrUnexpectedEOF.Error():
		text = "cut short by the server, or something on the way (unexpected EOF)"
	}
	return e.URL + ": " + text
}

func (e *Error) Unwrap() error { return e.Err }

// StatusError is an HTTP status that is no success. URL carries no
// credentials.
type StatusError struct {
	URL  string
	Code int
	// RetryAfter is how long the server asked to be left alone; 0 if it did not.
	RetryAfter time.Duration
	Hint       string // what may be done about it; "" if nothing is known
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("HTTP status %d", e.Code)
	if name := http.StatusText(e.Code); name != "" {
		text += " (" + name + ")"
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// TooLargeError says that a file has more bytes than its metadata allow.
type TooLargeError struct {
	Limit int64 // bytes
	Size  int64 // bytes as announced; 0 if the excess came unannounced
}

func (e *TooLargeError) Error() string {
	if e.Size > 0 {
		return fmt.Sprintf("has %d bytes, expected at most %d", e.Size, e.Limit)
	}
	return fmt.Sprintf("has more than the expected %d bytes", e.Limit)
}

// Mismatch is true: the content is not what was asked for.
func (e *TooLargeError) Mismatch() bool { return true }

// TimeoutError says that a transfer brought nothing, or less than the least
// acceptable rate, for some time.
type TimeoutError struct {
	After time.Duration
	Slow  bool // there were bytes, but too few
}

func (e *TimeoutError) Error() string {
	if e.Slow {
		return fmt.Sprintf("too slow for %v", e.After)
	}
	return fmt.Sprintf("no answer or no progress for %v", e.After)
}

// Timeout is true, as for net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// slow reports whether a transfer was given up because it got on too slowly, or
// not at all.
func slow(err error) bool {
	var timeout *TimeoutError
	return errors.As(err, &timeout)
}

// LocalError says that the Sink failed: the disk is full, not the server at
// fault.
type LocalError struct{ Err error }

func (e *LocalError) Error() string { return e.Err.Error() }
func (e *LocalError) Unwrap() error { return e.Err }

// inWords is a lasting failure of a connection in our words; err is what it was.
type inWords struct {
	words string
	err   error
}

func (e *inWords) Error() string { return e.words }
func (e *inWords) Unwrap() error { return e.err }

// redirectError says that a redirect was not followed.
type redirectError struct{ why string }

func (e *redirectError) Error() string { return e.why }

// encodedError says that an answer has another form than the file.
type encodedError struct{ hint string }

func (e *encodedError) Error() string { return e.hint }

// rangeError says that an answer to a Range request cannot be used.
type rangeError struct{ why string }

func (e *rangeError) Error() string { return e.why }

// wrongContent is a mismatch that the Sink (or the limit) found.
type wrongContent struct {
	err     error
	resumed bool   // the bytes came in more than one piece
	hint    string // what the answer was labelled as, if that explains it
}

func (e *wrongContent) Error() string {
	if e.hint != "" {
		return e.err.Error() + " (" + e.hint + ")"
	}
	return e.err.Error()
}
func (e *wrongContent) Unwrap() error  { return e.err }
func (e *wrongContent) Mismatch() bool { return true }

// saidOfAll is how many of many failures are told.
const saidOfAll = 3

// allFailed is the failure of several base URLs, one error each, on one line.
type allFailed struct{ errs []error }

func (e *allFailed) Error() string {
	var texts []string
	for i, err := range e.errs {
		if i == saidOfAll && len(e.errs) > saidOfAll+1 {
			texts = append(texts, fmt.Sprintf("and %d more mirrors failed", len(e.errs)-i))
			break
		}
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}
func (e *allFailed) Unwrap() []error { return e.errs }

// NotFound reports whether every place that was asked says that the file does
// not exist (404, 410, no such file).
func NotFound(err error) bool {
	var all *allFailed
	if errors.As(err, &all) {
		for _, e := range all.errs {
			if !NotFound(e) {
				return false
			}
		}
		return true
	}
	var status *StatusError
	if errors.As(err, &status) {
		return status.Code == http.StatusNotFound || status.Code == http.StatusGone
	}
	var local *LocalError
	return errors.Is(err, fs.ErrNotExist) && !errors.As(err, &local)
}

// Mismatch reports whether a place that was asked delivered a file that is not
// the one that the metadata describe.
func Mismatch(err error) bool {
	var m interface{ Mismatch() bool }
	return errors.As(err, &m) && m.Mismatch()
}

// Temporary reports whether the same request may succeed later: true for
// status 5xx, 408 and 429, timeouts, cut and refused connections; false for
// other statuses, TLS verification, redirects that are refused, wrong content,
// unusable URLs, local errors and cancellation.
func Temporary(err error) bool {
	var all *allFailed
	if errors.As(err, &all) {
		for _, e := range all.errs {
			if Temporary(e) {
				return true
			}
		}
		return false
	}
	var status *StatusError
	if errors.As(err, &status) {
		return temporaryStatus(status.Code)
	}
	return temporaryTransport(err)
}

func temporaryStatus(code int) bool {
	return code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooManyRequests
}

// Unavailable reports whether no place that was asked could give the file: not
// reached, no answer, status 4xx or 5xx, no such file. What came and is not right,
// a certificate that is not trusted and local errors are something else.
func Unavailable(err error) bool {
	var all *allFailed
	if errors.As(err, &all) {
		for _, e := range all.errs {
			if !Unavailable(e) {
				return false
			}
		}
		return true
	}
	var status *StatusError
	if errors.As(err, &status) {
		return status.Code >= http.StatusBadRequest
	}
	var dns *net.DNSError
	var proxy *ProxyError
	return errors.Is(err, ErrDown) || errors.As(err, &proxy) && proxy.Code != 0 || errors.As(err, &dns) || NotFound(err) || Temporary(err)
}

// temporaryTransport judges failures below HTTP. What is not known to be
// lasting is worth the few retries.
func temporaryTransport(err error) bool {
	var (
		local     *LocalError
		content   interface{ Mismatch() bool }
		redirect  *redirectError
		encoded   *encodedError
		badURL    *urlError
		fileErr   *fileError
		timeout   *TimeoutError
		proxy     *ProxyError
		words     *inWords
		dns       *net.DNSError
		op        *net.OpError
		tlsVerify *tls.CertificateVerificationError
		unknownCA x509.UnknownAuthorityError
		badHost   x509.HostnameError
		badCert   x509.CertificateInvalidError
	)
	switch {
	case err == nil, errors.As(err, &local), errors.As(err, &content),
		errors.As(err, &redirect), errors.As(err, &encoded), errors.As(err, &badURL), errors.As(err, &fileErr):
		return false
	case errors.As(err, &timeout):
		return true
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &proxy) && proxy.Code != 0:
		return temporaryStatus(proxy.Code)
	case errors.As(err, &words):
		return false
	case errors.As(err, &tlsVerify), errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &unknownCA),
		errors.As(err, &badHost), errors.As(err, &badCert):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.As(err, &op) && op.Op == "remote error":
		return false // a TLS alert: the server does not want us
	}
	return true
}

// withoutURL takes the *url.Error off that net/http puts around every error:
// it repeats the URL, with what stands in its query.
func withoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}
