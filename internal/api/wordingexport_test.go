package api

// Phrases are the sentences that are said in other languages, as formats.
func Phrases() (english []string) {
	for _, p := range phrases {
		english = append(english, p.english)
	}
	return english
}

// Titles are what kinds of problems are called in English.
func Titles() (all []string) {
	for _, k := range kinds {
		all = append(all, k.title)
	}
	for _, t := range reasonTitles {
		all = append(all, t)
	}
	return all
}

// Translated is a problem with one field, in the language that a caller wants.
func Translated(title, message, accept string) (Problem, string) {
	p := Problem{Title: title, Detail: "body.x: " + message, Errors: []FieldError{{Location: "body.x", Message: message}}}
	tag := p.translate(accept)
	return p, tag
}
