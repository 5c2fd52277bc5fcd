package modulemd

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// mapping is a YAML mapping, or nothing, under the name that errors call it.
type mapping struct {
	name string
	node *yaml.Node
}

// get finds the value of a key; nil where there is none, or null. A key that
// is there twice is an error: nobody can say which is meant.
func (m mapping) get(key string) (*yaml.Node, error) {
	if m.node == nil {
		return nil, nil
	}
	if m.node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is %s, not a mapping", m.name, kindName(m.node))
	}
	var value *yaml.Node
	found := false
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		k := m.node.Content[i]
		if k.Kind != yaml.ScalarNode || k.Value != key {
			continue
		}
		if found {
			return nil, fmt.Errorf("%s has %s twice", m.name, key)
		}
		found, value = true, m.node.Content[i+1]
	}
	if value != nil && isNull(value) {
		return nil, nil
	}
	return value, nil
}

// text gives a scalar's text as it is written, "" where there is none.
func (m mapping) text(key string) (string, error) {
	value, err := m.get(key)
	if err != nil || value == nil {
		return "", err
	}
	if value.Kind != yaml.ScalarNode {
		return "", fmt.Errorf("%s is %s, not a text", key, kindName(value))
	}
	return value.Value, nil
}

func (m mapping) mapping(key string) (mapping, error) {
	value, err := m.get(key)
	if err != nil {
		return mapping{}, err
	}
	return mapping{key, value}, nil
}

// texts gives the text of a sequence's scalars, nil where there is none.
func (m mapping) texts(key string) ([]string, error) {
	value, err := m.get(key)
	if err != nil {
		return nil, err
	}
	return mapping{key, value}.list()
}

// each calls f for every key in order, with its value, whatever that is. A key
// that is there twice is an error.
func (m mapping) each(f func(key string, value mapping) error) error {
	if m.node == nil {
		return nil
	}
	if m.node.Kind != yaml.MappingNode {
		return fmt.Errorf("%s is %s, not a mapping", m.name, kindName(m.node))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		k, value := m.node.Content[i], m.node.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			return fmt.Errorf("%s has %s for a key", m.name, kindName(k))
		}
		if seen[k.Value] {
			return fmt.Errorf("%s has %s twice", m.name, k.Value)
		}
		seen[k.Value] = true
		if isNull(value) {
			value = nil
		}
		if err := f(k.Value, mapping{k.Value, value}); err != nil {
			return err
		}
	}
	return nil
}

// list gives the texts of a value that is a list.
func (m mapping) list() ([]string, error) {
	if m.node == nil {
		return nil, nil
	}
	if m.node.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s is %s, not a list", m.name, kindName(m.node))
	}
	list := make([]string, 0, len(m.node.Content))
	for _, item := range m.node.Content {
		if item.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%s has %s in it, not only texts", m.name, kindName(item))
		}
		list = append(list, item.Value)
	}
	return list, nil
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	default:
		return "a text"
	}
}
