package event

// Reveal is the outcome of one request for values behind tokens. It holds neither.
// Of a request that was refused it has what is known to be true: names that the
// exchange has, and the caller once it has shown who it is.
type Reveal struct {
	Grant      string `json:"grant,omitempty"`
	Partner    string `json:"partner,omitempty"`  // whose grant it is
	Contract   string `json:"contract,omitempty"` // contract id
	Object     string `json:"object,omitempty"`   // schema object in the contract
	Field      string `json:"field,omitempty"`
	Purpose    string `json:"purpose,omitempty"`
	LegalBasis string `json:"legalBasis,omitempty"`
	// Caller is who asked: "<issuer> <subject>", "key <first 16 hex of its SHA-256>",
	// or "local <user>".
	Caller   string `json:"caller,omitempty"`
	Tokens   int    `json:"tokens"`   // of the request
	Revealed int    `json:"revealed"` // of these
	// Refused tokens, by why: "form" (none that could be revealed), "key" (of a
	// version that there is not, or that is retired), "other" (of another domain, or
	// changed), "subject-erased" (the key of the data subject was destroyed).
	Refused map[string]int `json:"refused,omitempty"`
	// Unrecorded refusals came before this event, so many at once that they were
	// only counted.
	Unrecorded int    `json:"unrecorded,omitempty"`
	Fault      *Fault `json:"fault,omitempty"` // reveal.refused: why
}
