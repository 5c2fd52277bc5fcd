//go:build !unix

package reposync

func diskTrouble(error) bool { return false }
