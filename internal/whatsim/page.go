package whatsim

import "net/http"

func (s *Server) page(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("whatsim\n")) }
