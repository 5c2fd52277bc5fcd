package httpserve_test

import (
	"fmt"
	"slices"
	"strings"
)

// conformNames are file names as packages have them, and worse.
var conformNames = []string{
	"a+b~c^d e%2B.rpm", "a+b.rpm", "a b.rpm", "tilde~1^git.rpm", "é-ü-日本.rpm", "UPPER.rpm", "upper.rpm",
	"50%25.rpm", "semi;colon,at@=&$'()!*:.rpm", "hash#.rpm", "q?.rpm", `quote".rpm`, "<b>.rpm", "[1]{2}|.rpm", "latin\xe9.rpm",
}

// conformTypes are the types of what lies in mirrors.
var conformTypes = []struct{ ext, mediaType string }{
	{".rpm", "application/x-rpm"},
	{".drpm", "application/x-rpm"},
	{".xml", "application/xml"},
	{".xml.gz", "application/gzip"},
	{".xml.zst", "application/zstd"},
	{".xml.xz", "application/x-xz"},
	{".xml.bz2", "application/x-bzip2"},
	{".xml.zck", "application/zchunk"},
	{".sqlite", "application/vnd.sqlite3"},
	{".yaml", "application/yaml"},
	{".asc", "text/plain; charset=utf-8"},
	{".iso", "application/x-iso9660-image"},
	{".img", "application/octet-stream"},
	{".html", "text/html; charset=utf-8"},
	{".txt", "text/plain; charset=utf-8"},
	{".repo", "text/plain; charset=utf-8"},
	{".json", "application/json"},
	{".key", "application/pgp-keys"},
	{"", "application/octet-stream"},
	{".RPM", "application/x-rpm"},
}

const (
	longAgo = "Mon, 01 Jan 2001 00:00:00 GMT"
	later   = "Mon, 05 May 2025 00:00:00 GMT"
)

// Reasons that several rows have.
const (
	whyGrammar  = "one space is one space (RFC 9112, 3)"
	whyEmpty    = "net/http; no client sends empty lines ahead of a request"
	whyLength   = "64 KiB of header are enough for thousands of ranges, and more is the header's fault"
	whyFolded   = "joined, as RFC 9112, 5.2 allows"
	whyField    = "not a field (RFC 9110, 5.5 and 5.6.2)"
	whyContinue = "nobody is asked for a body that nobody reads"
	whyFraming  = "answered once and closed: what two readers may take for different things is nobody's next request"
	whyCoding   = "a coding that the server does not know (RFC 9112, 6.1)"
	whyDots     = "no client sends `..` that has not been led there"
	whySlash    = "no name in a mirror has a backslash, and other systems take it for a slash"
	whyListing  = "listings are gorepo's own"
)

// conformRows is the table.
func conformRows() []row {
	var rows []row
	for _, a := range []struct {
		name string
		rows []row
	}{
		{"methods", methodRows()},
		{"connections", connectionRows()},
		{"request lines", requestLineRows()},
		{"header lines", headerLineRows()},
		{"bodies", bodyRows()},
		{"ranges", rangeRows()},
		{"conditions", conditionRows()},
		{"files", fileRows()},
		{"names", nameRows()},
		{"paths", pathRows()},
	} {
		for _, r := range a.rows {
			r.area = a.name
			rows = append(rows, r)
		}
	}
	return rows
}

func methodRows() []row {
	return []row{
		{send: request("GET /r/small.txt"), want: "200", has: []string{"Content-Length: 10", "body: 0123456789"}},
		{send: request("HEAD /r/small.txt"), want: "200", has: []string{"Content-Length: 10", "body: ", "ETag", "Last-Modified: " + mtime}},
		{send: request("HEAD /r/none"), want: "404", has: []string{"Content-Length", "body: "}},
		{name: "`OPTIONS` of a file", send: request("OPTIONS /r/small.txt"), want: "204", nginx: "405", why: "`OPTIONS` says what is allowed"},
		{name: "`OPTIONS *`", send: request("OPTIONS *"), want: "204", nginx: "400 close", why: "`OPTIONS` says what is allowed"},
		{send: request("POST /r/small.txt", "Content-Length: 0"), want: "405"},
		{send: request("PUT /r/small.txt", "Content-Length: 0"), want: "405"},
		{send: request("DELETE /r/small.txt"), want: "405"},
		{send: request("PATCH /r/small.txt"), want: "405"},
		{send: request("PROPFIND /r/"), want: "405"},
		{send: request("BREW /r/small.txt"), want: "405"},
		{send: request("TRACE /r/small.txt"), want: "405"},
		{name: "`CONNECT`", send: request("CONNECT mirror.example:80"), want: "405", nginx: "400 close", why: "a method like any other that is not allowed"},
		{name: "`get` in small letters", send: request("get /r/small.txt"), want: "405", nginx: "400 close", why: "methods are told apart by case, and may be any word (RFC 9110, 9.1)"},
		{send: request("GET\x01 /r/small.txt"), want: "400 close"},
		{send: request("G@T /r/small.txt"), want: "400 close"},
		{send: request("G(T /r/small.txt"), want: "400 close"},
		{send: request(" /r/small.txt"), want: "400 close"},
	}
}

func connectionRows() []row {
	old := func(line string, headers ...string) string {
		return line + " HTTP/1.0\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	}
	small := request("GET /r/small.txt")
	return []row{
		{send: request("GET /r/small.txt", "Connection: close"), want: "200 close", has: []string{"Connection: close"}},
		{send: request("GET /r/small.txt", "Connection: keep-alive"), want: "200"},
		{send: request("GET /r/small.txt", "Connection: Keep-Alive, TE", "TE: trailers"), want: "200"},
		{send: request("GET /r/none", "Connection: close"), want: "404 close"},
		{send: old("GET /r/small.txt"), want: "200 close", has: []string{"Content-Length: 10", "body: 0123456789"}},
		{send: old("GET /r/small.txt", "Host: h"), want: "200 close"},
		{send: old("HEAD /r/small.txt"), want: "200 close"},
		{send: old("GET /r/none"), want: "404 close"},
		{send: old("GET /r/a.rpm", "Range: bytes=0-9"), want: "206 close", has: []string{"body: 0123456789"}},
		{send: old("GET /r/small.txt", "Connection: keep-alive"), want: "200", has: []string{"Connection: keep-alive"}},
		{send: old("GET /r/small.txt", "Connection: close"), want: "200 close"},
		{name: "a listing in HTTP/1.0", send: old("GET /r/d/"), want: "200 close", has: []string{"!Transfer-Encoding"}, differs: []string{"body"}, why: whyListing},
		{send: small + small + small, want: "200 200 200"},
		{send: small + request("HEAD /r/a.rpm") + request("GET /r/none") + small, methods: "GET HEAD GET GET", want: "200 200 404 200"},
		{send: rangeOf("bytes=0-1,4-5") + ask1("If-None-Match: {etag}") + request("POST /r/a.rpm") + small, want: "206 304 405 200"},
		{send: request("GET /r/small.txt", "Connection: close") + small, want: "200 close"},
		{send: strings.Repeat(small, 50), want: strings.TrimSpace(strings.Repeat("200 ", 50))},
		{send: ask1() + ask1() + small, want: "200 200 200"},
		{send: request("GET /r/small.txt", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"), want: "200"},
		{send: request("GET /r/small.txt", "Connection: Upgrade", "Upgrade: websocket"), want: "200"},
	}
}

func requestLineRows() []row {
	line := func(l string, headers ...string) string {
		return l + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	}
	return []row{
		{send: line("GET http://mirror.example/r/small.txt HTTP/1.1", "Host: mirror.example"), want: "200", has: []string{"body: 0123456789"}},
		{send: line("GET http://other.example/r/small.txt HTTP/1.1", "Host: mirror.example"), want: "200"},
		{send: line("GET HTTP://mirror.example:80/r/small.txt HTTP/1.1", "Host: mirror.example"), want: "200"},
		{send: line("GET https://mirror.example/r/small.txt HTTP/1.1", "Host: mirror.example"), want: "200"},
		{name: "a listing, by `GET http://host`", send: line("GET http://mirror.example HTTP/1.1", "Host: mirror.example"), want: "200", differs: []string{"body"}, why: whyListing},
		{send: line("GET /r/small.txt?x=1&y HTTP/1.1", "Host: h"), want: "200"},
		{send: line("GET /r/small.txt? HTTP/1.1", "Host: h"), want: "200"},
		{name: "`GET /file#part`", send: line("GET /r/small.txt#frag HTTP/1.1", "Host: h"), want: "404", nginx: "200", why: "clients keep a fragment for themselves; a `#` that arrives is part of a package's name"},
		{send: line("GET r/small.txt HTTP/1.1", "Host: h"), want: "400 close"},
		{send: line("GET * HTTP/1.1", "Host: h"), want: "400"},
		{name: "two spaces after `GET`", send: line("GET  /r/small.txt HTTP/1.1", "Host: h"), want: "400 close", nginx: "200", why: whyGrammar},
		{send: line("GET\t/r/small.txt HTTP/1.1", "Host: h"), want: "400 close"},
		{name: "two spaces before `HTTP/1.1`", send: line("GET /r/small.txt  HTTP/1.1", "Host: h"), want: "400 close", nginx: "200", why: whyGrammar},
		{name: "a space after `HTTP/1.1`", send: line("GET /r/small.txt HTTP/1.1 ", "Host: h"), want: "400 close", nginx: "200", why: whyGrammar},
		{send: line("GET /r/small.txt HTTP/1.1 x", "Host: h"), want: "400 close"},
		{send: line("GET /r/small.txt x HTTP/1.1", "Host: h"), want: "400 close"},
		{name: "HTTP/0.9", send: line("GET /r/small.txt", "Host: h"), want: "400 close", nginx: "not HTTP", why: "nobody speaks it any more"},
		{send: line("GET", "Host: h"), want: "400 close"},
		{send: line("GET /r/small.txt HTTP/1.2", "Host: h"), want: "200"},
		{send: line("GET /r/small.txt HTTP/2.0", "Host: h"), want: "505 close"},
		{send: line("GET /r/small.txt HTTP/9.9", "Host: h"), want: "505 close"},
		{name: "`HTTP/0.9`", send: line("GET /r/small.txt HTTP/0.9", "Host: h"), want: "505 close", nginx: "400 close", why: "a version that is not supported"},
		{send: line("GET /r/small.txt HTTP/1", "Host: h"), want: "400 close"},
		{name: "`HTTP/1.10`", send: line("GET /r/small.txt HTTP/1.10", "Host: h"), want: "400 close", nginx: "200", why: "a version has one digit (RFC 9112, 2.3)"},
		{send: line("GET /r/small.txt http/1.1", "Host: h"), want: "400 close"},
		{send: line("GET /r/small.txt HTTPS/1.1", "Host: h"), want: "400 close"},
		{send: line("GET /r/sm\x00all.txt HTTP/1.1", "Host: h"), want: "400 close"},
		{send: line("GET /r/sm\x01all.txt HTTP/1.1", "Host: h"), want: "400 close"},
		{send: line("GET /r/sm\x7fall.txt HTTP/1.1", "Host: h"), want: "400 close"},
		{send: line("GET /r/sm\rall.txt HTTP/1.1", "Host: h"), want: "400 close"},
		{name: "HTTP/2 without TLS", send: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: "405 close", nginx: "400 close", why: "net/http"},
		{send: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", want: "400 close"},
		{name: "an empty line first", send: "\r\n" + request("GET /r/small.txt"), want: "400 close", nginx: "200", why: whyEmpty},
		{name: "two empty lines first", send: "\r\n\r\n" + request("GET /r/small.txt"), want: "400 close", nginx: "200", why: whyEmpty},
		{name: "a line feed first", send: "\n" + request("GET /r/small.txt"), want: "400 close", nginx: "200", why: whyEmpty},
		{send: "GET /r/small.txt HTTP/1.1\nHost: h\n\n", want: "200"},
		{send: "GET /r/small.txt HTTP/1.1\nHost: h\r\n\n", want: "200"},
		{send: request("GET /" + strings.Repeat("x", 3000)), want: "404"},
		{name: "a path of 60,000 bytes", send: request("GET /" + strings.Repeat("x", 60000)), want: "404", nginx: "414 close", why: whyLength},
		{name: "a path of 90,000 bytes", send: request("GET /" + strings.Repeat("x", 90000)), want: "431 close", nginx: "414 close", why: whyLength},
		{send: request("GET /r/small.txt?" + strings.Repeat("x", 3000)), want: "200"},
	}
}

func headerLineRows() []row {
	with := func(headers ...string) string { return request("GET /r/small.txt", headers...) }
	bare := func(headers ...string) string {
		return "GET /r/small.txt HTTP/1.1\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	}
	return []row{
		{send: bare(), want: "400 close"},
		{name: "an empty `Host`", send: bare("Host:"), want: "200", nginx: "400 close", why: "RFC 9112, 3.2 has it so where the URL has no host"},
		{send: bare("Host: a", "Host: a"), want: "400 close"},
		{send: bare("Host: a", "Host: b"), want: "400 close"},
		{send: bare("host: a"), want: "200"},
		{send: bare("HOST:a"), want: "200"},
		{send: bare("Host: mirror.example:8080"), want: "200"},
		{send: bare("Host: [::1]:8080"), want: "200"},
		{send: bare("Host: a b"), want: "400 close"},
		{send: bare("Host: a/b"), want: "400 close"},
		{send: bare("Host: a\x00b"), want: "400 close"},
		{send: bare("Host: ..\\x"), want: "400 close"},
		{send: bare("Host: [::1"), want: "200"},
		{send: with("X-A: 1", "X-A: 2"), want: "200"},
		{send: with("X-A:"), want: "200"},
		{send: with("X-A:\t tabs \t"), want: "200"},
		{send: with("X-A: \xe9\xff"), want: "200"},
		{send: with("X-A: a\x00b"), want: "400 close"},
		{name: "a control character in a field", send: with("X-A: a\x01b"), want: "400 close", nginx: "200", why: whyField},
		{send: with("X-A: a\rb"), want: "400 close"},
		{send: with("X-\x00A: ab"), want: "400 close"},
		{send: with("X-A : b"), want: "400 close"},
		{send: with("X A: b"), want: "400 close"},
		{send: with(" X-A: b"), want: "400 close"},
		{name: "a field on two lines", send: with("X-A: b", " folded"), want: "200", nginx: "400 close", why: whyFolded},
		{name: "a field on two lines, by a tab", send: with("X-A: b", "\tfolded"), want: "200", nginx: "400 close", why: whyFolded},
		{name: "`Range` on two lines", send: with("Range: bytes=0-1", " ,4-5"), want: "206", nginx: "400 close", why: whyFolded},
		{send: with("no colon"), want: "400 close"},
		{send: with(": no name"), want: "400 close"},
		{name: "a byte above 127 in a field's name", send: with("X-\xe9: b"), want: "400 close", nginx: "200", why: whyField},
		{name: "`@` in a field's name", send: with("X@A: b"), want: "400 close", nginx: "200", why: whyField},
		{send: with("X-A: " + strings.Repeat("x", 5000)), want: "200"},
		{name: "a field of 60,000 bytes", send: with("X-A: " + strings.Repeat("x", 60000)), want: "200", nginx: "400 close", why: whyLength},
		{name: "a field of 90,000 bytes", send: with("X-A: " + strings.Repeat("x", 90000)), want: "431 close", nginx: "400 close", why: whyLength},
		{name: "5000 fields", send: with(slices.Repeat([]string{"X-A: b"}, 5000)...), want: "200", nginx: "400 close", why: whyLength},
		{name: "6000 fields of 15 bytes", send: with(slices.Repeat([]string{"X-A: 0123456789"}, 6000)...), want: "431 close", nginx: "400 close", why: whyLength},
	}
}

// bodyRows have bodies, honest ones and those that two readers may take for
// different things: nothing of them may be answered as a request.
func bodyRows() []row {
	small := request("GET /r/small.txt")
	get := func(body string, headers ...string) string { return request("GET /r/small.txt", headers...) + body }
	return []row{
		{send: get("", "Content-Length: 0"), want: "200"},
		{send: get("12345", "Content-Length: 5"), want: "200 close"},
		{send: get("5\r\n12345\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), want: "200 close"},
		{send: get("5;ext=1\r\n12345\r\n0\r\nX: y\r\n\r\n", "Transfer-Encoding: chunked"), want: "200 close"},
		{send: get("0\r\n\r\n", "Transfer-Encoding: Chunked"), want: "200 close"},
		{send: request("POST /r/small.txt", "Content-Length: 5") + "12345", want: "405 close"},
		{send: request("POST /r/small.txt", "Transfer-Encoding: chunked") + "5\r\n12345\r\n0\r\n\r\n", want: "405 close"},
		{send: request("PUT /r/small.txt", "Content-Length: 100000") + strings.Repeat("x", 100000), want: "405 close"},
		{send: request("HEAD /r/small.txt", "Content-Length: 5") + "12345", want: "200 close"},
		{name: "`Expect: 100-continue` with a body", send: get("12345", "Content-Length: 5", "Expect: 100-continue"), want: "200 close", nginx: "100 200", why: whyContinue},
		{name: "`Expect: 100-continue` with an empty body", send: get("", "Content-Length: 0", "Expect: 100-continue"), want: "200", nginx: "100 200", why: whyContinue},
		{send: request("POST /r/small.txt", "Content-Length: 5", "Expect: 100-continue") + "12345", want: "405 close"},
		{name: "`Expect: 100-continue` without a body", send: get("", "Expect: 100-continue"), want: "200", nginx: "100 200", why: whyContinue},
		{name: "`Expect:` anything else", send: get("", "Expect: something"), want: "417 close", nginx: "200", why: "RFC 9110, 10.1.1"},
		// What stands behind must not be taken for a request.
		{send: get("5\r\n12345\r\n0\r\n\r\n"+small, "Content-Length: 5", "Transfer-Encoding: chunked"), want: "200 close", nginx: "400 close", why: whyFraming, name: "`Content-Length` and `Transfer-Encoding`"},
		{send: get("5\r\n12345\r\n0\r\n\r\n"+small, "Transfer-Encoding: chunked", "Content-Length: 5"), want: "200 close", nginx: "400 close", why: whyFraming, name: "`Transfer-Encoding` and `Content-Length`"},
		{send: get(small, "Content-Length: 0", "Content-Length: "+fmt.Sprint(len(small))), want: "400 close"},
		{send: get(small, "Content-Length: "+fmt.Sprint(len(small)), "Content-Length: "+fmt.Sprint(len(small))), want: "200 close", nginx: "400 close", why: whyFraming, name: "`Content-Length` twice, the same"},
		{send: get(small, "Content-Length: 0, "+fmt.Sprint(len(small))), want: "400 close"},
		{send: get(small, "Content-Length: "+fmt.Sprint(len(small))), want: "200 close"},
		{send: get(small, "Content-Length: +0"), want: "400 close"},
		{send: get(small, "Content-Length: -1"), want: "400 close"},
		{send: get(small, "Content-Length: 0x0"), want: "400 close"},
		{send: get(small, "Content-Length: 0 0"), want: "400 close"},
		{send: get(small, "Content-Length: abc"), want: "400 close"},
		{send: get(small, "Content-Length: 99999999999999999999"), want: "400 close"},
		{send: get(small, "Content-Length:"), want: "400 close"},
		{send: get(small, "Content-Length : 0"), want: "400 close"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding : chunked"), want: "400 close"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding: xchunked"), want: "501 close"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding: gzip, chunked"), want: "501 close"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding: chunked, identity"), want: "501 close"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding: identity"), want: "501 close"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"), want: "501 close", nginx: "400 close", why: whyCoding, name: "`Transfer-Encoding` twice, different"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), want: "501 close", nginx: "400 close", why: whyCoding, name: "`Transfer-Encoding` twice, the same"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding:\x0bchunked"), want: "400 close", nginx: "501 close", why: whyField, name: "`Transfer-Encoding` with a vertical tab"},
		{send: get("0\r\n\r\n"+small, "Transfer-Encoding:", " chunked"), want: "200 close", nginx: "400 close", why: whyFraming, name: "`Transfer-Encoding` on two lines"},
		{send: get("0\r\n\r\n"+small, "X: y\nTransfer-Encoding: chunked"), want: "200 close", nginx: "200 200", why: whyFraming, name: "`Transfer-Encoding` behind a line feed alone"},
		{send: get("0\r\n\r\n"+small, "X: y\rTransfer-Encoding: chunked"), want: "400 close"},
		{send: get("zz\r\n"+small, "Transfer-Encoding: chunked"), want: "200 close", nginx: "400 close", why: whyFraming, name: "a chunk without a length"},
		{send: get("0\n\n"+small, "Transfer-Encoding: chunked"), want: "200 close", nginx: "200 200", why: whyFraming, name: "chunks with line feeds alone"},
		{send: "GET /r/small.txt HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + small, want: "200 400 close", nginx: "400 close", why: "net/http takes what follows for the next request; a chunk's length never is one", name: "`Transfer-Encoding` in HTTP/1.0"},
		{send: "POST /r/small.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n0\r\n\r\n\r\n" + small, want: "405 close", nginx: "405 200", why: whyFraming, name: "more than `Content-Length` says"},
	}
}

func rangeRows() []row {
	many := func(n int) string {
		specs := make([]string, n)
		for i := range specs {
			specs[i] = fmt.Sprintf("%d-%d", i*20, i*20+9)
		}
		return "bytes=" + strings.Join(specs, ",")
	}
	return []row{
		{send: rangeOf("bytes=0-0"), want: "206", has: []string{"Content-Range: bytes 0-0/50000", "Content-Length: 1", "body: 0", "Content-Type: application/x-rpm"}},
		{send: rangeOf("bytes=10-19"), want: "206", has: []string{"Content-Range: bytes 10-19/50000", "body: 0123456789"}},
		{send: rangeOf("bytes=0-"), want: "206", has: []string{"Content-Range: bytes 0-49999/50000", "Content-Length: 50000"}},
		{send: rangeOf("bytes=0-49999"), want: "206"},
		{send: rangeOf("bytes=20000-"), want: "206"},
		{send: rangeOf("bytes=49999-"), want: "206", has: []string{"body: 9"}},
		{send: rangeOf("bytes=-5"), want: "206", has: []string{"Content-Range: bytes 49995-49999/50000", "body: 56789"}},
		{send: rangeOf("bytes=-50000"), want: "206"},
		{send: rangeOf("bytes=-500000"), want: "206", has: []string{"Content-Length: 50000"}},
		{send: rangeOf("bytes=49999-60000"), want: "206", has: []string{"Content-Length: 1"}},
		{send: rangeOf("Bytes=0-1"), want: "206"},
		{send: rangeOf("bytes=00000000000000000000000000-01"), want: "206"},
		{send: request("HEAD /r/a.rpm", "Range: bytes=0-9"), want: "206", has: []string{"Content-Length: 10", "Content-Range: bytes 0-9/50000", "body: "}},
		{send: request("HEAD /r/a.rpm", "Range: bytes=0-9,20-29"), want: "206", has: []string{"body: "}},
		{send: request("HEAD /r/a.rpm", "Range: bytes=50000-"), want: "416"},

		{send: rangeOf("bytes=0-9,20-29"), want: "206", has: []string{"!Content-Range"}},
		{send: rangeOf("bytes= 0-9 , 20-29 , -10"), want: "206"},
		{name: "a tab between ranges", send: rangeOf("bytes=0-9,\t20-29"), want: "206", nginx: "416", why: "white space is a tab too (RFC 9110, 5.6.3)"},
		{send: rangeOf("bytes=20000-49999,0-19999"), want: "206"},
		{send: rangeOf("bytes=30-39,20-29,10-19"), want: "206"},
		{send: rangeOf("bytes=0-9,5-14"), want: "206"},
		{send: rangeOf("bytes=0-9,0-9"), want: "206"},
		{send: rangeOf("bytes=0-9,10-19"), want: "206"},
		{send: rangeOf("bytes=0-9,60000-70000"), want: "206"},
		{send: rangeOf(many(127)), want: "206"},
		{send: rangeOf(many(600)), want: "206"},
		{name: "2500 ranges in one request", send: rangeOf(many(2500)), want: "206", nginx: "400 close", why: whyLength},
		{send: request("GET /r/small.txt", "Range: bytes=0-1,4-5"), want: "206"},
		{send: rangeOf("bytes=0-,0-,0-"), want: "200"},
		{send: rangeOf("bytes=0-,-1"), want: "200"},
		{send: rangeOf("bytes=0-29999,10000-"), want: "200"},

		{send: rangeOf("bytes=50000-"), want: "416", has: []string{"Content-Range: bytes */50000"}},
		{send: rangeOf("bytes=60000-,70000-"), want: "416"},
		{send: rangeOf("bytes=9-0"), want: "416"},
		{name: "`Range: bytes=0-1,9-0`", send: rangeOf("bytes=0-1,9-0"), want: "416", nginx: "206", why: "a set with an invalid range is invalid (RFC 9110, 14.1.1)"},
		{send: rangeOf("bytes=a-b"), want: "416"},
		{send: rangeOf("bytes=-"), want: "416"},
		{send: rangeOf("bytes=-0"), want: "416"},
		{send: rangeOf("bytes=1"), want: "416"},
		{send: rangeOf("bytes=--5"), want: "416"},
		{send: rangeOf("bytes=1-2-3"), want: "416"},
		{send: rangeOf("bytes=+1-2"), want: "416"},
		{send: rangeOf("bytes=0x0-0x1"), want: "416"},
		{send: rangeOf("bytes=99999999999999999999-"), want: "416"},
		{
			name: "`Range: bytes=0-99999999999999999999`", send: rangeOf("bytes=0-99999999999999999999"), want: "206", nginx: "416",
			why: "a last byte beyond the end means the end, however far beyond",
		},
		{name: "`Range: bytes=0-1,,4-5`", send: rangeOf("bytes=0-1,,4-5"), want: "206", nginx: "416", why: "empty elements of lists count for nothing (RFC 9110, 5.6.1)"},
		{send: rangeOf("bytes="), want: "200"},
		{send: rangeOf("lines=1-2"), want: "200"},
		{send: rangeOf("0-5"), want: "200"},
		{send: rangeOf(""), want: "200"},
		{send: rangeOf("bytes=0-1", "Range: bytes=4-5"), want: "206"},
		{send: request("GET /r/empty.rpm", "Range: bytes=0-"), want: "200", has: []string{"Content-Length: 0"}},
		{send: request("GET /r/empty.rpm", "Range: bytes=-5"), want: "200"},
		{send: request("POST /r/a.rpm", "Range: bytes=0-9"), want: "405"},
		{send: request("GET /r/none.rpm", "Range: bytes=0-9"), want: "404"},
		{send: request("GET /r/d", "Range: bytes=0-9"), want: "301"},
	}
}

func conditionRows() []row {
	return []row{
		{send: ask1("If-None-Match: {etag}"), want: "304"},
		{send: request("HEAD /r/a.rpm", "If-None-Match: {etag}"), want: "304"},
		{send: ask1("If-None-Match: W/{etag}"), want: "304"},
		{send: ask1(`If-None-Match: "other", {etag}`), want: "304"},
		{send: ask1(`If-None-Match: W/"other" , W/{etag}`), want: "304"},
		{send: ask1("If-None-Match: *"), want: "304"},
		{send: ask1(`If-None-Match: "other"`), want: "200"},
		{send: ask1("If-None-Match: other"), want: "200"},
		{send: ask1(`If-None-Match: "`), want: "200"},
		{send: ask1("If-None-Match:"), want: "200"},
		{send: request("GET /r/none.rpm", "If-None-Match: *"), want: "404"},
		{send: request("POST /r/a.rpm", "If-None-Match: *"), want: "405"},
		{send: ask1(`If-None-Match: "other"`, "If-Modified-Since: "+mtime), want: "200"},
		{
			name: "`If-None-Match` that matches, `If-Modified-Since` that does not", send: ask1("If-None-Match: {etag}", "If-Modified-Since: "+longAgo),
			want: "304", nginx: "200", why: "`If-None-Match` goes before `If-Modified-Since` (RFC 9110, 13.2.2)",
		},

		{send: ask1("If-Modified-Since: " + mtime), want: "304"},
		{send: ask1("If-Modified-Since: Monday, 06-May-24 07:08:09 GMT"), want: "304"},
		{send: ask1("If-Modified-Since: Mon May  6 07:08:09 2024"), want: "304"},
		{send: request("HEAD /r/a.rpm", "If-Modified-Since: "+mtime), want: "304"},
		{send: ask1("If-Modified-Since: " + longAgo), want: "200"},
		{
			name: "`If-Modified-Since` after a package's date", send: ask1("If-Modified-Since: " + later), want: "304", nginx: "200",
			why: "a package never changes; for what may change gorepo is as exact as nginx",
		},
		{send: request("GET /r/small.txt", "If-Modified-Since: "+later), want: "200"},
		{send: request("GET /r/repodata/repomd.xml", "If-Modified-Since: "+later), want: "200"},
		{send: ask1("If-Modified-Since: yesterday"), want: "200"},
		{send: ask1("If-Modified-Since: 1714979289"), want: "200"},
		{send: ask1("If-Modified-Since:"), want: "200"},

		{send: ask1("If-Match: {etag}"), want: "200"},
		{send: ask1(`If-Match: "other", {etag}`), want: "200"},
		{send: ask1("If-Match: *"), want: "200"},
		{send: ask1(`If-Match: "other"`), want: "412"},
		{send: ask1("If-Match: W/{etag}"), want: "412"},
		{send: request("HEAD /r/a.rpm", `If-Match: "other"`), want: "412"},
		{send: ask1("If-Unmodified-Since: " + mtime), want: "200"},
		{send: ask1("If-Unmodified-Since: " + later), want: "200"},
		{send: ask1("If-Unmodified-Since: " + longAgo), want: "412"},
		{send: ask1("If-Unmodified-Since: Mon Jan  1 00:00:00 2001"), want: "412"},
		{name: "`If-Unmodified-Since` that is no date", send: ask1("If-Unmodified-Since: yesterday"), want: "200", nginx: "412 close", why: "counts for nothing (RFC 9110, 13.1.4)"},
		{
			name: "`If-Match` that matches, `If-Unmodified-Since` that does not", send: ask1("If-Match: {etag}", "If-Unmodified-Since: "+longAgo), want: "200", nginx: "412 close",
			why: "`If-Match` goes before `If-Unmodified-Since` (RFC 9110, 13.2.2)",
		},
		{send: ask1(`If-Match: "other"`, "If-None-Match: {etag}"), want: "412"},
		{send: ask1("If-Match: {etag}", "If-None-Match: {etag}"), want: "304"},
		{send: ask1("If-Unmodified-Since: "+mtime, "If-Modified-Since: "+mtime), want: "304"},

		{send: rangeOf("bytes=5-9", "If-Range: {etag}"), want: "206", has: []string{"body: 56789"}},
		{send: rangeOf("bytes=5-9", `If-Range: "other"`), want: "200"},
		{send: rangeOf("bytes=5-9", "If-Range: W/{etag}"), want: "200"},
		{send: rangeOf("bytes=5-9", "If-Range: "+mtime), want: "206"},
		{send: rangeOf("bytes=5-9", "If-Range: Mon May  6 07:08:09 2024"), want: "206"},
		{send: rangeOf("bytes=5-9", "If-Range: "+later), want: "200"},
		{send: rangeOf("bytes=5-9", "If-Range: "+longAgo), want: "200"},
		{send: rangeOf("bytes=5-9", "If-Range: yesterday"), want: "200"},
		{send: rangeOf("bytes=0-1,4-5", "If-Range: {etag}"), want: "206"},
		{send: rangeOf("bytes=60000-", `If-Range: "other"`), want: "200"},
		{send: rangeOf("bytes=60000-", "If-Range: {etag}"), want: "416"},
		{send: ask1("If-Range: {etag}"), want: "200"},
		{send: rangeOf("bytes=60000-", "If-None-Match: {etag}"), want: "304"},
		{send: rangeOf("bytes=0-9", "If-None-Match: {etag}"), want: "304"},
		{send: rangeOf("bytes=0-9", `If-Match: "other"`), want: "412"},
		{send: rangeOf("bytes=0-9", `If-None-Match: "other"`, "If-Range: {etag}"), want: "206"},
		{send: rangeOf("bytes=0-9", "If-Modified-Since: "+mtime), want: "304"},
	}
}

func fileRows() []row {
	const week, forever = "public, max-age=604800, immutable", "public, max-age=31536000, immutable"
	rows := []row{
		{send: ask1("Accept-Encoding: gzip, br, zstd"), want: "200", has: []string{"Content-Length: 50000", "!Content-Encoding", "!Vary", "Cache-Control: " + week, "Accept-Ranges: bytes"}},
		{send: request("GET /r/repodata/repomd.xml", "Accept-Encoding: gzip"), want: "200", has: []string{
			"Cache-Control: no-cache", "!Vary", "Content-Length: 10", "Content-Type: application/xml",
			`ETag: "92b1fc7b34b24722c692f6abacf2a0dfc7b7f1bda4ac31f36351f324e30c5064"`,
		}},
		{send: request("GET /r/repodata/" + conformSum + "-primary.xml"), want: "200", has: []string{"Cache-Control: " + forever, `ETag: "` + conformSum + `"`}},
		{send: request("HEAD /r/repodata/repomd.xml"), want: "200", has: []string{"Content-Length: 10", "body: "}},
		{send: request("GET /r/repodata/repomd.xml", "Range: bytes=1-6"), want: "206", has: []string{"body: repomd", "Content-Range: bytes 1-6/10"}},
		{send: request("GET /r/repodata/repomd.xml", "Range: bytes=1-2,-2"), want: "206"},
		{send: request("GET /r/repodata/repomd.xml", "Range: bytes=10-"), want: "416"},
		{send: request("GET /r/repodata/repomd.xml", "If-None-Match: *"), want: "304"},
		{send: request("GET /r/repodata/repomd.xml", "If-Modified-Since: "+mtime), want: "304"},
		{send: request("HEAD /r/repodata/repomd.xml", "If-Modified-Since: "+mtime), want: "304"},
		{send: request("GET /r/repodata/repomd.xml", "If-Modified-Since: "+longAgo), want: "200"},
		{send: request("GET /r/repodata/repomd.xml", `If-Match: "other"`), want: "412"},
		{send: request("POST /r/repodata/repomd.xml"), want: "405"},
		{send: request("GET /r/repodata/repomd.xml/"), want: "404"},
		{send: strings.Repeat(request("GET /r/repodata/repomd.xml"), 5), want: "200 200 200 200 200"},
		{send: request("GET /r/.treeinfo"), want: "200"},
		{send: request("GET /r/.discinfo"), want: "200"},
		{send: request("GET /r/empty.rpm"), want: "200", has: []string{"Content-Length: 0", "body: "}},
		{name: "a listing", send: request("GET /r/"), want: "200", differs: []string{"body"}, has: []string{"Content-Type: text/html; charset=utf-8", "Vary: Accept", "Cache-Control: no-cache"}, why: whyListing},
		{send: request("HEAD /r/"), want: "200"},
		{send: request("GET /r"), want: "301", has: []string{"Location: ./r/"}},
		{send: request("GET /r/d?x=1"), want: "301", has: []string{"Location: ./d/?x=1"}},
	}
	for _, c := range conformTypes {
		rows = append(rows, row{send: request("GET /r/t/x"+c.ext, "Accept-Encoding: gzip"), want: "200", has: []string{"Content-Type: " + c.mediaType, "Content-Length: 4", "Last-Modified: " + mtime}})
	}
	return rows
}

func nameRows() []row {
	encodeAll := func(n string) string {
		var b strings.Builder
		for i := range len(n) {
			fmt.Fprintf(&b, "%%%02X", n[i])
		}
		return b.String()
	}
	var rows []row
	for _, n := range conformNames {
		forms := []string{encodeAll(n), strings.ToLower(encodeAll(n))}
		if !strings.ContainsAny(n, "?#%") {
			forms = append(forms, strings.ReplaceAll(n, " ", "%20"))
		}
		for _, form := range forms {
			rows = append(rows, row{send: request("GET /r/n/" + form), want: "200", has: []string{"body: content of " + n}})
		}
	}
	return append(rows,
		row{send: request("GET /r/n/a b.rpm"), want: "400 close"},
		row{send: request("GET /r/n/c%2Bd.rpm"), want: "200", has: []string{"body: decoded"}},
		row{send: request("GET /r/n/c%252Bd.rpm"), want: "200", has: []string{"body: raw"}},
		row{
			name: "a location of metadata with a `%2B` that stands for itself", send: request("GET /r/n/a+b~c^d%20e%2B.rpm"), want: "200", nginx: "404",
			why: "clients send locations as they stand: where there is no `e+.rpm`, `e%2B.rpm` is meant",
		},
		row{send: request("GET /r/n/Upper.rpm"), want: "404"},
		row{send: request("GET /R/n/upper.rpm"), want: "404"},
	)
}

func pathRows() []row {
	return []row{
		{send: request("GET //r///small.txt"), want: "200"},
		{send: request("GET /r/./small.txt"), want: "200"},
		{send: request("GET /./r/%2e/small.txt"), want: "200"},
		{send: request("GET /r%2Fsmall.txt"), want: "200"},
		{send: request("GET /%72/small.txt"), want: "200"},
		{send: request("GET /r/small.txt/"), want: "404"},
		{send: request("GET /r/small.txt/x"), want: "404"},
		{send: request("GET /r/small.txt/."), want: "404"},
		{send: request("GET /r/small.txt%00"), want: "400"},
		{send: request("GET /r/%00"), want: "400"},
		{send: request("GET /r/%zz"), want: "400 close"},
		{send: request("GET /r/%"), want: "400 close"},
		{send: request("GET /r/%2"), want: "400 close"},
		{send: request("GET /r/50%.rpm"), want: "400 close"},
		{send: request("GET /../x"), want: "400"},
		{send: request("GET /r/../../x"), want: "400"},
		{name: "`/ID/../ID/file`", send: request("GET /r/../r/small.txt"), want: "400", nginx: "200", why: whyDots},
		{name: "`/ID/%2e%2e/ID/file`", send: request("GET /r/%2e%2e/r/small.txt"), want: "400", nginx: "200", why: whyDots},
		{name: "`/ID/dir/..`", send: request("GET /r/d/.."), want: "400", nginx: "200", why: whyDots},
		{name: "a backslash", send: request(`GET /r\small.txt`), want: "400", nginx: "404", why: whySlash},
		{name: "`%5c`", send: request("GET /r/d%5cx"), want: "400", nginx: "404", why: whySlash},
		{send: request("GET /r/.hidden"), want: "404"},
		{send: request("GET /r/%2ehidden"), want: "404"},
		{send: request("GET /.gorepo/"), want: "404"},
	}
}
