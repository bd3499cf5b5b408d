package app

import (
	"net"
	"strconv"
	"testing"
)

// Two runs that look at the same moment get different ports, before anybody
// listens on them; one that ended gives its ports back.
func TestPortsAreSpokenFor(t *testing.T) {
	t.Parallel()
	var one, other, third ports
	t.Cleanup(one.close)
	t.Cleanup(other.close)
	t.Cleanup(third.close)
	from := unusedPort(t)
	first := freePort(t, &one, from)
	second := freePort(t, &other, from)
	if first == second {
		t.Fatalf("both runs got port %d", first)
	}
	if again := freePort(t, &one, from); again == first || again == second {
		t.Errorf("port %d was given twice", again)
	}
	one.close()
	if got := freePort(t, &third, from); got != first {
		t.Errorf("a port that was given back is %d, got %d", first, got)
	}
}

// What somebody else listens on is passed over.
func TestPortsInUseArePassedOver(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var p ports
	t.Cleanup(p.close)
	taken := portOf(t, l)
	if got := freePort(t, &p, taken); got == taken {
		t.Errorf("port %d is in use and was given", got)
	}
}

func freePort(t *testing.T, p *ports, from int) int {
	t.Helper()
	port, err := p.free(from)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// unusedPort is one that this machine does not give to others at this moment.
func unusedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return portOf(t, l)
}

func portOf(t *testing.T, l net.Listener) int {
	t.Helper()
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
