package contract

import (
	"strings"
	"testing"
)

// TestParseProblems: what the standard requires of each block, with the path at
// fault and the line.
func TestParseProblems(t *testing.T) {
	root := func(more string) string { return with("schema:", more+"\nschema:", "logicalType: string") }
	for _, test := range []struct {
		doc  string
		want string // "path: message"
	}{
		{root("servers: [{type: s3, location: s3://b}]"), "servers[0]: a server needs server"},
		{root("servers: [{server: s}]"), "servers[0]: a server needs type"},
		{root("servers: [{server: s, type: s3}]"), "servers[0]: a server of type s3 needs location"},
		{root("servers: [{server: s, type: kafak, host: h}]"), `servers[0].type: "kafak" is not a type of server (did you mean "kafka"?)`},
		{root("servers: [{server: s, type: sqs}]"), "the standard has none: custom"},
		{root("servers: [{server: s, type: mysql, host: h, database: d, port: 70000}]"), "servers[0].port: is not a port"},
		{root("servers: [{server: s, type: mysql, host: h, database: d, port: [1]}]"), "servers[0].port: must be a whole number"},
		{root("servers: [{server: s, type: sftp, location: 'https://x'}]"), "servers[0].location: is not an sftp URL"},
		{root("servers: [{server: s, type: custom, unheard: 1}]"), `servers[0].unheard: a server of type custom has no key "unheard"`},
		{root("roles: [{access: read}]"), "roles[0]: a role needs role"},
		{root("support: [{url: 'https://x'}]"), "support[0]: a support channel needs channel"},
		{root("team: reader"), "team: must be a mapping or a list"},
		{root("team: {member: []}"), `unknown key "member" (did you mean "members"?)`},
		{root("team: [{user: x}]"), `team[0]: unknown key "user"`},
		{root("context: []"), "context: must be a mapping or a single value"},
		{root("context: {verifiedStatements: [{answer: x}]}"), "context.verifiedStatements[0]: a verified statement needs question"},
		{root("context: {constraints: [{id: x}]}"), "context.constraints[0]: a constraint needs constraint"},
		{root("context: {instruction: x}"), `did you mean "instructions"?`},
		{root("authoritativeDefinitions: [{type: x}]"), "authoritativeDefinitions[0]: an authoritative definition needs url"},
		{root("authoritativeDefinitions: [{url: x}]"), "authoritativeDefinitions[0]: an authoritative definition needs type"},
		{root("authoritativeDefinitions: [{url: x, type: y, id: a b}]"), `authoritativeDefinitions[0].id: "a b" is not an id`},
		{root("customProperties: [{id: a, property: x}, {id: a, property: y}]"), `customProperties[1].id: the id "a" stands twice in this list`},
		{root("slaProperties: [{value: 1}]"), "slaProperties[0]: a service level needs property"},
		{root("slaProperties: [{property: karma}]"), "slaProperties[0]: a service level needs value"},
		{root("slaProperties: [{property: karma, value: [1]}]"), "slaProperties[0].value: must be a single value"},
		{root("slaProperties: [{property: karma, value: 1, valueExt: {a: 1}}]"), "slaProperties[0].valueExt: must be a single value"},
		{root("price: {priceAmount: much}"), "price.priceAmount: must be a number"},
		{doc("logicalType: string\nenum: [{label: a}]"), "enum[0]: a value of an enum needs value"},
		{doc("logicalType: string\nenum: [{value: [a]}]"), "enum[0].value: must be a single value"},
		{doc("logicalType: string\nsynonyms: [{locale: de}]"), "synonyms[0]: a synonym needs synonym"},
		{doc("logicalType: string\nsynonyms: [a]"), "synonyms[0]: must be a mapping"},
		{doc("logicalType: string\nsemanticType: mesure"), `semanticType: "mesure" is none of its values (did you mean "measure"?)`},
		{doc("logicalType: map"), "a property of logicalType map needs map"},
		{doc("logicalType: map\nmap: {key: {logicalType: string}}"), "map: a map needs value"},
		{doc("logicalType: map\nmap: {key: {logicalType: string}, value: {logicaltype: string}}"), `did you mean "logicalType"?`},
		{doc("logicalType: string\nrelationships: [{type: foreignKey}]"), "relationships[0]: a relationship needs to"},
		{doc("logicalType: string\nrelationships: [{type: parent, to: o.other}]"), `relationships[0].type: "parent" is none of its values`},
		{doc("logicalType: string\nrelationships: [{to: {a: 1}}]"), "relationships[0].to: must be a reference or a list of them"},
		{doc("logicalType: string\nrelationships: [{to: o.other, id: a.b}]"), `"a.b" is not an id of a relationship`},
		{with("- name: o\n", "- name: o\n  relationships: [{to: o.v}]\n", "logicalType: string"), "schema[0].relationships[0]: a relationship of a schema object needs from"},
		{with("- name: o\n", "- name: o\n  relationships: [{from: [o.v, o.other], to: [o.v]}]\n", "logicalType: string"), "from and to must name as many properties"},
		{with("- name: o\n", "- name: o\n  relationships: [{from: [], to: []}]\n", "logicalType: string"), "schema[0].relationships[0].to: the list is empty"},
		{with("- name: o\n", "- name: o\n  relationships: [{from: [1], to: o.v}]\n", "logicalType: string"), "schema[0].relationships[0].from[0]: must be a reference"},
		{doc("logicalType: string\nquality: [{type: library, mustBe: 0}]"), "quality[0]: a library rule needs metric"},
		{doc("logicalType: string\nquality: [{type: sql, mustBe: 0}]"), "quality[0]: an sql rule needs query"},
		{doc("logicalType: string\nquality: [{type: custom, implementation: x}]"), "quality[0]: a custom rule needs engine"},
		{doc("logicalType: string\nquality: [{type: custom, engine: soda}]"), "quality[0]: a custom rule needs implementation"},
		{doc("logicalType: string\nquality: [{type: custom, engine: soda, implementation: [1]}]"), "quality[0].implementation: must be text or a mapping"},
		{doc("logicalType: string\nquality: [{metric: nullValues, mustBe: 0, dimension: completness}]"), `did you mean "completeness"?`},
	} {
		t.Run(test.want, func(t *testing.T) {
			_, err := Parse("c.odcs.yaml", []byte(test.doc))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "c.odcs.yaml:") {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
