package event

import "time"

// SubjectErased says that the key of a data subject was destroyed: nobody can reveal
// its tokens of a contract any more, nor make them again.
type SubjectErased struct {
	Contract string `json:"contract"` // contract id
	// Subject is the subject's reference, a keyed hash of its value in the contract,
	// in hex.
	Subject string    `json:"subject"`
	Erased  time.Time `json:"erased"`
	By      string    `json:"by,omitempty"` // who did it, such as "local <user>"
}

// Erased makes the event of an erasure: the same one however often it is made. now
// is its time attribute.
func Erased(source string, now time.Time, data SubjectErased) (Event, error) {
	e, err := Origin(ID("subject.erased", data.Contract, data.Subject), TypeSubjectErased, source, now, data)
	e.SetSubject(data.Subject)
	e.SetExtension(ExtCorrelationID, e.ID())
	return e, err
}
