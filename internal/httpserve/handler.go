package httpserve

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const allowedMethods = "GET, HEAD, OPTIONS"

// ownPrefix is the first level that belongs to gorepo, not to the mirror.
const ownPrefix = "-"

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serveHTTP(w, r, nil) }

// serveHTTP answers one request, with k if that is what kept has given for it.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request, k *hotFile) {
	r = s.identified(r)
	if r.ProtoMajor == 2 {
		w = &streamWriter{ResponseWriter: w, limit: s.options.StallTimeout}
	}
	rec := recorders.Get().(*recorder)
	*rec = recorder{ResponseWriter: w, start: time.Now(), headOnly: r.Method == http.MethodHead}
	s.metrics.begun.Add(1)
	defer s.answered(r, rec)
	s.answer(rec, r, k)
}

// answered counts and logs an answer that has come to its end.
func (s *Server) answered(r *http.Request, rec *recorder) {
	s.metrics.done(r.URL.Path, rec)
	if s.access != nil {
		s.access.write(r, rec, s.client(r))
	}
	*rec = recorder{}
	recorders.Put(rec)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, k *hotFile) {
	if k != nil {
		if s.guardPath(w, r, k.segments) {
			s.finish(r, k.content.serve(w, r))
		}
		return
	}
	if r.ContentLength != 0 {
		// Nobody has a body to send here. Where one ends is what two readers of
		// a connection may disagree about, so nothing behind it is answered.
		w.Header().Set("Connection", "close")
		// The server still reads some of it; that must not take for ever.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.options.HeaderTimeout))
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.get(w, r)
	case http.MethodOptions:
		w.Header().Set("Allow", allowedMethods)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", allowedMethods)
		fail(w, http.StatusMethodNotAllowed, "405 method not allowed: a mirror is only read")
	}
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == "*" {
		fail(w, http.StatusBadRequest, "400 bad request: * is for OPTIONS")
		return
	}
	segments, slash, err := splitPath(r.URL.Path)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if len(segments) > 0 && segments[0] == ownPrefix {
		s.own(w, r, segments[1:])
		return
	}
	if len(segments) == 0 && s.wantsLogin(r) {
		s.turnAway(w, r, noLogin)
		return
	}
	if !s.guardPath(w, r, segments) {
		return
	}
	if len(segments) == 0 && s.wantsPage(r) {
		s.options.Pages.ServeHTTP(w, r)
		return
	}
	if k := s.hot.get(r.URL.Path); k != nil {
		s.finish(r, k.content.serve(w, r))
		return
	}
	f, fi, err := s.tree.open(segments)
	if isNotFound(err) {
		if s.clientConfig(w, r, segments, slash) || s.mirrorList(w, r, segments, slash) {
			return
		}
		if lit, litFi, litSegments := s.openUndecoded(r); lit != nil {
			f, fi, segments, err = lit, litFi, litSegments, nil
			if !s.guardPath(w, r, segments) { // another first level, perhaps
				_ = f.Close() // only read from
				return
			}
		}
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	defer func() { _ = f.Close() }() // only read from
	switch {
	case fi.IsDir() && !slash:
		redirectToSlash(w, r)
	case fi.IsDir():
		s.list(w, r, f, segments)
	case slash:
		s.refuse(w, r, fs.ErrNotExist)
	default:
		s.file(w, r, f, fi, segments)
	}
}

// kept is what is kept in memory for a GET or HEAD, if it takes nothing else to answer
// it; else nil.
func (s *Server) kept(r *http.Request) *hotFile {
	if !quick(r) {
		return nil
	}
	return s.hot.get(r.URL.Path)
}

// quick reports whether nothing but the file may make an answer wait: a password does.
func quick(r *http.Request) bool {
	_, login := r.Header["Authorization"]
	return !login
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, f *os.File, fi fs.FileInfo, segments []string) {
	c, err := fileContent(f, fi, segments)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if isPackage(segments[len(segments)-1]) {
		// Before the metadata was at hand, clients were told another one.
		if sum := s.checksums.of(fi, segments); sum != "" {
			c.etag, c.alias = `"`+sum+`"`, c.etag
		}
	}
	if !s.shared(r, segments) {
		c.cache = strings.Replace(c.cache, "public", "private", 1)
	}
	if c.data != nil {
		s.keep(r.URL.Path, fi, segments, c)
	}
	s.finish(r, c.serve(w, r))
}

// keep keeps what a path in its plain form leads to: in others it would be there any
// number of times. What is kept is guarded by that path. A copy of it does not hold
// the request's whole head in memory.
func (s *Server) keep(requested string, fi fs.FileInfo, segments []string, c *content) {
	plain := "/" + strings.Join(segments, "/")
	if is, ok := identityOf(fi); ok && requested == plain {
		s.hot.keep(hotFile{
			requested: plain, segments: strings.Split(plain[1:], "/"),
			path: filepath.Join(s.tree.dir, filepath.FromSlash(plain[1:])), is: is, content: c,
		})
	}
}

// openUndecoded looks for the path as it was sent, see undecoded.
func (s *Server) openUndecoded(r *http.Request) (*os.File, fs.FileInfo, []string) {
	escaped := r.URL.RawPath
	if escaped == "" {
		escaped = r.URL.EscapedPath()
	}
	for _, form := range undecoded(escaped) {
		segments, _, err := splitPath(form)
		if err != nil || len(segments) == 0 {
			continue
		}
		if f, fi, err := s.tree.open(segments); err == nil {
			return f, fi, segments
		}
	}
	return nil, nil, nil
}

// redirectToSlash sends a client from a directory's name to the directory. The
// address is relative, so that it holds behind a proxy that adds a prefix.
func redirectToSlash(w http.ResponseWriter, r *http.Request) {
	escaped := r.URL.EscapedPath()
	to := "./" + escaped[strings.LastIndexByte(escaped, '/')+1:] + "/"
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	fail(w, http.StatusMovedPermanently, "301 this is a directory: "+to)
}

// refuse answers for an error that came before anything was sent.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errBadPath):
		s.deny(w, r, refusedPath)
	case isNotFound(err):
		s.deny(w, r, refusedNothing)
	case errors.Is(err, fs.ErrPermission):
		s.sayRefusal(slog.LevelWarn, "cannot read", r, err)
		s.deny(w, r, refusedUnreadable)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		if _, ok := s.often.due("too many", time.Now()); ok {
			s.log.Error("too many open files: raise the limit (ulimit -n, LimitNOFILE)", "error", err)
		}
		w.Header().Set("Retry-After", "5")
		s.deny(w, r, refusedFiles)
	default:
		s.sayRefusal(slog.LevelError, "cannot serve", r, err)
		s.deny(w, r, refusedBroken)
	}
}

// sayRefusal logs what is wrong with a file: one of a repository's in a minute, for
// each client of a fleet asks for the same, and often for all of them.
func (s *Server) sayRefusal(level slog.Level, text string, r *http.Request, err error) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	more, ok := s.often.due(text+"/"+first, time.Now())
	if !ok {
		return
	}
	attrs := []any{"path", r.URL.Path, "error", err}
	if more > 0 {
		attrs = append(attrs, "more", more)
	}
	s.log.Log(r.Context(), level, text, attrs...)
}

// isNotFound reports whether nothing that may be served has this name. An
// error of os.Root for a link that leads outside is a plain one, without a
// number from the system.
func isNotFound(err error) bool {
	if err == nil || errors.Is(err, fs.ErrClosed) {
		return false
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotServed) || errors.Is(err, errHidden) {
		return true
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		switch number {
		case syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.EINVAL, syscall.ENXIO, syscall.EILSEQ:
			return true
		}
		return false
	}
	var path *fs.PathError
	return errors.As(err, &path)
}

// finish says what went wrong while an answer was sent, where it is our
// business: clients hang up every day.
func (s *Server) finish(r *http.Request, err error) {
	if err != nil {
		s.metrics.broke(r, err)
	}
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.log.Debug("client took nothing any more and was cut", "path", r.URL.Path, "client", r.RemoteAddr)
	case hungUp(err) || errors.Is(r.Context().Err(), context.Canceled):
	default:
		s.log.Error("answer broken off", "path", r.URL.Path, "error", err)
	}
}

func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrAbortHandler)
}
