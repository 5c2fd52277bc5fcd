package main

// A match is an element of each of two lists, or of only one.
type match[T any] struct {
	theirs, ours *T
	moved        bool // it is in both, but ours comes before one that it should follow
}

// align matches the elements of two lists by their keys: those of the first in
// their order, then what only the second has. Keys may repeat; an element is
// matched with the next of its key.
func align[T any](theirs, ours []T, key func(*T) string) []match[T] {
	list := make([]match[T], 0, max(len(theirs), len(ours)))
	for len(list) < min(len(theirs), len(ours)) && key(&theirs[len(list)]) == key(&ours[len(list)]) {
		list = append(list, match[T]{theirs: &theirs[len(list)], ours: &ours[len(list)]})
	}
	same := len(list)
	if same == len(theirs) && same == len(ours) {
		return list
	}
	waiting := map[string][]int{} // of ours, the places of each key
	for i := same; i < len(ours); i++ {
		k := key(&ours[i])
		waiting[k] = append(waiting[k], i)
	}
	taken := make([]bool, len(ours))
	furthest := same - 1
	for i := same; i < len(theirs); i++ {
		m := match[T]{theirs: &theirs[i]}
		k := key(&theirs[i])
		if w := waiting[k]; len(w) > 0 {
			waiting[k], taken[w[0]] = w[1:], true
			m.ours, m.moved = &ours[w[0]], w[0] < furthest
			furthest = max(furthest, w[0])
		}
		list = append(list, m)
	}
	for i := same; i < len(ours); i++ {
		if !taken[i] {
			list = append(list, match[T]{ours: &ours[i]})
		}
	}
	return list
}
