// Command gorepo keeps local copies of yum and dnf repositories: it downloads
// them, builds their metadata and serves them.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is stamped by the Makefile.
var version = ""

func main() {
	// net/http's client logs what servers send unasked: their words are not ours.
	log.SetOutput(io.Discard)
	os.Exit(run(context.Background(), ownProcess()))
}

// ownProcess is what the system gives.
func ownProcess() process {
	return process{
		name:    os.Args[0],
		args:    os.Args[1:],
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		environ: os.Environ(),
	}
}

// A process is what the program has from its surroundings.
type process struct {
	name           string // that it was called by; "" is gorepo
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string // name=value
}

// getenv is a variable of the environment, "" where it is not set.
func (p process) getenv(name string) string {
	for i := len(p.environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(p.environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// withSignals returns a context that the first SIGINT or SIGTERM ends. The
// second one kills.
func withSignals(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // back to what a signal does by itself
	return ctx, stop
}
