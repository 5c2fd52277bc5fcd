// Package createrepo makes the metadata of a directory of packages, or of a
// repository of the mirror, and publishes it: repodata builds, mirror puts in
// place, and what a mirrored repository needs besides (upstream's comps,
// modules and advisories, packages that are to go) is known here.
package createrepo
