package lambda

import "testing"

// TestAnswers holds the reading of answers to what Lambda documents.
func TestAnswers(t *testing.T) {
	messages := []Message{{ID: "a"}, {ID: "b"}}
	for answer, want := range map[string]string{
		``:                           "",
		`null`:                       "",
		`{}`:                         "",
		`{"batchItemFailures":[]}`:   "",
		`{"batchItemFailures":null}`: "",
		`{"batchItemFailures":[{"itemIdentifier":"b"}]}`:                        "b",
		`{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"b"}]}`: "ab",
		`{"batchItemFailures":[{"itemIdentifier":"c"}]}`:                        "all",
		`{"batchItemFailures":[{"itemIdentifier":""}]}`:                         "all",
		`{"batchItemFailures":[{"itemIdentifier":null}]}`:                       "all",
		`{"batchItemFailures":[{"id":"a"}]}`:                                    "all",
		`{"batchItemFailures":`:                                                 "all",
		`"done"`:                                                                "all",
	} {
		got := ""
		if failed := failures([]byte(answer), messages); failed == nil {
			got = "all"
		} else {
			for _, m := range messages {
				if failed[m.ID] {
					got += m.ID
				}
			}
		}
		if got != want {
			t.Errorf("%s: %q failed, want %q", answer, got, want)
		}
	}
}
