package pages_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// A document is what a page turns out to consist of.
type document struct {
	title, h1 string
	text      string
	links     []string // href, as they stand
	external  []string // of these, those that lead to elsewhere
	forms     []string
	tags      map[string]int
}

var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// check reads a page as strictly as XML would be, but for the elements that have
// no end, and fails for what a browser would have to guess or somebody who does
// not see would miss.
func check(t testing.TB, page string) document {
	t.Helper()
	require.True(t, strings.HasPrefix(page, "<!DOCTYPE html>\n"))
	d := document{tags: map[string]int{}}
	var open []string
	var text strings.Builder
	ids, fors := map[string]bool{}, map[string]bool{}
	var refs []string
	heading := 0
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		a := map[string]string{}
		for _, at := range token.Attr {
			_, twice := a[at.Key]
			assert.False(t, twice, "%s: %s twice", token.Data, at.Key)
			a[at.Key] = at.Val
			assert.False(t, strings.HasPrefix(at.Key, "on") || at.Key == "style", "%s has %s", token.Data, at.Key)
		}
		switch kind {
		case html.TextToken:
			text.WriteString(token.Data)
			if len(open) > 0 && open[len(open)-1] == "title" {
				d.title += token.Data
			}
			if slices.Contains(open, "h1") {
				d.h1 += token.Data
			}
			assert.False(t, slices.Contains(open, "table") && !slices.Contains(open, "th") && !slices.Contains(open, "td") && !slices.Contains(open, "caption") &&
				strings.TrimSpace(token.Data) != "", "text outside of a table's cells: %q", token.Data)
		case html.EndTagToken:
			require.NotEmpty(t, open, "</%s> ends nothing", token.Data)
			require.Equal(t, open[len(open)-1], token.Data, "ends in the wrong order, within %v", open)
			open = open[:len(open)-1]
		case html.StartTagToken, html.SelfClosingTagToken:
			d.tags[token.Data]++
			if id, ok := a["id"]; ok {
				assert.False(t, ids[id] || id == "" || strings.ContainsAny(id, " \n"), "id %q", id)
				ids[id] = true
			}
			for _, name := range []string{"aria-labelledby", "data-live"} {
				if a[name] != "" {
					refs = append(refs, a[name])
				}
			}
			named := a["aria-label"] != "" || slices.Contains(open, "label")
			switch token.Data {
			case "a":
				require.NotEmpty(t, a["href"], token)
				if !slices.Contains(open, "main") && strings.HasPrefix(a["href"], "#") {
					refs = append(refs, a["href"][1:])
				}
				d.links = append(d.links, a["href"])
				u, err := url.Parse(a["href"])
				require.NoError(t, err)
				if u.Scheme != "" || u.Host != "" {
					assert.Contains(t, []string{"http", "https"}, u.Scheme)
					assert.Equal(t, "noreferrer noopener", a["rel"], a["href"])
					d.external = append(d.external, a["href"])
				}
			case "form":
				assert.Equal(t, "get", a["method"])
				d.forms = append(d.forms, a["action"])
			case "label":
				fors[a["for"]] = true
			case "input", "select":
				assert.True(t, a["type"] == "hidden" || named || fors[a["id"]], "%s has no label", token)
			case "img":
				_, ok := a["alt"]
				assert.True(t, ok, "no alt")
				refers(t, a["src"])
			case "script":
				refers(t, a["src"])
				assert.Contains(t, a, "defer")
			case "link":
				refers(t, a["href"])
			case "th":
				assert.NotEmpty(t, a["scope"], "th without scope")
			case "h1", "h2", "h3":
				level := int(token.Data[1] - '0')
				assert.LessOrEqual(t, level, heading+1, "a heading of level %d after one of %d", level, heading)
				heading = level
			case "nav", "section":
				assert.True(t, a["aria-label"] != "" || a["aria-labelledby"] != "" || token.Data == "section", "%s has no name", token)
			}
			if !slices.Contains(void, token.Data) {
				open = append(open, token.Data)
			}
		}
	}
	assert.Empty(t, open, "not ended")
	d.text = text.String()
	for _, id := range refs {
		assert.True(t, ids[id], "refers to #%s, which is not there", id)
	}
	for _, one := range []string{"main", "h1", "title", "header", "footer", "html", "body"} {
		assert.Equal(t, 1, d.tags[one], "<%s>", one)
	}
	assert.Equal(t, d.tags["table"], d.tags["caption"], "a table without a caption")
	assert.Zero(t, d.tags["style"], "style in the page")
	return d
}

// refers checks that something which a browser loads by itself is from here.
func refers(t testing.TB, address string) {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	assert.True(t, u.Scheme == "" && u.Host == "" && address != "" && address[0] != '/', "loads %q", address)
}
