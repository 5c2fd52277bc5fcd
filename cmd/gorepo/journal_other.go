//go:build !unix

package main

// inJournal is for systemd, which runs on Linux.
func (p process) inJournal() bool { return false }
