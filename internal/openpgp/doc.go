// Package openpgp decides whether a key that the user trusts has signed a
// package or a repomd.xml.
//
// What counts as a valid signature follows rpm 4.18 and not the stricter
// OpenPGP libraries, because a mirror must take what its clients take: DSA
// keys, RSA keys of 1024 bits, SHA-1 and keys that have expired are accepted
// (and named in [Signer.Warnings]). It is stricter than rpm in three things:
// a revoked key signs nothing, a signature that has expired proves nothing,
// and neither does one over MD5.
//
// # Keys
//
// Primary keys are trusted because the user names them, so their user IDs need
// no valid self-signature. Subkeys need what makes them part of the key: a
// binding signature that allows signing, and the subkey's own signature back.
// Versions 4 and 6 are understood.
//
// # Signing
//
// [SigningKey] makes detached signatures of version 4 with RSA (over SHA-256) and
// with elliptic curves (over SHA-512), which every client's gpg reads. What may
// sign is chosen strictly: no key that is expired, revoked or not made for it.
//
// # Packages
//
// A package (https://rpm-software-management.github.io/rpm/manual/format_v4.html)
// can carry, in its signature header,
//
//	267 DSAHEADER, 268 RSAHEADER  a signature of the header
//	278 OPENPGP                   signatures of the header, base64 (rpm 6)
//	1002 PGP, 1005 GPG            a signature of header and payload (rpm 3, EL7 and older)
//	269, 273, 279                 SHA-1, SHA-256, SHA3-256 of the header
//	1004                          MD5 of header and payload
//
// and, in the header itself, digests of the payload as it is stored:
//
//	5092 PAYLOADSHA256 (its algorithm in 5093), 5121 PAYLOADSHA512, 5123 PAYLOADSHA3_256
//
// each with an alternative (5097, 5122, 5124) that is valid for a payload
// stored uncompressed.
//
// Signatures under 267, 268, 1002 and 1005 must all be good, as rpm wants it;
// of those under 278, which may be by keys for different generations of
// clients, one is enough. The payload must be covered: by a good signature of
// header and payload, or by a digest in a header whose signature is good. A
// signature of the header alone is refused, even where an MD5 of the payload
// stands in the (unsigned) signature header: whoever changes the payload
// changes that too. All digests that are there must be right.
package openpgp
