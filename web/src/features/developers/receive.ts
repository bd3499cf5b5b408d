import type { Language, Own } from "@/features/developers/snippets";

/** Receives events, and takes only what is signed with the webhook's secret. */
export const receiveWith: Record<Language, (own: Own) => string> = {
  curl: (own) => `
# Make a webhook for this number. The answer tells its id and, this once, its secret.
curl ${own.api}/api/v1/webhooks \\
  -H "X-API-Key: $CHASQUI_KEY" -H "Content-Type: application/json" \\
  -d '{"url": "https://example.com/hook", "events": ["message.*"], "clients": ["${own.client}"]}'

# Have it sent a test event.
curl -X POST ${own.api}/api/v1/webhooks/$WEBHOOK_ID/test -H "X-API-Key: $CHASQUI_KEY"

# The signature that a request must carry, by hand: $ID and $TIMESTAMP are its headers
# webhook-id and webhook-timestamp, $BODY is its body, byte by byte.
KEY=$(printf %s "\${CHASQUI_SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
printf 'v1,%s\\n' "$(printf '%s.%s.%s' "$ID" "$TIMESTAMP" "$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY -binary | base64)"
`,

  go: () => `
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// verify reports whether one of the signatures is of these bytes, and not old.
func verify(secret string, h http.Header, body []byte) bool {
	sent, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, given := range strings.Fields(h.Get("webhook-signature")) {
		if hmac.Equal([]byte(want), []byte(given)) {
			return true
		}
	}
	return false
}

func main() {
	http.HandleFunc("POST /hook", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil || !verify(os.Getenv("CHASQUI_SECRET"), r.Header, body) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent) // answer first, work afterwards
		fmt.Println(string(body))
	})
	log.Fatal(http.ListenAndServe(":9000", nil))
}
`,

  javascript: () => `
// node receive.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

function verify(secret, headers, body) {
  if (!(Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"])) <= 300)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const want = createHmac("sha256", key)
    .update(\`\${headers["webhook-id"]}.\${headers["webhook-timestamp"]}.\`).update(body).digest();
  return String(headers["webhook-signature"]).split(" ").some((given) => {
    const bytes = Buffer.from(given.replace(/^v1,/, ""), "base64");
    return bytes.length === want.length && timingSafeEqual(bytes, want);
  });
}

createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  const fits = verify(process.env.CHASQUI_SECRET, request.headers, body);
  response.writeHead(fits ? 204 : 401).end(); // answer first, work afterwards
  if (fits) console.log(JSON.parse(body));
}).listen(9000);
`,

  python: () => `
import base64, hashlib, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, HTTPServer

def verify(secret, headers, body):
    if abs(time.time() - int(headers.get("webhook-timestamp", 0))) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.'.encode() + body
    want = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(want, given) for given in headers.get("webhook-signature", "").split())

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fits = verify(os.environ["CHASQUI_SECRET"], self.headers, body)
        self.send_response(204 if fits else 401)  # answer first, work afterwards
        self.end_headers()
        if fits:
            print(json.loads(body), flush=True)

HTTPServer(("", 9000), Receiver).serve_forever()
`,
};
