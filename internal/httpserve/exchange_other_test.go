//go:build !linux

package httpserve_test

import "errors"

func exchange(string, string) error { return errors.New("rename-exchange is Linux's") }
