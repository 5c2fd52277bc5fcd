package httpserve

import (
	"sync"
	"time"
)

const (
	// hotFiles and hotBytes bound what is kept in memory: repomd.xml and its
	// signature of some thousand repositories.
	hotFiles = 4096
	hotBytes = 32 << 20
	// settled is how old a change must be for the next one to have another time,
	// on file systems that count in jiffies or in seconds.
	settled = 3 * time.Second
)

// A hotCache keeps the small files that clients ask for all day. Each request
// still asks the system whether the file at that path is the one that is kept;
// only opening, reading and hashing it again is spared.
type hotCache struct {
	mu    sync.RWMutex
	files map[string]*hotFile // by the request's path
	bytes int64
}

type hotFile struct {
	requested string   // the request's path
	segments  []string // of it
	path      string   // of the file
	is        fileID
	content   *content
}

// get returns a file that has not changed, or nil.
func (h *hotCache) get(requested string) *hotFile {
	h.mu.RLock()
	f, ok := h.files[requested]
	h.mu.RUnlock()
	if !ok {
		return nil
	}
	if is, ok := identify(f.path); !ok || is != f.is {
		h.forget(requested)
		return nil
	}
	return f
}

func (h *hotCache) forget(requested string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f, ok := h.files[requested]; ok {
		h.bytes -= f.content.size
		delete(h.files, requested)
	}
}

// keep remembers the content of a file, which was read from an open one, if what is at
// its path is still the same.
func (h *hotCache) keep(f hotFile) {
	if f.content.data == nil || time.Since(f.is.changed()) < settled {
		return
	}
	if now, ok := identify(f.path); !ok || now != f.is {
		return
	}
	f.content.prepare()
	h.put(f)
}

func (h *hotCache) put(f hotFile) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.files == nil || len(h.files) >= hotFiles || h.bytes+f.content.size > hotBytes {
		h.files, h.bytes = map[string]*hotFile{}, 0
	}
	if former, ok := h.files[f.requested]; ok {
		h.bytes -= former.content.size
	}
	h.files[f.requested] = &f
	h.bytes += f.content.size
}
