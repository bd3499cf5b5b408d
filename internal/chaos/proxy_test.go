package chaos_test

import (
	"io"
	"net"
	"testing"
	"time"

	"chasqui/internal/chaos"
)

// echo answers what it hears, behind a proxy.
func echo(t *testing.T) *chaos.Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	p, err := chaos.NewProxy("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func dial(t *testing.T, p *chaos.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// says writes a word and waits for the echo.
func says(c net.Conn, word string, within time.Duration) error {
	if _, err := c.Write([]byte(word)); err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, err := io.ReadFull(c, make([]byte, len(word)))
	return err
}

const (
	soon  = 5 * time.Second
	short = 100 * time.Millisecond
)

func TestProxyPassesAndCuts(t *testing.T) {
	t.Parallel()
	p := echo(t)
	c := dial(t, p)
	if err := says(c, "hello", soon); err != nil {
		t.Fatal(err)
	}
	p.Refuse()
	if err := says(c, "hello", soon); err == nil {
		t.Error("a cut connection answered")
	}
	var d net.Dialer
	if refused, err := d.DialContext(t.Context(), "tcp", p.Addr()); err == nil { // the reset may come as early as that
		t.Cleanup(func() { _ = refused.Close() })
		if err := says(refused, "hello", soon); err == nil {
			t.Error("a refused connection answered")
		}
	}
	p.Pass()
	if err := says(dial(t, p), "hello", soon); err != nil {
		t.Errorf("after the fault: %v", err)
	}
}

func TestProxyHangsAndGoesOn(t *testing.T) {
	t.Parallel()
	for name, hang := range map[string]func(*chaos.Proxy){"both": (*chaos.Proxy).Hang, "answers": (*chaos.Proxy).HangAnswers} {
		p := echo(t)
		c := dial(t, p)
		hang(p)
		if err := says(c, "hello", short); err == nil {
			t.Errorf("%s: answered", name)
		}
		p.Pass()
		_ = c.SetReadDeadline(time.Now().Add(soon))
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Errorf("%s: what hung did not go on: %v", name, err)
		}
	}
}

func TestProxyDelays(t *testing.T) {
	t.Parallel()
	p := echo(t)
	c := dial(t, p)
	p.Delay(short)
	began := time.Now()
	if err := says(c, "hello", soon); err != nil || time.Since(began) < 2*short {
		t.Errorf("answered after %s: %v", time.Since(began), err)
	}
}

func TestProxyTrapsOneRequest(t *testing.T) {
	t.Parallel()
	p := echo(t)
	caught := make(chan struct{})
	p.Trap("commit", func() { close(caught) })
	other, c := dial(t, p), dial(t, p)
	if err := says(other, "begin", soon); err != nil {
		t.Fatal(err)
	}
	if err := says(c, "commit", short); err == nil {
		t.Error("the trapped request was answered")
	}
	<-caught
	if err := says(other, "commit", soon); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestAStalledRequestNeverArrives(t *testing.T) {
	t.Parallel()
	p := echo(t)
	caught := make(chan struct{}, 1)
	p.Stall("secret", func() { caught <- struct{}{} })
	stuck, other := dial(t, p), dial(t, p)
	if err := says(stuck, "before", soon); err != nil {
		t.Fatal(err)
	}
	if says(stuck, "a secret", short) == nil {
		t.Error("it came back")
	}
	<-caught
	p.Pass()
	if says(stuck, "later", short) == nil {
		t.Error("the connection went on after its request was held")
	}
	if err := says(other, "public", soon); err != nil {
		t.Errorf("another connection: %v", err)
	}
}
