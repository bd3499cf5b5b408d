import type { Language, Own } from "@/features/developers/snippets";

/** Reads events as they come, where no webhook can reach. */
export const readWith: Record<Language, (own: Own) => string> = {
  curl: (own) => `
# Follow what happens now; "id:" is where a new stream may go on (Last-Event-ID).
curl -N ${own.api}/api/v1/events/stream?client=${own.client} -H "X-API-Key: $CHASQUI_KEY"

# Or ask for what came after an event, waiting for it up to 25 seconds.
curl "${own.api}/api/v1/events?client=${own.client}&newest=true" -H "X-API-Key: $CHASQUI_KEY"
curl "${own.api}/api/v1/events?client=${own.client}&wait=25&after=$EVENT_ID" -H "X-API-Key: $CHASQUI_KEY"
`,

  go: (own) => `
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

type page struct {
	Data []struct {
		ID   string          \`json:"id"\`
		Type string          \`json:"type"\`
		Data json.RawMessage \`json:"data"\`
	} \`json:"data"\`
	Next string \`json:"next"\`
}

func get(query string) page {
	req, err := http.NewRequest("GET", "${own.api}/api/v1/events?client=${own.client}&"+query, nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("X-API-Key", os.Getenv("CHASQUI_KEY"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		log.Fatal(res.Status)
	}
	var p page
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		log.Fatal(err)
	}
	return p
}

func main() {
	after := get("newest=true&limit=1").Next // keep it somewhere, and nothing is missed
	for {
		query := "wait=25"
		if after != "" {
			query += "&after=" + after
		}
		p := get(query)
		for _, e := range p.Data {
			fmt.Println(e.Type, string(e.Data))
		}
		if p.Next != "" {
			after = p.Next
		}
	}
}
`,

  javascript: (own) => `
// node read.mjs
async function get(query) {
  const res = await fetch(\`${own.api}/api/v1/events?client=${own.client}&\${query}\`, {
    headers: { "X-API-Key": process.env.CHASQUI_KEY },
  });
  if (!res.ok) throw new Error(await res.text());
  return res.json();
}

let after = (await get("newest=true&limit=1")).next; // keep it somewhere, and nothing is missed
for (;;) {
  const page = await get(after ? \`wait=25&after=\${after}\` : "wait=25");
  for (const event of page.data) console.log(event.type, event.data);
  after = page.next ?? after;
}
`,

  python: (own) => `
import json, os, urllib.request

def get(query):
    request = urllib.request.Request(
        f"${own.api}/api/v1/events?client=${own.client}&{query}",
        headers={"X-API-Key": os.environ["CHASQUI_KEY"]},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

after = get("newest=true&limit=1")["next"]  # keep it somewhere, and nothing is missed
while True:
    page = get(f"wait=25&after={after}" if after else "wait=25")
    for event in page["data"]:
        print(event["type"], event["data"], flush=True)
    after = page["next"] or after
`,
};
