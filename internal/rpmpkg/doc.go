// Package rpmpkg knows one package: its identity and order (NEVRA, EVR), its
// checksums, what stands in its file, and which packages a selection keeps. It
// knows nothing of repositories, networks or where packages are kept.
package rpmpkg
