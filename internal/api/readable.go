package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// readable refuses requests with text that Postgres cannot keep: the NUL
// character (which JSON can carry) and what is not UTF-8 (which headers and
// addresses can).
func readable(input any) *Problem {
	if at := unreadable(reflect.ValueOf(input).Elem(), ""); at != "" {
		const message = "must be UTF-8 without the NUL character"
		return problemOf(http.StatusUnprocessableEntity, at+" "+message, FieldError{Location: at, Message: message})
	}
	return nil
}

// strictJSON is JSON that is all UTF-8: the decoder would put other characters
// in the place of what is not.
var strictJSON = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		if !utf8.Valid(data) {
			return errors.New("it is not UTF-8")
		}
		if err := shallow(data); err != nil {
			return err
		}
		return json.Unmarshal(data, v)
	},
}

// unreadable gives the location of the first text that cannot be kept, or "".
func unreadable(v reflect.Value, at string) string {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
			return at
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return unreadable(v.Elem(), at)
		}
	case reflect.Slice:
		for i := 0; v.Type().Elem().Kind() != reflect.Uint8 && i < v.Len(); i++ {
			if found := unreadable(v.Index(i), at+"["+strconv.Itoa(i)+"]"); found != "" {
				return found
			}
		}
	case reflect.Map:
		return unreadableEntry(v, at)
	case reflect.Struct:
		return unreadableField(v, at)
	}
	return ""
}

func unreadableEntry(v reflect.Value, at string) string {
	for _, key := range v.MapKeys() {
		if unreadable(key, at) != "" || unreadable(v.MapIndex(key), at) != "" {
			return at
		}
	}
	return ""
}

func unreadableField(v reflect.Value, at string) string {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Tag.Get("readable") != "" { // the handler looks at its parts one by one
			continue
		}
		if found := unreadable(v.Field(i), nameOf(f, at)); found != "" {
			return found
		}
	}
	return ""
}

// nameOf is the location of a field below another location.
func nameOf(f reflect.StructField, at string) string {
	for _, part := range []string{"path", "query", "header"} {
		if tag, _, _ := strings.Cut(f.Tag.Get(part), ","); tag != "" {
			return part + "." + tag
		}
	}
	switch tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); {
	case f.Anonymous:
		return at
	case at == "" && f.Name == "Body":
		return "body"
	case tag != "":
		return at + "." + tag
	}
	return at + "." + f.Name
}
