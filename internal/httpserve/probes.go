package httpserve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// monitor answers what watches the server, and reports whether name was that. The
// probes are for everybody: they tell nothing of a repository.
func (s *Server) monitor(w http.ResponseWriter, r *http.Request, name string) bool {
	switch {
	case name == "healthz":
		healthz(w)
	case name == "readyz":
		s.readyz(w, r)
	case name == "metrics" && !s.options.MetricsElsewhere:
		if s.guard(w, r, "") {
			s.exposeMetrics(w, r, func(id string) bool { return s.Allowed(r, id) })
		}
	default:
		return false
	}
	return true
}

// all wants every repository.
func all(string) bool { return true }

// healthz says that the process answers.
func healthz(w http.ResponseWriter) { probe(w, http.StatusOK, "ok") }

// probe answers with a status and a line that no cache keeps.
func probe(w http.ResponseWriter, status int, text string) { fail(w, status, text) }

// A readiness is the answer of /-/readyz.
type readiness struct {
	Ready bool `json:"ready"`
	// Reason says in words why it is not.
	Reason string `json:"reason,omitempty"`
	// Configured counts the repositories that are configured and not switched off.
	Configured int `json:"configured"`
}

// readyz says whether clients find what they come for: ROOT can be read, and
// there is a repository, or none is asked for.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	state := s.readiness()
	status, text := http.StatusOK, "ready"
	if !state.Ready {
		status, text = http.StatusServiceUnavailable, "503 not ready: "+state.Reason
	}
	if !wantsJSON(r.Header) {
		probe(w, status, text)
		return
	}
	data, err := json.Marshal(state)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // a client that is gone has no use for it
}

func (s *Server) readiness() readiness {
	var state readiness
	for _, repo := range s.repos() {
		if !repo.Disabled {
			state.Configured++
		}
	}
	if err := s.rootReadable(); err != nil {
		s.log.Error("not ready", "error", err)
		state.Reason = "the mirror's directory cannot be read"
		return state
	}
	if state.Configured > 0 && !s.anyPublished() {
		state.Reason = fmt.Sprintf("none of %d configured repositories is published yet", state.Configured)
		return state
	}
	state.Ready = true
	return state
}

func (s *Server) rootReadable() error {
	dir, err := s.tree.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // only read
	_, err = dir.ReadDir(1)
	if errors.Is(err, io.EOF) {
		err = nil // an empty mirror is one
	}
	return err
}

func (s *Server) anyPublished() bool {
	for _, repo := range s.repos() {
		if s.published(repo.ID) {
			return true
		}
	}
	return len(s.publishedOf(all)) > 0
}
