package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gorepo/internal/testrepo/peer"
)

// programs are those that a comparison needs, with what Debian calls them.
var programs = map[string]string{
	"createrepo_c": "createrepo-c", "rpmbuild": "rpm", "dnf": "dnf", "xz": "xz-utils", "zstd": "zstd",
	"unzck": "zchunk", "zck_read_header": "zchunk",
}

// pythonModules are those of the system's python3.
var pythonModules = map[string]string{"createrepo_c": "python3-createrepo-c", "solv": "python3-solv", "sqlite3": "python3"}

// missing returns what is not installed, as Debian calls it.
func missing(ctx context.Context) (debs []string) {
	for program, deb := range programs {
		if _, ok := peer.Find(program); !ok {
			debs = append(debs, deb)
		}
	}
	for module, deb := range pythonModules {
		if exec.CommandContext(ctx, systemPython, "-c", "import "+module).Run() != nil {
			debs = append(debs, deb)
		}
	}
	return debs
}

// systemPython is the one that Debian's modules belong to, which is not always
// the first in PATH.
const systemPython = "/usr/bin/python3"

// A said is what a program said and how it ended.
type said struct {
	status         int
	stdout, stderr string
}

// start runs a program with nothing of this machine's: no proxy, no language,
// no home. It fails only if the program could not be run.
func start(ctx context.Context, stdin []byte, program string, args ...string) (said, error) {
	return startWith(ctx, stdin, nil, program, args...)
}

// startWith is start with more in the environment.
func startWith(ctx context.Context, stdin []byte, environ []string, program string, args ...string) (said, error) {
	if found, ok := peer.Find(program); ok {
		program = found
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/nonexistent", "PYTHONDONTWRITEBYTECODE=1"}
	cmd.Env = append(cmd.Env, environ...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = ctx.Err()
	}
	return said{cmd.ProcessState.ExitCode(), out.String(), errs.String()}, err
}

// output runs a program that has to succeed, and returns what it writes.
func output(ctx context.Context, stdin []byte, program string, args ...string) ([]byte, error) {
	s, err := start(ctx, stdin, program, args...)
	if err != nil {
		return nil, err
	}
	if s.status != 0 {
		return nil, fmt.Errorf("%s ends with status %d: %s", filepath.Base(program), s.status, lastOf(s.stderr+s.stdout))
	}
	return []byte(s.stdout), nil
}

// lastOf is the end of what a program said.
func lastOf(text string) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-500):]
}
