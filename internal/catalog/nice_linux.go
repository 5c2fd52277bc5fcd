package catalog

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// nice makes the thread that the goroutine runs in give way to others. The thread
// ends with the goroutine.
func nice() {
	const less = 10
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), less) // without, it is as good
}
