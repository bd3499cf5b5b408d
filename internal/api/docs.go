package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui/v5/static"
)

// DocsPath is where people read the API's description. Everything that the page
// needs comes from here: it asks nobody else for anything.
const DocsPath = "/docs"

// docsMost is more than any file of the library has, unpacked.
const docsMost = 8 << 20

const docsPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chasqui API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

// docsScript is a file of its own, because pages run nothing that stands in them.
const docsScript = `SwaggerUIBundle({
  url: "/api/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, docExpansion: "none",
  filter: true, tagsSorter: "alpha", showExtensions: true, presets: [SwaggerUIBundle.presets.apis],
});
`

// docsFiles are the files of the library that the page asks for; the library
// holds them packed (.gz), except pictures.
var docsFiles = map[string]string{
	"swagger-ui.css": "text/css; charset=utf-8", "swagger-ui-bundle.js": "text/javascript; charset=utf-8", "favicon-32x32.png": mediaPNG,
}

func (a *api) mountDocs(e *gin.Engine) {
	e.GET(DocsPath, func(c *gin.Context) {
		h := c.Writer.Header()
		h.Set("Content-Security-Policy", PagePolicy)
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(docsPage))
	})
	e.GET(DocsPath+"/:file", func(c *gin.Context) {
		if c.Param("file") == "start.js" {
			c.Data(http.StatusOK, "text/javascript; charset=utf-8", []byte(docsScript))
			return
		}
		a.docsFile(c, c.Param("file"))
	})
}

// docsFile sends a file of the library, packed to those who take it so.
func (a *api) docsFile(c *gin.Context, name string) {
	media, known := docsFiles[name]
	if !known {
		a.refuse(c, problemOf(http.StatusNotFound, "there is nothing at this address"))
		return
	}
	packed := media != mediaPNG
	if packed {
		name += ".gz"
	}
	f, err := static.FS.Open(name)
	if err != nil {
		a.refuse(c, problemFrom(err, "path"))
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	var body io.Reader = f
	h := c.Writer.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "public, max-age=3600")
	if h.Add("Vary", "Accept-Encoding"); packed && strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
	} else if packed {
		if body, err = gzip.NewReader(f); err != nil {
			a.refuse(c, problemFrom(err, "path"))
			return
		}
	}
	c.Status(http.StatusOK)
	_, _ = io.Copy(c.Writer, io.LimitReader(body, docsMost)) // a reader that has gone needs no more
}
