package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"gorepo/internal/health"
)

//go:embed templates
var templateFiles embed.FS

// views are the templates, each with the frame around it.
type views map[string]*template.Template

// loadViews parses the templates. path gives where a static file is.
func loadViews(path func(name string) string) views {
	funcs := template.FuncMap{
		"asset":    path,
		"num":      func(n int) string { return number(n) },
		"size":     humanSize,
		"bytes":    func(n int64) string { return number(n) + " bytes" },
		"count":    count,
		"utc":      utc,
		"day":      func(t time.Time) string { return t.UTC().Format("2006-01-02") },
		"clock":    func(t time.Time) string { return t.UTC().Format("15:04") },
		"iso":      func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") },
		"title":    upperFirst,
		"daysago":  daysAgo,
		"ago":      ago,
		"short":    short,
		"level":    levelWord,
		"upstream": upstreamURL,
		"weburl":   webURL,
		"mark":     levelMark,
		"flags":    flagSign,
		"join":     strings.Join,
		"split":    splitWords,
		"dict":     dict,
		"href":     func(up string, names ...string) string { return up + join(names...) },
		"finger":   fingerprint,
		"gravity":  gravity,
		"fixword":  fixWord,
		"fixlevel": fixLevel,
		"moreCVEs": moreCVEs,
		"sub":      func(a, b int) int { return a - b },
	}
	base := template.Must(template.New("frame").Funcs(funcs).ParseFS(templateFiles, "templates/frame.html", "templates/parts.html"))
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err) // they are in the binary
	}
	all := views{}
	for _, e := range entries {
		name, _ := strings.CutSuffix(e.Name(), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		all[name] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, "templates/"+e.Name()))
	}
	return all
}

// frame is what a template is given.
type frame struct {
	Up, Title string
	Site      string // the mirror's name
	Crumbs    []crumb
	Repo      *repoHead
	Tab       string
	Nav       string
	Q         string
	Twin      string
	Refresh   int
	Wide      bool // the page has a search of its own
	Version   string
	Now       time.Time
	D         any
}

func (v *visit) render(a *answer) ([]byte, error) {
	view := v.h.views[a.view]
	if view == nil {
		return nil, fmt.Errorf("there is no template %q", a.view)
	}
	f := frame{
		Up: v.up, Title: short(a.title, 200), Crumbs: a.crumbs, Repo: a.repo, Tab: a.tab, Nav: a.nav, Q: a.q, Twin: a.twin,
		Version: v.h.o.Version, Now: v.now, D: a.data,
	}
	if p, ok := a.data.(*problem); ok {
		f.Refresh = p.refresh
	}
	f.Site = v.site()
	if len(f.Site) > 100 || f.Site == "" {
		f.Site = "gorepo"
	}
	f.Wide = a.view == "home" || a.view == "search"
	var b bytes.Buffer
	if err := view.ExecuteTemplate(&b, "frame", f); err != nil {
		return nil, fmt.Errorf("page %s: %w", a.view, err)
	}
	return tame(b.Bytes()), nil
}

// site is what the mirror is called: as clients reach it, without http:// in front.
func (v *visit) site() string {
	if base, ok := v.h.o.Base(v.r); ok {
		if u, err := url.Parse(base); err == nil && u.Host != "" {
			return u.Host + u.Path
		}
	}
	return v.r.Host
}

// splitWords takes a command apart, for lines to be broken between its words. What has
// several lines is left whole.
func splitWords(s string) []string {
	if strings.Contains(s, "\n") {
		return []string{s}
	}
	return strings.Split(s, " ")
}

// For templates.

func (p *problem) Status() int   { return p.status }
func (p *problem) Title() string { return p.title }
func (p *problem) Text() string  { return p.text }
func (p *problem) Percent() int  { return p.percent }
func (p *problem) Refresh() int  { return p.refresh }

// levelWord is how a repository stands, in words that need no explanation.
func levelWord(r health.Repo) string {
	switch r.Level {
	case health.OK:
		if r.Sync.Time.IsZero() {
			return "published" // whether it is as upstream has it, nobody knows
		}
		return "up to date"
	case health.Late:
		return "late"
	case health.Failing:
		return "failing"
	}
	return "empty"
}

// upstreamURL is webURL of an address that may be shown with stars for what is
// secret. Nobody gets anywhere with these.
func upstreamURL(s string) string {
	if strings.Contains(s, "***") {
		return ""
	}
	return webURL(s)
}

// levelMark is a shape beside the words, so that not only the colour differs.
func levelMark(l health.Level) string {
	switch l {
	case health.OK:
		return "●"
	case health.Late:
		return "▲"
	case health.Failing:
		return "✖"
	}
	return "○"
}

func flagSign(flags string) string {
	switch flags {
	case "EQ":
		return "="
	case "LT":
		return "<"
	case "LE":
		return "≤"
	case "GT":
		return ">"
	case "GE":
		return "≥"
	}
	return short(flags, 10)
}

// fingerprint writes a key's fingerprint in groups of four, as people compare it.
func fingerprint(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// dict makes one value of several, for templates that need more than one.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d arguments", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is not a name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}
