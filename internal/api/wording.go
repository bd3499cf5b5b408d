package api

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2/validation"
	"golang.org/x/text/language"
)

// Problems are in English. Titles, and what is said of fields by the library that
// reads requests, are said in the caller's language where we have it: that is
// what people see beside the fields of a form. Whatever is not found here, our
// own finer points among it, stays English.

// tongue is one of the languages that problems are said in, besides English.
type tongue int

const (
	spanish tongue = iota
	portuguese
	indonesian
	tongues // how many
)

// tags are what callers call them; the first is English.
var tags = []language.Tag{language.English, language.Spanish, language.Portuguese, language.Indonesian}

var spoken = language.NewMatcher(tags)

// tongueOf reads Accept-Language. False: English it is.
func tongueOf(accept string) (t tongue, tag string, ok bool) {
	if accept == "" || len(accept) > 200 {
		return 0, "", false
	}
	_, i := language.MatchStrings(spoken, accept)
	return tongue(i - 1), tags[i].String(), i > 0
}

// said is a sentence in all tongues. {1} stands for the first of what the
// English one holds.
type said [tongues]string

// phrase is an English sentence as a format, which may hold %s, %d and %v, and
// what it is in other tongues.
type phrase struct {
	english string
	others  said
}

const mail = "expected string to be RFC 5322 email"

// phrases are what is said of a field. Of two that fit, the first counts.
var phrases = []phrase{
	{"is required", said{"es obligatorio", "é obrigatório", "wajib diisi"}},
	{"is not a field of this request", said{"no es un campo de esta petición", "não é um campo deste pedido", "bukan isian permintaan ini"}},
	{"required %s parameter is missing", said{"es obligatorio", "é obrigatório", "wajib diisi"}},
	{"unknown query parameter", said{"no es un parámetro de esta petición", "não é um parâmetro deste pedido", "bukan parameter permintaan ini"}},
	{"request body is required", said{"falta el cuerpo de la petición", "falta o corpo do pedido", "isi permintaan tidak ada"}},
	{validation.MsgExpectedRFC3339DateTime, aTime},
	{validation.MsgExpectedRFC3339Date, said{"debe ser una fecha como 2026-01-31", "deve ser uma data como 2026-01-31", "harus berupa tanggal seperti 2026-01-31"}},
	{"invalid date/time for format %s", aTime},
	{mail + ": %v", aMail},
	{validation.MsgExpectedRFC5322EmailBare, aMail},
	{validation.MsgExpectedRFC3986URI, aURL},
	{validation.MsgExpectedRFC3986AbsoluteURI, aURL},
	{validation.MsgExpectedRFC4122UUID, said{"debe ser un UUID", "deve ser um UUID", "harus berupa UUID"}},
	{validation.MsgExpectedBoolean, aBoolean},
	{"invalid boolean", aBoolean},
	{validation.MsgExpectedInteger, anInteger},
	{"invalid integer", anInteger},
	{"is too large or too small a number", said{"es un número demasiado grande o demasiado pequeño", "é um número grande ou pequeno demais", "adalah bilangan yang terlalu besar atau terlalu kecil"}},
	{validation.MsgExpectedNumber, aNumber},
	{"invalid float", aNumber},
	{validation.MsgExpectedString, said{"debe ser un texto", "deve ser um texto", "harus berupa teks"}},
	{validation.MsgExpectedArray, said{"debe ser una lista", "deve ser uma lista", "harus berupa daftar"}},
	{validation.MsgExpectedObject, said{"debe ser un objeto", "deve ser um objeto", "harus berupa objek"}},
	{validation.MsgExpectedBase64String, said{"debe estar en base64", "deve estar em base64", "harus dalam base64"}},
	{validation.MsgExpectedArrayItemsUnique, said{"no debe repetir nada", "não deve repetir nada", "tidak boleh ada yang berulang"}},
	{validation.MsgExpectedOneOf, said{"debe ser uno de estos: {1}", "deve ser um destes: {1}", "harus salah satu dari: {1}"}},
	{validation.MsgExpectedConst, said{"debe ser {1}", "deve ser {1}", "harus {1}"}},
	{validation.MsgExpectedMinimumNumber, said{"debe ser {1} o más", "deve ser {1} ou mais", "harus {1} atau lebih"}},
	{validation.MsgExpectedExclusiveMinimumNumber, said{"debe ser más de {1}", "deve ser mais de {1}", "harus lebih dari {1}"}},
	{validation.MsgExpectedMaximumNumber, said{"debe ser {1} o menos", "deve ser {1} ou menos", "harus {1} atau kurang"}},
	{validation.MsgExpectedExclusiveMaximumNumber, said{"debe ser menos de {1}", "deve ser menos de {1}", "harus kurang dari {1}"}},
	{validation.MsgExpectedNumberBeMultipleOf, said{"debe ser múltiplo de {1}", "deve ser múltiplo de {1}", "harus kelipatan {1}"}},
	{validation.MsgExpectedMinLength, said{"es demasiado corto: al menos {1} caracteres", "é curto demais: pelo menos {1} caracteres", "terlalu pendek: paling sedikit {1} karakter"}},
	{validation.MsgExpectedMaxLength, said{"es demasiado largo: como mucho {1} caracteres", "é longo demais: no máximo {1} caracteres", "terlalu panjang: paling banyak {1} karakter"}},
	{validation.MsgExpectedMatchPattern, said{"no tiene la forma {1}", "não tem a forma {1}", "tidak berbentuk {1}"}},
	{validation.MsgExpectedBePattern, said{"no tiene esta forma: {1}", "não tem esta forma: {1}", "tidak berbentuk ini: {1}"}},
	{validation.MsgExpectedMinItems, said{"debe tener {1} elementos o más", "deve ter {1} itens ou mais", "harus berisi {1} butir atau lebih"}},
	{validation.MsgExpectedMaxItems, said{"debe tener {1} elementos o menos", "deve ter {1} itens ou menos", "harus berisi {1} butir atau kurang"}},
	{validation.MsgExpectedMinProperties, said{"debe tener {1} campos o más", "deve ter {1} campos ou mais", "harus berisi {1} isian atau lebih"}},
	{validation.MsgExpectedMaxProperties, said{"debe tener {1} campos o menos", "deve ter {1} campos ou menos", "harus berisi {1} isian atau kurang"}},
	{validation.MsgExpectedDependentRequiredProperty, said{"falta {1}, que va con {2}", "falta {1}, que vai com {2}", "{1} wajib ada bersama {2}"}},
	{"%d things are wrong; see errors", said{"hay {1} errores; están en errors", "há {1} erros; estão em errors", "ada {1} kesalahan; lihat errors"}},
	{"the body is not JSON: %s", said{"el cuerpo no es JSON: {1}", "o corpo não é JSON: {1}", "isi permintaan bukan JSON: {1}"}},
	{"the e-mail address or the password is wrong", said{"la dirección de correo o la contraseña no es correcta", "o endereço de e-mail ou a senha está errado", "alamat surel atau kata sandi salah"}},
	{"the password or the code is wrong", said{"la contraseña o el código no es correcto", "a senha ou o código está errado", "kata sandi atau kode salah"}},
	{"this code is wrong, too old, or was used before", said{"este código es incorrecto, demasiado antiguo o ya se usó", "este código está errado, é antigo demais ou já foi usado", "kode ini salah, terlalu lama, atau sudah pernah dipakai"}},
	{"has run out, was used, or never was: ask for a new one", said{"ha caducado, ya se usó o nunca existió: pida otro", "expirou, já foi usado ou nunca existiu: peça outro", "sudah habis masanya, sudah dipakai, atau tidak pernah ada: minta yang baru"}},
	{"too many attempts: wait before the next one", said{"demasiados intentos: espere antes del siguiente", "tentativas demais: espere antes da próxima", "terlalu banyak percobaan: tunggu sebelum yang berikutnya"}},
	{"this session is over: sign in again", said{"esta sesión ha terminado: entre de nuevo", "esta sessão terminou: entre de novo", "sesi ini sudah berakhir: masuk lagi"}},
	{"send the body as application/json", said{"envíe el cuerpo como application/json", "envie o corpo como application/json", "kirim isi permintaan sebagai application/json"}},
}

var (
	aTime     = said{"debe ser fecha y hora como 2026-01-31T15:04:05Z", "deve ser data e hora como 2026-01-31T15:04:05Z", "harus berupa tanggal dan jam seperti 2026-01-31T15:04:05Z"}
	aMail     = said{"debe ser una dirección de correo", "deve ser um endereço de e-mail", "harus berupa alamat surel"}
	aURL      = said{"debe ser una dirección como https://example.com", "deve ser um endereço como https://example.com", "harus berupa alamat seperti https://example.com"}
	aBoolean  = said{"debe ser true o false", "deve ser true ou false", "harus true atau false"}
	anInteger = said{"debe ser un número entero", "deve ser um número inteiro", "harus berupa bilangan bulat"}
	aNumber   = said{"debe ser un número", "deve ser um número", "harus berupa angka"}
)

// titles are what kinds of problems are called.
var titles = map[string]said{
	"The request is not valid":                  {"La petición no es válida", "O pedido não é válido", "Permintaan tidak valid"},
	"A valid API key or access token is needed": {"Hace falta una clave de API o un token de acceso válido", "É preciso uma chave de API ou um token de acesso válido", "Diperlukan kunci API atau token akses yang sah"},
	notLetIn:                              {"No se pudo iniciar la sesión", "Não foi possível entrar", "Anda tidak dapat masuk"},
	"You are not signed in any more":      {"La sesión ya no está abierta", "Você não está mais conectado", "Anda sudah tidak masuk"},
	"You may not do that":                 {"No puede hacer eso", "Você não pode fazer isso", "Anda tidak boleh melakukan itu"},
	"There is no such thing":              {"Eso no existe", "Isso não existe", "Hal itu tidak ada"},
	"This does not fit the present state": {"No encaja con el estado actual", "Não combina com o estado atual", "Tidak sesuai dengan keadaan sekarang"},
	"This is not supported":               {"Esto no se admite", "Isto não é aceito", "Ini tidak didukung"},
	"Too much at once":                    {"Demasiado a la vez", "Demais de uma vez", "Terlalu banyak sekaligus"},
	"Not available at the moment":         {"No disponible por ahora", "Indisponível por agora", "Sedang tidak tersedia"},
	"Something failed on our side":        {"Algo falló de nuestro lado", "Algo falhou do nosso lado", "Ada yang gagal di pihak kami"},
}

// heard finds a phrase in a sentence.
type heard struct {
	form   *regexp.Regexp
	others said
}

var hearing = hear(phrases)

// stands is what a verb of a format may stand for.
var stands = strings.NewReplacer("%d", `(\d+)`, "%s", "(.*)", "%v", "(.*)")

func hear(all []phrase) []heard {
	out := make([]heard, len(all))
	for i, p := range all {
		form := stands.Replace(regexp.QuoteMeta(p.english))
		out[i] = heard{regexp.MustCompile("(?s)^" + form + "$"), p.others}
	}
	return out
}

// say gives a sentence in a tongue; one that is not known stays as it is.
func (t tongue) say(english string) string {
	for _, h := range hearing {
		m := h.form.FindStringSubmatch(english)
		if m == nil {
			continue
		}
		text := h.others[t]
		for i, held := range m[1:] {
			text = strings.ReplaceAll(text, "{"+strconv.Itoa(i+1)+"}", held)
		}
		return text
	}
	return english
}

// translate says a problem in the language that the caller would like best, and
// which that is; "" for English.
func (p *Problem) translate(accept string) (tag string) {
	t, tag, ok := tongueOf(accept)
	if !ok {
		return ""
	}
	if title, known := titles[p.Title]; known {
		p.Title = title[t]
	}
	detail := t.say(p.Detail)
	for i, f := range p.Errors {
		p.Errors[i].Message = t.say(f.Message)
		if len(p.Errors) == 1 && strings.HasSuffix(detail, f.Message) {
			detail = strings.TrimSuffix(detail, f.Message) + p.Errors[i].Message
		}
	}
	p.Detail = detail
	return tag
}
