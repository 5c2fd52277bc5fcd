package httpserve

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"strings"
)

// listingStyle works on a phone (each entry becomes two lines) and follows the
// reader's light or dark setting.
const listingStyle = `
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--panel:#f6f8fa;--dim:#57606a;--line:#d8dee4;--soft:#eaeef2;--link:#0b57a4}
@media (prefers-color-scheme:dark){:root{--fg:#e2e7ec;--bg:#0f1317;--panel:#171c22;--dim:#9aa6b2;--line:#2c343d;--soft:#222931;--link:#85b9f5}}
*{box-sizing:border-box}
body{margin:0;font:.9375rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;color:var(--fg);background:var(--bg)}
main,nav{max-width:76rem;margin:0 auto;padding:1rem 1.25rem}
header{background:var(--panel);border-bottom:1px solid var(--line)}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;overflow-wrap:anywhere}
nav a:first-child{font-weight:650}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
a:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:2px}
h1{font-size:1.35rem;font-weight:650;line-height:1.25;margin:.25rem 0 .75rem;overflow-wrap:anywhere}
p{color:var(--dim);margin:.75rem 0}
p a{text-decoration:underline}
table{width:100%;border-collapse:collapse}
th{text-align:left;font-weight:600;font-size:.8125rem;border-bottom:1px solid var(--line)}
th a{color:var(--dim)}
th,td{padding:.32rem .9rem .32rem 0;vertical-align:top}
td{border-bottom:1px solid var(--soft)}
tbody tr:hover{background:var(--panel)}
td:first-child{overflow-wrap:anywhere}
.s,.d{white-space:nowrap;color:var(--dim);font-variant-numeric:tabular-nums}
.s{text-align:right}
@media (max-width:40rem){
main,nav{padding:.75rem .9rem}
td{border:0;padding:0}
tr{display:flex;flex-wrap:wrap;gap:0 1rem;padding:.4rem 0;border-bottom:1px solid var(--soft)}
th{border:0;padding:0}
td:first-child{flex:1 0 100%}
td.s,td.d{font-size:.85rem}
td:empty{display:none}
}
`

var listingPolicy = func() string {
	sum := sha256.Sum256([]byte(listingStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// A listing is a directory as a page shows it.
type listing struct {
	segments []string
	entries  []entry
	order    order
	pages    bool // there are pages of repositories to lead to
	about    bool // there is one of the repository that the directory is in
}

// writeHTML writes a listing as it goes, so that a directory of any size
// starts to show at once. out keeps the first error for Flush.
func (l listing) writeHTML(out *bufio.Writer) {
	segments, entries, o := l.segments, l.entries, l.order
	here := html.EscapeString(readable("/" + strings.Join(append(segments[:len(segments):len(segments)], ""), "/")))
	put := func(parts ...string) {
		for _, p := range parts {
			_, _ = out.WriteString(p)
		}
	}
	put("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Index of ", here, "</title>\n",
		"<style>", listingStyle, "</style>\n</head>\n<body>\n", l.head(), "<main>\n<h1>Index of ", breadcrumb(segments), "</h1>\n")
	if id := configurable(segments, entries); id != "" {
		put("<p>Client configuration: <a href=\"../", id, ".repo\">", id, ".repo</a></p>\n")
	}
	put("<table>\n<thead><tr>", heading("Name", 'N', "", o), heading("Size", 'S', "s", o),
		heading("Last modified (UTC)", 'M', "d", o), "</tr></thead>\n<tbody>\n")
	if len(segments) > 0 {
		put("<tr><td><a href=\"../\">../</a></td><td class=\"s\"></td><td class=\"d\"></td></tr>\n")
	}
	var bytes int64
	for _, e := range entries {
		bytes += e.size()
		put(row(e))
	}
	put("</tbody>\n</table>\n<p>", summary(len(entries), bytes), "</p>\n</main>\n</body>\n</html>\n")
}

// head leads from a listing to the pages.
func (l listing) head() string {
	if !l.pages {
		return ""
	}
	up := "./" + strings.Repeat("../", len(l.segments))
	head := `<header><nav aria-label="Pages"><a href="` + up + `">Repositories</a>`
	if l.about {
		id := l.segments[0]
		head += `<a href="` + up + `-/repos/` + html.EscapeString(url.PathEscape(id)) + `/">About ` + html.EscapeString(readable(id)) + `: packages, changes, how to use it</a>`
	}
	return head + "</nav></header>\n"
}

func row(e entry) string {
	name, size := readable(e.Name), ""
	if e.isDir() {
		name += "/"
	} else {
		size = `<span title="` + exactSize(e.size()) + `">` + humanSize(e.size()) + `</span>`
	}
	return `<tr><td><a href="` + html.EscapeString(href(e)) + `">` + html.EscapeString(name) +
		`</a></td><td class="s">` + size + `</td><td class="d"><time datetime="` + e.ModTime.Format("2006-01-02T15:04:05Z") +
		`">` + e.ModTime.Format("2006-01-02 15:04") + "</time></td></tr>\n"
}

// heading is a column's title; a click sorts by it, a second one turns it round.
func heading(title string, column byte, class string, o order) string {
	to, sorted := fmt.Sprintf("?C=%c&amp;O=A", column), ""
	if o.column == column {
		sorted = ` aria-sort="ascending"`
		if o.descending {
			sorted = ` aria-sort="descending"`
		} else {
			to = fmt.Sprintf("?C=%c&amp;O=D", column)
		}
	}
	if class != "" {
		class = ` class="` + class + `"`
	}
	return `<th scope="col"` + class + sorted + `><a href="` + to + `">` + title + `</a></th>`
}

// breadcrumb links each directory on the way, relative to here.
func breadcrumb(segments []string) string {
	var b strings.Builder
	up := strings.Repeat("../", len(segments))
	if up == "" {
		up = "./"
	}
	fmt.Fprintf(&b, `<a href="%s">/</a>`, up)
	for i, s := range segments {
		name := html.EscapeString(readable(s))
		if i == len(segments)-1 {
			fmt.Fprintf(&b, `<span aria-current="page">%s</span>/`, name)
		} else {
			fmt.Fprintf(&b, `<a href="%s">%s</a>/`, strings.Repeat("../", len(segments)-1-i), name)
		}
	}
	return b.String()
}

// configurable gives the ID of a directory that /ID.repo is made for.
func configurable(segments []string, entries []entry) string {
	if len(segments) != 1 || !repoID.MatchString(segments[0]) {
		return ""
	}
	for _, e := range entries {
		if e.Name == "repodata" && e.isDir() {
			return segments[0]
		}
	}
	return ""
}

func summary(n int, bytes int64) string {
	if n == 1 {
		return "1 entry, " + humanSize(bytes)
	}
	return fmt.Sprintf("%d entries, %s", n, humanSize(bytes))
}

// readable is a name as it can be shown: file names are bytes, a page is UTF-8.
func readable(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }
