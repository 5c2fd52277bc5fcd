package httpserve

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// A streamWriter ends an answer of HTTP/2 when its client takes nothing of it
// for a while. The connection's own patience does not help there: a client can
// leave one stream's window shut and keep the connection busy with others, or
// with pings.
type streamWriter struct {
	http.ResponseWriter
	limit time.Duration
	armed time.Time
}

// pieceSize is what of an answer has to be taken within the limit, bytes.
const pieceSize = 16 << 10

// arm sets the stream's deadline, not for every piece anew.
func (w *streamWriter) arm() {
	now := time.Now()
	if now.Sub(w.armed) < w.limit/looks {
		return
	}
	w.armed = now
	// Where there are no deadlines, as in a test's recorder, nobody waits either.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(now.Add(w.limit + w.limit/looks))
}

func (w *streamWriter) WriteHeader(status int) {
	w.arm()
	w.ResponseWriter.WriteHeader(status)
}

func (w *streamWriter) Write(p []byte) (written int, err error) {
	for {
		w.arm()
		n, err := w.ResponseWriter.Write(p[:min(len(p), pieceSize)])
		written += n
		if p = p[n:]; err != nil || len(p) == 0 {
			return written, err
		}
	}
}

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

func (w *streamWriter) ReadFrom(src io.Reader) (int64, error) {
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	return io.CopyBuffer(writeOnly{w}, src, piece[:])
}

// Unwrap lets http.ResponseController reach the stream.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
