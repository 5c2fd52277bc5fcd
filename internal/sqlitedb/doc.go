// Package sqlitedb writes the three sqlite databases, version 10, that yum reads
// in place of primary, filelists and other XML. Tables, columns, indexes, triggers
// and what is NULL are those of createrepo_c 0.17.
//
// The bytes of a file depend only on the rows and their order.
package sqlitedb
