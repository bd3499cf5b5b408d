package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"chasqui/internal/wa"
)

//go:generate go test chasqui/internal/app -run TestGeneratedFiles -update

// Setting is one environment variable, as people read about it.
type Setting struct {
	Name    string
	Default string
	Help    string
	Secret  bool // NAME_FILE works too, and the value is never shown
	field   string
}

// Settings lists them all, in the order of Config.
func Settings() []Setting {
	var all []Setting
	for f := range reflect.TypeFor[Config]().Fields() {
		all = append(all, Setting{
			Name: f.Tag.Get("env"), Default: f.Tag.Get("envDefault"), Help: f.Tag.Get("help"),
			Secret: f.Type == reflect.TypeFor[wa.Secret](), field: f.Name,
		})
	}
	return all
}

// Load reads the settings from an environment (NAME=value, as os.Environ gives
// it) and reports every mistake at once, each with its setting's name. The
// required ones must be there.
func Load(environ []string, required ...string) (Config, error) {
	values, wrong := gather(environ)
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: values}); err != nil {
		wrong = append(wrong, translate(err)...)
	}
	for _, name := range required {
		if values[name] == "" && !named(wrong, name) {
			wrong = append(wrong, mistake(name, "is not set"))
		}
	}
	for _, m := range c.validate() {
		if !named(wrong, m.Setting) { // what could not be read cannot be judged
			wrong = append(wrong, m)
		}
	}
	var all []error
	for _, m := range wrong {
		all = append(all, m)
	}
	return c, errors.Join(all...)
}

func named(wrong []Mistake, setting string) bool {
	return slices.ContainsFunc(wrong, func(m Mistake) bool { return m.Setting == setting })
}

// gather keeps what is set and reads the files that stand for secrets.
func gather(environ []string) (map[string]string, []Mistake) {
	given := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		given[name] = value
	}
	values := map[string]string{}
	var wrong []Mistake
	for _, s := range Settings() {
		value, problem := read(given, s)
		if problem != "" {
			wrong = append(wrong, mistake(s.Name, problem))
		}
		if value != "" {
			values[s.Name] = value
		}
	}
	return values, wrong
}

// read gives a setting's value, or what is wrong with where it comes from.
func read(given map[string]string, s Setting) (value, problem string) {
	path := given[s.Name+"_FILE"]
	switch {
	case !s.Secret || path == "":
		return given[s.Name], ""
	case given[s.Name] != "":
		return "", "and " + s.Name + "_FILE are both set: keep one"
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", "cannot be read from its file: " + err.Error()
	}
	return strings.TrimSpace(string(raw)), ""
}

// translate names settings where the library names fields.
func translate(err error) []Mistake {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []Mistake{mistake("the environment", err.Error())}
	}
	var out []Mistake
	for _, e := range all.Errors {
		var parse env.ParseError
		if !errors.As(e, &parse) {
			out = append(out, mistake("the environment", e.Error()))
			continue
		}
		out = append(out, mistake(nameOf(parse.Name), "cannot be read as "+kindOf(parse.Type)))
	}
	return out
}

func nameOf(field string) string {
	for _, s := range Settings() {
		if s.field == field {
			return s.Name
		}
	}
	return field
}

// kindOf says in words what a setting must look like.
func kindOf(t reflect.Type) string {
	switch t.String() {
	case "bool":
		return "true or false"
	case "time.Duration":
		return "a duration such as 20s"
	case "float64":
		return "a number"
	case "wa.Rate":
		return "a rate such as 100/15m, or off"
	case "slog.Level":
		return "a level: DEBUG, INFO, WARN or ERROR"
	}
	return "a whole number"
}

// Dump writes every setting with its value; of secrets only whether they are
// set.
func (c Config) Dump(w io.Writer) error {
	v := reflect.ValueOf(c)
	for _, s := range Settings() {
		if _, err := fmt.Fprintf(w, "%s=%s\n", s.Name, shown(v.FieldByName(s.field).Interface())); err != nil {
			return err
		}
	}
	return nil
}

func shown(value any) string {
	switch v := value.(type) {
	case wa.Secret:
		if v.IsZero() {
			return ""
		}
		return v.String()
	case []string:
		return strings.Join(v, ",")
	}
	return fmt.Sprint(value)
}

// EnvExample writes the file that people copy to .env.
func EnvExample(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Settings of api, worker, scheduler and chasqui, with their defaults.\n")
	b.WriteString("# Made from internal/app/config.go by `make generate`; a test compares them.\n")
	b.WriteString("# An empty value counts as not set.\n")
	for _, s := range Settings() {
		fmt.Fprintf(&b, "\n# %s\n", s.Help)
		if s.Secret {
			fmt.Fprintf(&b, "# Or %s_FILE, a file that holds it.\n%s=\n", s.Name, s.Name)
			continue
		}
		fmt.Fprintf(&b, "#%s=%s\n", s.Name, s.Default)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// SettingsTable writes the table of docs/operations.md.
func SettingsTable(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| setting | default | what it is |\n|---|---|---|\n")
	for _, s := range Settings() {
		value := "–"
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		help := s.Help
		if s.Secret {
			help += " Or `" + s.Name + "_FILE`."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, value, help)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
