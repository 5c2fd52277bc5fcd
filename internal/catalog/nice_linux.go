package catalog

import (
	"runtime"
	"syscall"
)

// nice makes the thread that the goroutine runs in give way to others. The thread
// ends with the goroutine.
func nice() {
	const less = 10
	runtime.LockOSThread()
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), less) // without, it is as good
}
