package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reloading is what systemd is told when a reload begins: its clock tells it
// which reload that is.
func reloading() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return "RELOADING=1"
	}
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000)
}
