//go:build !linux

package main

// reloading is for systemd, which runs on Linux.
func reloading() string { return "RELOADING=1" }
