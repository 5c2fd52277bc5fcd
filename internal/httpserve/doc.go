// Package httpserve serves a mirror's ROOT over HTTP to yum, dnf, zypper and
// people.
//
// What is answered:
//
//	/ID/...            files below ROOT/ID, and a listing for a directory
//	/ID.repo           client configuration, made up where ROOT has no such file
//	/-/keys/ID.asc     the keys that /ID.repo names, where they were given as bytes
//	/                  a listing of ROOT
//
// Only GET, HEAD and OPTIONS; anything else is 405. A name that starts with a
// dot does not exist, at any level, except the files .treeinfo and .discinfo
// that installers ask for. Slashes are merged and "." segments dropped; "..",
// a backslash or a NUL is 400, however it is encoded.
//
// Every file is opened through an [os.Root] of its repository, so a symbolic
// link leads nowhere outside ROOT/ID. ROOT/ID itself may be a link to a
// directory anywhere (another disk), but not to ROOT's dot directories, to ROOT
// or to a directory above it. A link in ROOT to a file is not served.
//
// A file is opened once, and all that the answer says (size, ETag, date, bytes)
// comes from that descriptor: a request that runs while repodata is exchanged
// sees one generation or the other.
//
// Names that carry their content's checksum, and packages, are immutable for
// caches; everything else has to be revalidated. ETags are strong: the checksum
// in the name or, of a package, in the metadata, the SHA-256 of repomd.xml and its
// signature and key, or size,
// mtime and inode of other files.
//
// Multipart answers are written as nginx writes them, part for part (CRLF
// before the first boundary, Content-Type before Content-Range): the zchunk of
// EL8 reads them with a regular expression that accepts nothing else.
package httpserve
