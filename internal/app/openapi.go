package app

import (
	"context"

	"chasqui/internal/api"
)

// openAPI prints the description of the HTTP API, from which clients are
// generated. It needs no settings and no services.
type openAPI struct{}

// Run prints it.
func (openAPI) Run(ctx context.Context, con *console) error {
	doc, err := api.Document(ctx, documentVersion)
	if err != nil {
		return err
	}
	_, err = con.out.Write(doc)
	return err
}

// documentVersion stands in the document that is kept in the repository: a real
// version would change it with every release.
const documentVersion = "1"
