// Package reposync brings one repository from its upstream into the mirror:
// what its metadata names and a selection keeps, verified, and nothing else.
//
// A sync gathers the metadata aside, brings the packages, and then makes the
// metadata the one that createrepo builds on. Interrupted anywhere it leaves
// the tree as clients know it, and the next one goes on where it stopped.
//
// Two proofs save work. A package gets the mtime of the metadata
// (time/@file) when it has been verified, so that size, mtime and location
// show that it need not be read again; where upstream has changed a checksum,
// the old file's mtime is taken from it before anything else. And metadata
// files are known by the checksums in repomd.xml.
package reposync
