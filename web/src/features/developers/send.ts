import type { Language, Own } from "@/features/developers/snippets";

const body = (own: Own) => `{"to": ${JSON.stringify(own.to)}, "type": "text", "text": {"body": "Hello from my program"}}`;

/** Sends a text. */
export const sendWith: Record<Language, (own: Own) => string> = {
  curl: (own) => `
curl ${own.api}/api/v1/clients/${own.client}/messages \\
  -H "X-API-Key: $CHASQUI_KEY" -H "Content-Type: application/json" \\
  -d '${body(own)}'
`,

  go: (own) => `
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	body := strings.NewReader(\`${body(own)}\`)
	req, err := http.NewRequest("POST", "${own.api}/api/v1/clients/${own.client}/messages", body)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("X-API-Key", os.Getenv("CHASQUI_KEY"))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Status, string(answer))
}
`,

  javascript: (own) => `
// node send.mjs
const res = await fetch("${own.api}/api/v1/clients/${own.client}/messages", {
  method: "POST",
  headers: { "X-API-Key": process.env.CHASQUI_KEY, "Content-Type": "application/json" },
  body: JSON.stringify(${body(own)}),
});
console.log(res.status, await res.json());
`,

  python: (own) => `
import json, os, urllib.request

request = urllib.request.Request(
    "${own.api}/api/v1/clients/${own.client}/messages",
    data=json.dumps(${body(own)}).encode(),
    headers={"X-API-Key": os.environ["CHASQUI_KEY"], "Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as answer:
    print(answer.status, json.load(answer))
`,
};
