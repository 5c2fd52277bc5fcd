package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// policy lets a page have its style, its script and its icon, all from here, and
// send its forms here. Nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func setSafe(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", policy)
}

// send answers with what was found.
func (v *visit) send(w http.ResponseWriter, a *answer) {
	var body []byte
	var err error
	h := w.Header()
	if v.api {
		body, err = marshal(a.json)
		h.Set("Content-Type", "application/json")
	} else {
		body, err = v.render(a)
		h.Set("Content-Type", "text/html; charset=utf-8")
	}
	if err != nil {
		v.fail(w, err)
		return
	}
	if len(v.path) == 1 { // "/" answers in several ways
		h.Set("Vary", "Accept")
	}
	v.write(w, http.StatusOK, body)
}

// Refuse answers a browser that does not get what it asks for, at any address of the
// mirror. What is said says nothing of that address.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	v := &visit{h: h, r: r, ctx: r.Context(), up: up(r.URL.EscapedPath()), now: h.o.Now()}
	v.sendProblem(w, &problem{status: status, title: title, text: text})
}

func (v *visit) sendProblem(w http.ResponseWriter, p *problem) {
	h := w.Header()
	if p.refresh > 0 {
		h.Set("Retry-After", strconv.Itoa(p.refresh))
	}
	var body []byte
	var err error
	if v.api {
		h.Set("Content-Type", "application/json")
		body, err = marshal(apiError{Status: p.status, Error: p.title, Detail: p.text})
	} else {
		h.Set("Content-Type", "text/html; charset=utf-8")
		a := &answer{view: "problem", title: p.title, data: p, repo: p.head}
		body, err = v.render(a)
	}
	if err != nil {
		v.h.o.Logger.Error("cannot make a page of an error", "path", v.r.URL.Path, "error", err)
		body = []byte(p.title + "\n")
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	v.write(w, p.status, body)
}

// write sends a finished page, or that the client has it. Its tag is made of the
// content: so it is right whatever a page shows, the time of day too.
func (v *visit) write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	setSafe(h)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache") // another client may see other repositories
	}
	if status == http.StatusOK {
		sum := sha256.Sum256(body)
		tag := `"` + hex.EncodeToString(sum[:12]) + `"`
		h.Set("ETag", tag)
		if matches(v.r.Header.Values("If-None-Match"), tag) {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may have gone
	}
}

// matches reports whether If-None-Match names a tag.
func matches(values []string, tag string) bool {
	for _, value := range values {
		for t := range strings.SplitSeq(value, ",") {
			t = strings.TrimPrefix(strings.TrimSpace(t), "W/")
			if t == tag || t == "*" {
				return true
			}
		}
	}
	return false
}

func marshal(data any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(data); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return b.Bytes(), nil
}
