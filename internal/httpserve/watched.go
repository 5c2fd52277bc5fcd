package httpserve

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// A watched notices changes of a few files that belong together. It is for one
// goroutine at a time.
type watched struct {
	stamp   string // what the files were when they were last used
	failing string // what was wrong at the last look
	said    string // what has been logged of it
}

// stampOf is another one when one of the files is.
func stampOf(files []string) string {
	var b strings.Builder
	for _, name := range files {
		if name == "" {
			continue
		}
		fi, err := os.Stat(name)
		if err != nil {
			fmt.Fprintf(&b, "%s\n", err)
			continue
		}
		fmt.Fprintf(&b, "%d %d %d\n", fi.Size(), fi.ModTime().UnixNano(), inode(fi))
	}
	return b.String()
}

// reload calls load, whatever the files are.
func (w *watched) reload(load func() error, files ...string) error {
	stamp := stampOf(files)
	if err := load(); err != nil {
		return err
	}
	w.stamp, w.failing, w.said = stamp, "", ""
	return nil
}

// refresh calls load if the files have changed since it last succeeded. It logs
// a failure that is still there at the next look, once: files that belong
// together change one after the other.
func (w *watched) refresh(log *slog.Logger, what string, load func() error, files ...string) {
	stamp := stampOf(files)
	if stamp == w.stamp {
		w.failing, w.said = "", ""
		return
	}
	err := load()
	if err == nil {
		log.Info(what+" have changed and are read anew", "file", files[0])
		w.stamp, w.failing, w.said = stamp, "", ""
		return
	}
	text := err.Error()
	if text == w.failing && text != w.said {
		log.Error(what+" have changed and cannot be used: the old ones stay", "error", err)
		w.said = text
	}
	w.failing = text
}

// A PasswordFile has the users of an htpasswd file, and notices when it
// changes.
type PasswordFile struct {
	name    string
	log     *slog.Logger
	current atomic.Pointer[Users]

	mu    sync.Mutex
	watch watched
}

// NewPasswordFile reads an htpasswd file, see ReadUsers.
func NewPasswordFile(name string, log *slog.Logger) (*PasswordFile, error) {
	p := &PasswordFile{name: name, log: log}
	return p, p.watch.reload(p.load, name)
}

// Users are those of the file.
func (p *PasswordFile) Users() *Users { return p.current.Load() }

// Refresh reads the file again if it has changed, and says so when it cannot be
// used. It is for being called every few seconds.
func (p *PasswordFile) Refresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch.refresh(p.log, "passwords", p.load, p.name)
}

func (p *PasswordFile) load() error {
	u, err := ReadUsers(p.name)
	if err != nil {
		return err
	}
	p.current.Store(u)
	return nil
}
