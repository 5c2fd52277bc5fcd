package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"gorepo/internal/report"
)

// A logHandler says what packages log in the way in which everything else is said.
type logHandler struct {
	out     *report.Printer
	verbose bool
	attrs   []slog.Attr
}

// logger is for packages that log by themselves.
func (a *app) logger() *slog.Logger {
	return slog.New(&logHandler{out: a.out, verbose: a.Verbose})
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn || h.verbose && l >= slog.LevelInfo
}

// Handle implements slog.Handler: "repo: message (key=value, ...): error".
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var repo, wrong string
	var rest []string
	attr := func(a slog.Attr) bool {
		value := a.Value.Resolve().String()
		switch a.Key {
		case "repo", "repository":
			repo = value
		case "error":
			wrong = ": " + value
		default:
			rest = append(rest, fmt.Sprintf("%s=%s", a.Key, value))
		}
		return true
	}
	for _, a := range h.attrs {
		attr(a)
	}
	r.Attrs(attr)
	text := r.Message
	if len(rest) > 0 {
		text += " (" + strings.Join(rest, ", ") + ")"
	}
	text += wrong
	switch {
	case r.Level >= slog.LevelError:
		h.out.Trouble(repo, text)
	case r.Level >= slog.LevelWarn:
		h.out.Warn(repo, text)
	default:
		h.out.Note(repo, text)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = append(slices.Clip(h.attrs), attrs...)
	return &with
}

// WithGroup implements slog.Handler. Nobody here has groups of keys.
func (h *logHandler) WithGroup(string) slog.Handler { return h }
