package app

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// ports are ports of this machine that a run has for itself. Between finding one
// free and the program that listens on it another run may find it too, so each
// is spoken for by a lock that ends with this process.
type ports struct {
	locks []*os.File
}

// free gives the first port from one on that nobody listens on and no other run
// has spoken for.
func (p *ports) free(from int) (int, error) {
	for port := from; port < from+200; port++ {
		lock, err := speakFor(port)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			_ = lock.Close() // it gives the port back
			continue
		}
		p.locks = append(p.locks, lock)
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port from %d on", from)
}

// close gives the ports back.
func (p *ports) close() {
	for _, lock := range p.locks {
		_ = lock.Close() // the lock goes with the descriptor, whatever this says
	}
	p.locks = nil
}

// speakFor locks a port's file, which lies where every run of this user finds
// it. The file stays: one that is taken away under somebody's lock locks nothing.
func speakFor(port int) (*os.File, error) {
	name := fmt.Sprintf("chasqui-port-%d-%d", os.Getuid(), port)
	f, err := os.OpenFile(filepath.Join(os.TempDir(), name), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}
