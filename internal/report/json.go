package report

import (
	"bytes"
	"encoding/json"
	"time"
)

// An event is one line of --json. docs/json.md is its specification: names may
// be added, none is changed.
type event struct {
	Event    string    `json:"event"`
	Time     time.Time `json:"time"`
	Repo     string    `json:"repo,omitempty"`
	Location string    `json:"location,omitempty"`
	Action   string    `json:"action,omitempty"`
	Text     string    `json:"text,omitempty"`
	Error    string    `json:"error,omitempty"`
	Packages *int      `json:"packages,omitempty"`
	Bytes    *int64    `json:"bytes,omitempty"`
	Verb     string    `json:"verb,omitempty"`

	*summaryFields
	*dryRunFields
	*progressFields
}

type progressFields struct {
	Done     int   `json:"done"`
	Received int64 `json:"received"`
	Rate     int64 `json:"rate"`
}

type summaryFields struct {
	Outcome  string  `json:"outcome"`
	Added    int     `json:"added"`
	Updated  int     `json:"updated"`
	Removed  int     `json:"removed"`
	Failures int     `json:"failures"`
	Read     int     `json:"read"`
	Reused   int     `json:"reused"`
	Fetched  int64   `json:"fetched"`
	Waiting  int     `json:"waiting,omitempty"`
	Seconds  float64 `json:"seconds"`
}

func summaryEvent(s Summary) event {
	e := event{Event: "summary", Repo: s.Repo, Packages: &s.Packages, Bytes: &s.Bytes, Verb: s.Verb, summaryFields: &summaryFields{
		Outcome: s.Outcome, Added: s.Added, Updated: s.Updated, Removed: s.Removed,
		Failures: s.Failures, Read: s.Read, Reused: s.Reused, Fetched: s.Fetched, Waiting: s.Waiting, Seconds: float64(s.Duration.Milliseconds()) / 1000,
	}}
	if s.Err != nil {
		e.Error = s.Err.Error()
	}
	return e
}

func (p *Printer) event(e event) {
	if !p.opts.JSON {
		return
	}
	e.Time = p.now().UTC().Truncate(time.Millisecond)
	p.Object(e)
}

// Object prints v as one line of JSON on stdout. v has a key "event".
func (p *Printer) Object(v any) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false) // an & in a URL stays one
	if err := enc.Encode(v); err != nil {
		// Only a type that cannot be encoded gets here, whatever its values.
		panic("report: " + err.Error())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.opts.Stdout.Write(line.Bytes()) // see Lost; a closed pipe ends the program by itself
}
