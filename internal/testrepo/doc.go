// Package testrepo is an upstream for tests: a yum repository on a web server
// on loopback, or in a directory, that can misbehave in every way that real
// ones do.
//
// It renders its own metadata from its own structs and shares no code with
// internal/repodata, so that a mistake there is not repeated here and passed
// over. Only tests import it.
//
//	up := testrepo.New(t, testrepo.Options{Comps: comps},
//		testrepo.Fake("bash-5.2-1.x86_64", 4096), testrepo.RPM(t, "../../testdata/rpms/x.rpm"))
//	up.On("Packages/**", testrepo.Status(503)).Times(2)
//	… sync from up.URL …
//	require.Len(t, up.Requests("Packages/**"), 4)
//	up.Add(testrepo.Fake("zsh-5.9-1.x86_64", 4096))
//	up.Render() // the next night
package testrepo
