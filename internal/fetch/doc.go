// Package fetch brings files of a repository from the places that have it:
// web servers (http, https), directories (file:// and plain absolute paths).
//
// A Source is a list of base URLs, mirrors, that all show the same repository;
// Mirrored reads a mirrorlist or a metalink for more of them. A download goes to
// the mirror that will have it soonest (see pool), and on to the next after any
// failure; temporary failures are tried again, with growing pauses, until the
// retries are used up. A mirror that fails where another one delivers is left
// out, and the sources of one Client stop together when no server answers at all
// (ErrNetwork). The bytes go to a Sink, which knows how many it already has and
// can tell whether they are right, so that an interrupted transfer is
// continued and a wrong one is never kept:
//
//   - a continued transfer asks for the rest with Range, and with If-Range
//     where a strong ETag is known. The answer has to be exactly the range that
//     was asked for; 200 and 416 start the file again.
//   - what the Sink finds wrong after a continued transfer is fetched once
//     more from its first byte, by the same server. What is wrong without
//     continuation is asked of the next server, and once more of the same.
//   - an answer longer than the limit is refused as soon as that is seen.
//   - a transfer that brings no byte for Options.Timeout is given up; there is
//     no limit on the whole, because nobody can know how long an ISO takes.
//   - an error of the Sink itself, such as a full disk, ends the download at
//     once: no other server would help. It is a *LocalError.
//
// Locations are given as metadata has them, raw, and are percent-encoded here.
// A query in a base URL (a token) is kept in every request. Credentials are
// sent to the host and scheme that they were given for (those of Options: to all
// mirrors) and to no other, whatever redirects say, and neither they nor queries are ever part of an
// error or of what URL returns.
package fetch
