// Package mirror owns everything that gorepo writes to a mirror: where things
// are, who may change them, and in which order they change, so that what
// clients see is whole at every moment.
//
// The layout below ROOT:
//
//	ID/                        one repository; what a client's baseurl points at
//	  <location>               packages, at upstream's own paths
//	  repodata/                the published generation
//	  .repodata-gorepo/        the next generation, while it is made
//	.gorepo/ID/                gorepo's own; never served
//	  upstream/                verified upstream metadata of the last complete sync
//	  upstream.new/            the same of the sync under way
//	  partial/<type>-<hex>     downloads under way, named by their checksum
//	  state.json               State
//	  lock                     flock of whoever changes the repository
//
// A package enters ID/ by a rename of a file whose size and checksum were
// verified as it was written (Partial). Metadata is exchanged as a whole
// directory (Staging). Paths that came from a network are used through os.Root.
//
// Whoever calls a method that changes something holds Repo.Lock (or LockDir,
// for a plain directory). Reading needs no lock, and creates nothing.
package mirror
