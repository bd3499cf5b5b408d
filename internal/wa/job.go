package wa

// Job is work that a bell announces. Jobs carry ids only: Redis holds no
// personal data, and the handler reads the truth when it runs.
type Job interface{ Kind() string }

// The jobs. Each names the reconciler (queue rules R1–R11) that finds its row
// again when the bell is lost.
type (
	// SendTicket says that a message waits for its client's owner (R1).
	SendTicket struct {
		Version int       `json:"v"`
		Message MessageID `json:"message_id"`
		Client  ClientID  `json:"client_id"`
		Lane    Lane      `json:"lane"`
		Redrive int       `json:"redrive,omitempty"`
		Slot    int       `json:"-"` // the owner's slot when the bell is rung; 0 when nobody owns the client
	}
	// DrainTicket says that a client has a backlog (R1).
	DrainTicket struct {
		Version int      `json:"v"`
		Client  ClientID `json:"client_id"`
		Slot    int      `json:"-"`
	}
	// ControlTicket says that somebody wants something of a client (R1).
	ControlTicket struct {
		Version int      `json:"v"`
		Client  ClientID `json:"client_id"`
		Slot    int      `json:"-"`
	}
	// AssignTicket says that a client needs an owner (R5).
	AssignTicket struct {
		Version int      `json:"v"`
		Client  ClientID `json:"client_id"`
	}
	// DeliverTicket says that an endpoint has something to get (R7). Slow ones
	// are for endpoints that do not answer at the moment.
	DeliverTicket struct {
		Version  int        `json:"v"`
		Endpoint EndpointID `json:"endpoint_id"`
		Slow     bool       `json:"-"` // which queue
	}
)

// Kinds of jobs, as asynq's task types.
const (
	JobSend    = "message:send"
	JobDrain   = "client:drain"
	JobControl = "client:control"
	JobAssign  = "client:assign"
	JobDeliver = "webhook:deliver"
)

// Kind is "message:send".
func (SendTicket) Kind() string { return JobSend }

// Kind is "client:drain".
func (DrainTicket) Kind() string { return JobDrain }

// Kind is "client:control".
func (ControlTicket) Kind() string { return JobControl }

// Kind is "client:assign".
func (AssignTicket) Kind() string { return JobAssign }

// Kind is "webhook:deliver".
func (DeliverTicket) Kind() string { return JobDeliver }
