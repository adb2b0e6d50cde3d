// Command hello is the least that Lambda and Cloud Run can start: what the
// machine and Go themselves take before a function of ours begins.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	if service := os.Getenv("AWS_LAMBDA_RUNTIME_API"); service != "" {
		res, err := http.Get("http://" + service + "/2018-06-01/runtime/invocation/next")
		if err != nil {
			log.Fatal(err)
		}
		_, err = io.Copy(io.Discard, res.Body)
		log.Fatal(err)
	}
	http.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
