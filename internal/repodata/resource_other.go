//go:build !unix

package repodata

func isResourceError(error) bool { return false }
