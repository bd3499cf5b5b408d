package whatsim

func (s *Server) touch() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
func (s *Server) loadState() error { return nil }
func (s *Server) saveLoop()        { <-s.ctx.Done() }
func (s *Server) save() error      { return nil }
