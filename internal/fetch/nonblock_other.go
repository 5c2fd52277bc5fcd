//go:build !unix

package fetch

const nonblock = 0
