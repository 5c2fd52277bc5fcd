//go:build !linux

package catalog

// nice does nothing: here a thread has no priority of its own.
func nice() {}
